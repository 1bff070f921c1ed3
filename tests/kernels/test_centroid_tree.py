"""CRAFTML trees: hashes, k-means over labels, centroids that route, against plain numpy."""

import numpy as np
import pytest
from scipy.sparse import random_array

from labeltree.core.arrays import as_csr, for_kernel
from labeltree.kernels.centroid_tree import (
    CentroidGrowth,
    centroid_tree,
    clustered,
    drawn_row,
    hashed,
    hashed_column,
    prune,
    sample_of,
    spread_centres,
)
from labeltree.kernels.route import nearest_leaf
from labeltree.kernels.sparse import Rows

USUAL = CentroidGrowth(10, 100, 10, 20_000, 2, 0.1, 5)
SEED = np.uint64(7)


def kernel_rows(X):
    return Rows(*for_kernel(as_csr(X, "X")))


def dense(rows, n_columns):
    out = np.zeros((len(rows.indptr) - 1, n_columns))
    for i in range(len(out)):
        at = slice(rows.indptr[i], rows.indptr[i + 1])
        assert len(set(rows.indices[at])) == len(rows.indices[at])
        out[i, rows.indices[at]] = rows.data[at]
    return out


def unit(X):
    return X / np.maximum(1e-12, np.linalg.norm(X, axis=1, keepdims=True))


@pytest.mark.parametrize("n_buckets", [1, 3, 8, 1000])
def test_a_hash_is_a_random_signed_projection(n_buckets):
    rng = np.random.default_rng(0)
    X = random_array((30, 40), density=0.2, rng=rng).toarray().astype(np.float32)
    X[4] = 0
    total = np.zeros(n_buckets, np.float32)
    found = dense(hashed(kernel_rows(X), SEED, total), n_buckets)
    assert not total.any()
    projection = np.zeros((40, n_buckets))
    for c in range(40):
        bucket, sign = hashed_column(c, SEED, n_buckets)
        projection[c, bucket] = sign
    np.testing.assert_allclose(found, unit(X @ projection), atol=1e-4)


def test_values_that_cancel_leave_nothing():
    signs = {}
    for c in range(50):
        signs.setdefault(hashed_column(c, SEED, 1)[1], []).append(c)
    X = np.zeros((1, 50))
    X[0, [signs[1.0][0], signs[-1.0][0]]] = 1
    assert not len(hashed(kernel_rows(X), SEED, np.zeros(1, np.float32)).data)


def test_buckets_and_signs_are_spread_evenly():
    drawn = [hashed_column(c, SEED, 10) for c in range(20_000)]
    counts = np.bincount([int(b) for b, _ in drawn], minlength=10)
    assert (abs(counts - 2000) < 200).all()
    assert abs(np.mean([float(s) for _, s in drawn])) < 0.03


def test_centres_are_rows_far_apart():
    X = np.repeat(np.eye(4), 5, axis=0)
    for seed in range(20):
        centres = np.zeros((4, 6), np.float32)
        assert spread_centres(kernel_rows(X), centres, np.uint64(seed)) == 4
        np.testing.assert_array_equal(np.sort(centres[:, :4].argmax(axis=0)), np.arange(4))
        assert not centres[:, 4:].any()


def test_rows_are_drawn_by_weight():
    weight = np.array([0.0, 1.0, 0.0, 3.0])
    drawn = [drawn_row(weight, 4.0, np.uint64(s)) for s in
             np.random.default_rng(0).integers(0, 2**63, 4000)]  # fmt: skip
    counts = np.bincount(drawn, minlength=4) / 4000
    np.testing.assert_allclose(counts, weight / 4, atol=0.03)
    assert drawn_row(np.zeros(3), 0.0, SEED) == -1


def test_clusters_are_the_groups():
    rng = np.random.default_rng(0)
    X = unit(np.repeat(np.eye(3), 20, axis=0) + 0.05 * rng.random((60, 3)))
    for seed in range(10):
        group = clustered(kernel_rows(X), 3, USUAL._replace(branching=3), np.uint64(seed))
        assert [len(set(group[i : i + 20])) for i in (0, 20, 40)] == [1, 1, 1]
        assert sorted(set(group)) == [0, 1, 2]


def test_the_largest_weights_stay_at_length_one():
    centres = np.zeros((20, 2), np.float32)
    centres[:10, 0] = np.arange(1, 11)
    centres[:3, 1] = -1
    prune(centres, USUAL._replace(kept=0.2, min_kept=2))
    assert np.flatnonzero(centres[:, 0]).tolist() == [8, 9]
    assert np.flatnonzero(centres[:, 1]).tolist() == [0, 1, 2], "ties stay together"
    np.testing.assert_allclose(np.linalg.norm(centres, axis=0), 1, rtol=1e-6)


def test_a_sample_is_drawn_without_replacement():
    members = np.arange(100, 150).astype(np.int32)
    assert sample_of(members, 50, SEED).tolist() == list(range(50))
    drawn = sample_of(members, 20, SEED)
    assert len(set(drawn)) == 20
    assert (np.diff(drawn.astype(int)) > 0).all()


def grow(X, Y, growth=USUAL, n_buckets=200):
    total = np.zeros(n_buckets, np.float32)
    short = hashed(kernel_rows(X), SEED, total)
    labels = hashed(kernel_rows(Y), np.uint64(8), total)
    widest = max(n_buckets, Y.shape[1])
    seen = np.zeros(n_buckets, np.int32), np.zeros(widest, np.int32)
    tree = centroid_tree(short, labels, kernel_rows(Y), growth, seen, np.uint64(9))
    assert not any(part.any() for part in seen)
    x = np.zeros(n_buckets, np.float32)
    leaf = np.array([nearest_leaf(short, i, tree, 0, x) for i in range(X.shape[0])])
    return tree, leaf


@pytest.mark.parametrize("sample", [20_000, 50])
def test_each_document_reaches_the_leaf_that_counted_it(sample):
    rng = np.random.default_rng(1)
    Y = (rng.random((300, 20)) < 0.15).astype(float)
    X = Y @ rng.random((20, 60)) + random_array((300, 60), density=0.1, rng=rng).toarray()
    tree, leaf = grow(X, Y, USUAL._replace(sample=sample))
    assert (tree.child[leaf] < 0).all()
    assert tree.n_children.max() <= 10
    for v in np.unique(leaf):
        stored = np.zeros(20)
        at = slice(tree.leaf_ptr[v], tree.leaf_ptr[v + 1])
        stored[tree.label[at]] = tree.share[at]
        np.testing.assert_allclose(stored, Y[leaf == v].mean(axis=0), rtol=1e-6)


def test_documents_that_are_the_same_stay_in_one_leaf():
    tree, leaf = grow(np.ones((30, 3)), np.ones((30, 2)))
    assert tree.child.tolist() == [-1]
    assert set(leaf) == {0}


def test_topics_fall_apart():
    X = np.kron(np.eye(4), np.ones((15, 2)))
    Y = np.kron(np.eye(4), np.ones((15, 1)))
    tree, leaf = grow(X, Y)
    assert len(set(leaf)) == 4
    assert tree.share.tolist() == [1, 1, 1, 1]
