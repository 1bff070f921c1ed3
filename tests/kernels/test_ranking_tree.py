"""FastXML trees: documents reach the leaf that counted them, nodes are split as the parts say."""

import numpy as np
import pytest
from scipy.sparse import random_array

from labeltree.core.arrays import as_csr, for_kernel
from labeltree.kernels.l1_logistic import L1Logistic
from labeltree.kernels.ranking_tree import (
    Growth,
    balanced,
    hyperplane,
    mixed_sides,
    ranking_tree,
    split,
)
from labeltree.kernels.route import reached_leaves
from labeltree.kernels.sparse import Rows, gather_columns

USUAL = Growth(10, 100, 1.0, 1.0, 2**31 - 1, True, L1Logistic(0.01, 10, 10))


def corpus(seed=0, n=300, n_labels=20, n_features=60):
    rng = np.random.default_rng(seed)
    Y = rng.random((n, n_labels)) < 0.12
    Y[::17] = False
    profile = random_array((n_labels, n_features), density=0.15, rng=rng).toarray()
    X = Y @ profile + random_array((n, n_features), density=0.05, rng=rng).toarray()
    X[5] = 0
    return as_csr(X, "X"), as_csr(Y.astype(float), "Y")


def grow(X, Y, growth=USUAL, seed=1):
    seen = np.zeros(X.shape[1], np.int32), np.zeros(Y.shape[1], np.int32)
    tree = ranking_tree(Rows(*for_kernel(X)), Rows(*for_kernel(Y)), growth, seen, np.uint64(seed))
    assert not any(part.any() for part in seen)
    return tree


def leaf_of(tree, X):
    x = np.zeros(X.shape[1], np.float32)
    return reached_leaves(Rows(*for_kernel(X)), tree, np.zeros(1, np.int32), x)[:, 0]


@pytest.mark.parametrize("seed", range(3))
def test_each_document_reaches_the_leaf_that_counted_it(seed):
    X, Y = corpus(seed)
    tree = grow(X, Y, seed=seed)
    leaf = leaf_of(tree, X)
    assert (tree.child[leaf] < 0).all()
    assert len(np.unique(leaf)) == (tree.child < 0).sum(), "no leaf is empty"
    for v in np.unique(leaf):
        share = np.asarray(Y[leaf == v].mean(axis=0)).ravel()
        stored = np.zeros(Y.shape[1])
        at = slice(tree.leaf_ptr[v], tree.leaf_ptr[v + 1])
        stored[tree.label[at]] = tree.share[at]
        np.testing.assert_allclose(stored, share, rtol=1e-6)
        assert (np.diff(tree.share[at]) <= 0).all()


def test_nodes_come_breadth_first_and_leaves_are_small():
    X, Y = corpus()
    tree = grow(X, Y)
    inner = np.flatnonzero(tree.child >= 0)
    assert tree.child[inner].tolist() == list(range(1, len(tree.child), 2))
    assert (tree.n_children[inner] == 2).all()
    sizes = np.bincount(leaf_of(tree, X), minlength=len(tree.child))
    assert (sizes[sizes > 0] <= USUAL.max_leaf).mean() > 0.9
    assert not tree.bias[tree.child < 0].any()
    for v in inner:
        feature = tree.feature[tree.ptr[v] : tree.ptr[v + 1]]
        assert (np.diff(feature.astype(int)) > 0).all()
        assert tree.weight[tree.ptr[v] : tree.ptr[v + 1]].all()


def test_the_seed_decides():
    X, Y = corpus()
    first, second, other = (grow(X, Y, seed=s) for s in (1, 1, 2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(first.weight) != len(other.weight) or (first.weight != other.weight).any()


def test_leaves_keep_so_many_labels():
    X, Y = corpus()
    all_labels = grow(X, Y)
    few = grow(X, Y, USUAL._replace(labels_per_leaf=2))
    assert np.diff(few.leaf_ptr).max() == 2
    np.testing.assert_array_equal(few.ptr, all_labels.ptr)


@pytest.mark.parametrize("n", [1, 10, 11])
def test_documents_that_are_the_same_stay_in_one_leaf(n):
    X, Y = as_csr(np.ones((n, 3)), "X"), as_csr(np.ones((n, 2)), "Y")
    tree = grow(X, Y)
    assert tree.child.tolist() == [-1]
    assert tree.label.tolist() == [0, 1]
    assert tree.share.tolist() == [1, 1]


def test_no_labels_and_no_features_at_all():
    tree = grow(as_csr(np.zeros((30, 3)), "X"), as_csr(np.zeros((30, 2)), "Y"))
    assert not len(tree.label)
    assert tree.child[0] == -1 or (tree.child >= 0).any()


def test_both_sides_weigh_the_same():
    sign = np.array([1, 1, 1, -1], np.int8)
    cost = balanced(sign, 2.0)
    np.testing.assert_allclose(cost, [8 / 3, 8 / 3, 8 / 3, 8])
    assert cost[sign > 0].sum() == pytest.approx(cost[sign < 0].sum())


def test_what_is_stored_decides_the_sides():
    X = as_csr(np.array([[1.0, 0], [0, 1.0], [1.0, 1.0], [0, 0]]), "X")
    rows = np.arange(4, dtype=np.int32)
    columns, features = gather_columns(Rows(*for_kernel(X)), rows, np.zeros(2, np.int32), 0.5)
    plane = hyperplane(columns, features, np.array([1.0, -1.0, 1e-17]), 4, 0.5)
    assert plane.side.tolist() == [0, 1, 0, 0]
    assert plane.feature.tolist() == [0, 1]
    assert not len(hyperplane(columns, features, np.array([0, 0, 1.0]), 4, 0.5).side)
    dropped = hyperplane(columns, features, np.array([1e-17, -1.0, 0.4]), 4, 0.5)
    assert dropped.feature.tolist() == [1]
    assert dropped.bias == pytest.approx(0.2)


def test_mixed_sides():
    assert mixed_sides(np.array([True, False]))
    assert not mixed_sides(np.array([True, True]))
    assert not mixed_sides(np.array([False]))


def test_two_topics_fall_apart_at_the_root():
    X = np.kron(np.eye(2), np.ones((20, 2)))
    Y = np.kron(np.eye(2), np.ones((20, 1)))
    X, Y = as_csr(X, "X"), as_csr(Y, "Y")
    seen = np.zeros(4, np.int32), np.zeros(2, np.int32)
    members = np.arange(40, dtype=np.int32)
    plane = split(Rows(*for_kernel(X)), Rows(*for_kernel(Y)), members, USUAL, seen, np.uint64(3))
    assert len(set(plane.side[:20])) == len(set(plane.side[20:])) == 1
    assert plane.side[0] != plane.side[20]
