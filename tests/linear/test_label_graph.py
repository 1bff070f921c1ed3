import numpy as np
import pytest

from labeltree.core.arrays import as_csr
from labeltree.linear import label_graph
from labeltree.linear.label_graph import alike, overlaps


def label_sets(seed, n=40, n_labels=15):
    Y = np.random.default_rng(seed).random((n, n_labels)) < 0.2
    return as_csr(Y.astype(float), "Y")


@pytest.mark.parametrize("seed", range(3))
def test_alike_is_the_sum_over_shared_labels_of_one_over_the_others_number(seed):
    Y = label_sets(seed)
    dense = Y.toarray()
    expected = dense @ (dense / np.maximum(1, dense.sum(axis=1, keepdims=True))).T
    np.fill_diagonal(expected, 0)
    found = alike(Y, 6, seed)
    for i, row in enumerate(expected):
        best = -np.sort(-row)[:6]
        here = found[i][found[i] >= 0]
        np.testing.assert_allclose(row[here], best[best > 0], rtol=1e-5)


def test_frequent_labels_are_left_out_where_the_search_gets_too_dear(monkeypatch):
    dense = np.zeros((30, 4))
    dense[:, 0] = 1  # everybody's
    dense[np.arange(30), 1 + np.arange(30) % 3] = 1
    Y = as_csr(dense, "Y")
    monkeypatch.setattr(label_graph, "COST", 10)  # three labels of ten documents each: 300 pairs
    found = alike(Y, 20, 0, bounded=True)
    assert (np.sum(found >= 0, axis=1) == 9).all()
    assert (alike(Y, 20, 0) >= 0).all()


@pytest.mark.parametrize("seed", range(3))
def test_overlaps_are_kept_for_the_nearest_for_some_far_and_for_oneself(seed):
    Y = label_sets(seed)
    graph, dense = overlaps(Y, 5, 2, seed), (Y @ Y.T).toarray()
    stored = np.zeros(graph.shape, bool)
    stored[graph.nonzero()] = True
    i, j = np.repeat(np.arange(40), np.diff(graph.indptr)), graph.indices
    stored[i, j] = True
    np.testing.assert_allclose(graph.data, dense[i, j], rtol=1e-6)
    assert (stored == stored.T).all()
    assert stored.diagonal().all()
    np.fill_diagonal(dense, 0)
    for row, kept in zip(dense, stored, strict=True):
        best = -np.sort(-row)[:5]
        assert (row[kept] > 0).sum() >= (best > 0).sum()
        assert row[~kept].max() <= best[-1] + 1e-6, "none that overlaps more was left out"
    assert (graph.data == 0).any(), "far documents have nothing in common, and that is known"
    assert graph.has_canonical_format


def test_the_seed_draws_the_far_ones():
    Y = label_sets(1)
    first, again, other = (overlaps(Y, 3, 4, s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.indices, again.indices)
    assert first.nnz != other.nnz or (first.indices != other.indices).any()


def test_more_neighbours_than_documents():
    Y = label_sets(2, n=4)
    assert overlaps(Y, 100, 3, 0).shape == (4, 4)
    assert alike(Y, 10, 0).shape == (4, 10)
