"""Ways down trees over documents and votes of leaves, against plain numpy."""

import numpy as np
import pytest

from labeltree.core.arrays import as_csr, for_kernel
from labeltree.kernels.instance_tree import Tree
from labeltree.kernels.route import (
    Votes,
    best_votes,
    nearest_leaf,
    reached_leaf,
    reached_leaves,
)
from labeltree.kernels.sparse import Rows


def rows(dense):
    return Rows(*for_kernel(as_csr(np.asarray(dense, float), "rows")))


def tree(child, n_children, vectors, bias, leaves):
    """Return a tree of dicts feature -> weight and label -> share."""
    ptr = np.cumsum([0, *map(len, vectors)])
    leaf_ptr = np.cumsum([0, *map(len, leaves)])
    flat = [(k, v) for vector in vectors for k, v in vector.items()]
    shares = [(k, v) for leaf in leaves for k, v in leaf.items()]
    return Tree(
        np.array(child, np.int32), np.array(n_children, np.int32), ptr.astype(np.int64),
        np.array([k for k, _ in flat], np.uint32), np.array([v for _, v in flat], np.float32),
        np.array(bias, np.float32), leaf_ptr.astype(np.int64),
        np.array([k for k, _ in shares], np.uint32),
        np.array([v for _, v in shares], np.float32),
    )  # fmt: skip


@pytest.fixture
def two_trees():
    """Two stumps: on feature 0 above 0.5, and on features 1 against 2."""
    return tree(
        [1, -1, -1, 4, -1, -1], [2, 0, 0, 2, 0, 0],
        [{0: 1.0}, {}, {}, {1: 1.0, 2: -1.0}, {}, {}], [-0.5, 0, 0, 0, 0, 0],
        [{}, {0: 1.0, 1: 0.5}, {2: 1.0}, {}, {1: 1.0}, {2: 0.5, 3: 0.25}],
    ), np.array([0, 3], np.int32)  # fmt: skip


def test_documents_follow_the_sign_and_zero_is_positive(two_trees):
    trees, roots = two_trees
    x = np.zeros(3, np.float32)
    found = reached_leaves(rows([[1, 0, 0], [0, 0, 1], [0.5, 2, 2], [0, 0, 0]]), trees, roots, x)
    assert found.tolist() == [[1, 4], [2, 5], [1, 4], [2, 4]]
    assert not x.any()


def random_tree(rng, n_inner, n_features):
    """Return a tree of random hyperplanes with n_inner + 1 leaves, breadth first."""
    child, vectors = np.full(2 * n_inner + 1, -1), [{} for _ in range(2 * n_inner + 1)]
    for v in range(n_inner):
        child[v] = 2 * v + 1
        used = np.sort(rng.permutation(n_features)[: rng.integers(1, n_features)])
        vectors[v] = dict(zip(used.tolist(), rng.normal(size=len(used)), strict=True))
    bias = np.where(child >= 0, rng.normal(size=len(child)), 0)
    return tree(child, 2 * (child >= 0), vectors, bias, [{0: 1.0}] * len(child))


@pytest.mark.parametrize("n", [1, 3, 4, 200])
def test_rows_together_and_alone_reach_the_same_leaves(n):
    rng = np.random.default_rng(n)
    trees, x = random_tree(rng, 40, 30), np.zeros(30, np.float32)
    dense = np.round(rng.normal(size=(n, 30)), 1) * (rng.random((n, 30)) < 0.3)
    found = reached_leaves(rows(dense), trees, np.zeros(1, np.int32), x)[:, 0]
    assert not x.any()
    alone = [reached_leaf(rows(dense), i, trees, 0, x) for i in range(n)]
    assert found.tolist() == alone
    for i, v in enumerate(found):
        while v:
            above = (v - 1) // 2
            at = slice(trees.ptr[above], trees.ptr[above + 1])
            margin = dense[i, trees.feature[at]] @ trees.weight[at] + trees.bias[above]
            assert (margin >= 0) == (v == trees.child[above])
            v = above


def test_votes_are_means_best_first_lower_numbers_first(two_trees):
    trees, _ = two_trees
    votes = Votes(np.zeros(4, np.float32), np.zeros(4, np.int32))
    label, score = best_votes(trees, np.array([[1, 4], [2, 5], [1, 5]], np.int32), votes, 3)
    assert label.tolist() == [[1, 0, -1], [2, 3, -1], [0, 1, 2]]
    np.testing.assert_allclose(score, [[0.75, 0.5, 0], [0.75, 0.125, 0], [0.5, 0.25, 0.25]])
    assert not votes.total.any()


def test_the_nearest_centroid_wins_the_first_on_a_tie():
    trees = tree(
        [1, -1, -1, -1], [3, 0, 0, 0],
        [{}, {0: 1.0}, {1: 1.0}, {0: 0.6, 1: 0.8}], [0] * 4, [{}, {0: 1}, {1: 1}, {2: 1}],
    )  # fmt: skip
    x = np.zeros(3, np.float32)
    X = rows([[1, 0, 0], [0, 1, 0], [0.6, 0.8, 0], [0, 0, 1], [-1, 0, 0]])
    assert [nearest_leaf(X, i, trees, 0, x) for i in range(5)] == [1, 2, 3, 1, 2]
    assert not x.any()
