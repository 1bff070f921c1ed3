"""From bits to labels: compiled against Python against numpy."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from labeltree.core.arrays import as_binary, for_kernel
from labeltree.kernels.codes import (
    MEAN,
    MEDIAN,
    MIN,
    as_probabilities,
    best_by_bits,
    best_in_clusters,
    best_of_candidates,
    joint,
)
from labeltree.kernels.sparse import Rows

NUMPY = {MEAN: np.mean, MIN: np.min, MEDIAN: np.median}


def problem(seed=0, n=6, n_labels=40, n_parts=4, width=10):
    """Values of bits, and labels with a bit of each part."""
    rng = np.random.default_rng(seed)
    value = rng.random((n, n_parts * width)).astype("f4")
    code = rng.integers(0, width, (n_labels, n_parts)) + width * np.arange(n_parts)
    return value, code.astype(np.int32)


def in_order(every, k):
    """Return the k best of each row, the lower label first on a tie."""
    label = np.argsort(-every, axis=1, kind="stable")[:, :k]
    return label, np.take_along_axis(every, label, 1)


@pytest.mark.parametrize("how", NUMPY)
@pytest.mark.parametrize("n_parts", [1, 2, 5, 6])
@pytest.mark.parametrize("function", [joint, joint.py_func])
def test_what_bits_say_together(how, n_parts, function):
    value, code = problem(n_parts=n_parts)
    for bits in code[:10]:
        found = function(value[0], bits, how, np.empty(n_parts))
        assert found == pytest.approx(NUMPY[how](value[0, bits].astype("f8")), abs=1e-12)


@pytest.mark.parametrize("how", NUMPY)
@pytest.mark.parametrize("k", [1, 7, 40])
def test_all_labels_are_scored(how, k):
    value, code = problem()
    expected = in_order(NUMPY[how](value[:, code].astype("f8"), axis=2), k)
    for function in (best_by_bits, best_by_bits.py_func):
        label, score = function(value, code, how, k)
        np.testing.assert_array_equal(label, expected[0])
        np.testing.assert_allclose(score, expected[1], atol=1e-12)


def test_fewer_labels_than_asked_for():
    value, code = problem(n_labels=2)
    label, score = best_by_bits(value, code, MEAN, 4)
    assert (label[:, 2:] == -1).all()
    assert np.isneginf(score[:, 2:]).all()


def carriers(code, n_bits):
    rows = np.repeat(np.arange(len(code)), code.shape[1])
    matrix = csr_array((np.ones(code.size), (code.ravel(), rows)), shape=(n_bits, len(code)))
    return Rows(*for_kernel(as_binary(matrix, "carriers")))


@pytest.mark.parametrize("n_parts", [1, 2, 4])
@pytest.mark.parametrize("n_top", [1, 3, 10])
def test_candidates_are_met_in_two_parts(n_parts, n_top):
    value, code = problem(n_parts=n_parts)
    top = np.argsort(-value.reshape(6, n_parts, 10), axis=2, kind="stable")[:, :, :n_top]
    met = (code[:, :, None] % 10 == top[:, None]).any(axis=3).sum(axis=2)
    every = value[:, code].astype("f8").mean(axis=2)
    every[met < min(2, n_parts)] = -np.inf
    expected = in_order(every, 5)
    for function in (best_of_candidates, best_of_candidates.py_func):
        label, score = function(value, code, MEAN, 5, carriers(code, n_parts * 10), n_top)
        there = np.isfinite(expected[1])
        np.testing.assert_array_equal(label, np.where(there, expected[0], -1))
        np.testing.assert_allclose(score[there], expected[1][there], atol=1e-12)
        assert there.any()


@pytest.mark.parametrize("followed", [1, 2, 4])
def test_labels_of_the_clusters_with_most_bits_on(followed):
    value, code = problem(seed=3)
    cluster = (np.arange(40) % 5 - 1).astype(np.int32)
    on = value > 0.5
    for function in (best_in_clusters, best_in_clusters.py_func):
        label, score = function(value, code, cluster, 4, followed, 40)
        for i in range(len(value)):
            n_on = [on[i][code[cluster == c]].sum() for c in range(4)]
            total = [value[i][code[cluster == c]].astype("f8").sum() for c in range(4)]
            first = sorted(range(4), key=lambda c: (-n_on[c], -total[c], c))[:followed]
            every = value[i, code].astype("f8").mean(axis=1)
            every[~np.isin(cluster, [-1, *first])] = -np.inf
            expected = np.argsort(-every, kind="stable")[: np.isfinite(every).sum()]
            assert label[i, : len(expected)].tolist() == expected.tolist()
            assert (label[i, len(expected) :] == -1).all()
            np.testing.assert_allclose(score[i, : len(expected)], every[expected], atol=1e-12)


def test_no_clusters_at_all():
    value, code = problem()
    alone = np.full(40, -1, np.int32)
    label, score = best_in_clusters(value, code, alone, 0, 0, 3)
    expected = best_by_bits(value, code, MEAN, 3)
    np.testing.assert_array_equal(label, expected[0])
    np.testing.assert_array_equal(score, expected[1])


def test_margins_as_probabilities():
    margins = np.array([-np.inf, -3, 0, 0.5, 40, np.inf], np.float32)
    found = as_probabilities(margins, 1)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [0, 1 / (1 + np.e**3), 0.5, 1 / (1 + np.e**-0.5), 1, 1])
    hinge = as_probabilities(np.array([0.5, 2], np.float32), 0)
    np.testing.assert_allclose(hinge, [np.exp(-0.25), 1])
