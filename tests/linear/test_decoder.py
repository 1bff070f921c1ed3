"""The best labels of a code against all scores."""

import numpy as np
import pytest

from labeltree.linear.decoder import Decoder


def decoder(n=70, dim=5, seed=0):
    rng = np.random.default_rng(seed)
    column = np.sort(rng.choice(1000, n, replace=False)).astype(np.int32)
    return Decoder(column, rng.normal(size=(n, dim)).astype("f4"), rng.normal(size=n).astype("f4"))


@pytest.mark.parametrize("k", [1, 4, 70, 500])
def test_equals_sorting_all_scores(k):
    made = decoder()
    Z = np.random.default_rng(1).normal(size=(9, 5)).astype("f4")
    label, score = made.best(Z, k)
    every = Z.astype("f8") @ made.vector.T + made.offset
    order = np.argsort(-every, axis=1)[:, :k]
    np.testing.assert_array_equal(label, made.column[order])
    np.testing.assert_allclose(score, np.take_along_axis(every, order, 1), atol=1e-5)


def test_a_row_does_not_depend_on_its_batch():
    made = decoder()
    Z = np.random.default_rng(1).normal(size=(9, 5)).astype("f4")
    together = made.best(Z, 8)
    for i in range(9):
        alone = made.best(Z[i : i + 1], 8)
        np.testing.assert_array_equal(together[0][i], alone[0][0])
        np.testing.assert_array_equal(together[1][i], alone[1][0])


def test_ties_put_the_lower_label_first():
    made = Decoder(np.array([3, 5, 9], np.int32), np.ones((3, 1), "f4"), np.array([0, 1, 0], "f4"))
    label, score = made.best(np.ones((1, 1), "f4"), 3)
    assert label.tolist() == [[5, 3, 9]]
    assert score.tolist() == [[2, 1, 1]]
