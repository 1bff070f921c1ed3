import numpy as np
import pytest

from labeltree.kernels.neighbour_votes import neighbour_votes

PTR, LABEL = np.array([0, 2, 3, 3, 5]), np.array([1, 4, 4, 0, 1], np.int32)
"""Documents with labels {1, 4}, {4}, {}, {0, 1}."""


def voted(neighbour, weight, k):
    room = np.zeros(5, np.float32), np.empty(5, np.int32)
    found = [
        function(np.array(neighbour, np.int32), np.array(weight, np.float32), (PTR, LABEL), room, k)
        for function in (neighbour_votes, neighbour_votes.py_func)
    ]
    assert not room[0].any(), "the scratch comes back as it was"
    for compiled, plain in zip(*found, strict=True):
        np.testing.assert_array_equal(compiled, plain)
    return found[0]


def test_known_answer():
    label, score = voted([[0, 1, 3], [2, -1, -1]], [[0.5, 0.25, 0.25], [1, 1, 1]], 3)
    assert label.tolist() == [[1, 4, 0], [-1, -1, -1]]
    assert score.tolist() == [[0.75, 0.75, 0.25], [0, 0, 0]]


@pytest.mark.parametrize("seed", range(3))
def test_equals_the_plain_sum(seed):
    rng = np.random.default_rng(seed)
    neighbour = rng.integers(-1, 4, (9, 6))
    weight = rng.random((9, 6)).astype(np.float32)
    dense = np.zeros((9, 5))
    for i, m in np.ndindex(9, 6):
        if neighbour[i, m] >= 0:
            dense[i, LABEL[PTR[neighbour[i, m]] : PTR[neighbour[i, m] + 1]]] += weight[i, m]
    label, score = voted(neighbour, weight, 5)
    for i, row in enumerate(dense):
        order = np.argsort(-row, kind="stable")[: (row > 0).sum()]
        np.testing.assert_array_equal(label[i, : len(order)], order)
        np.testing.assert_allclose(score[i, : len(order)], row[order], rtol=1e-5)
        assert (label[i, len(order) :] == -1).all()
