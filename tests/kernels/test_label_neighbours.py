import numpy as np
import pytest
from scipy.sparse import csr_array

from labeltree.core.arrays import as_csr, for_kernel
from labeltree.kernels.label_neighbours import add_overlaps, label_neighbours
from labeltree.kernels.sparse import Rows


def rows_of(matrix):
    return Rows(*for_kernel(as_csr(csr_array(matrix), "labels")))


def weights(seed, n=40, n_labels=12, share=0.2):
    rng = np.random.default_rng(seed)
    return rng.random((n, n_labels)).astype(np.float32) * (rng.random((n, n_labels)) < share)


def neighbours(q, w, n, seed=3):
    return label_neighbours(rows_of(q), rows_of(w.T), n, np.uint64(seed))


@pytest.mark.parametrize("n", [1, 5, 39, 60])
@pytest.mark.parametrize("seed", range(4))
def test_equals_the_dense_product(seed, n):
    q, w = weights(seed), weights(seed + 50)
    found, overlap = neighbours(q, w, n)
    dense = q.astype(float) @ w.T.astype(float)
    np.fill_diagonal(dense, 0)
    for i, row in enumerate(dense):
        order = np.argsort(-row)[: min(n, (row > 0).sum())]
        np.testing.assert_array_equal(found[i, : len(order)], order)
        np.testing.assert_allclose(overlap[i, : len(order)], row[order], rtol=1e-5)
        assert (found[i, len(order) :] == -1).all()
        assert (overlap[i, len(order) :] == 0).all()


def test_the_seed_draws_among_equals():
    ones = np.ones((30, 1), np.float32)
    first, again, other = (neighbours(ones, ones, 5, seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    for i, row in enumerate(first):
        assert len(set(row)) == 5
        assert i not in row
    assert len(np.unique(first)) > 20, "not the same few for everybody"


def test_documents_without_labels_have_nobody():
    q = weights(1)
    q[7] = 0
    found, _ = neighbours(q, q, 4)
    assert (found[7] == -1).all()
    assert 7 not in found


def test_the_compiled_sum_equals_its_python():
    q = weights(9)
    for function in (add_overlaps, add_overlaps.py_func):
        total, met = np.zeros(40, np.float32), np.empty(40, np.int32)
        n_met = function(rows_of(q), rows_of(q.T), 3, total, met)
        np.testing.assert_allclose(total, q @ q[3], rtol=1e-6)
        assert sorted(met[:n_met]) == list(np.flatnonzero(q @ q[3]))
