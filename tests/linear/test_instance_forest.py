"""Forests over documents: trees stored one after the other, ways, votes."""

import numpy as np
import pytest

from labeltree.core.arrays import as_csr, for_kernel
from labeltree.core.pool import ThreadPool
from labeltree.kernels.centroid_tree import CentroidGrowth
from labeltree.kernels.l1_logistic import L1Logistic
from labeltree.kernels.ranking_tree import Growth
from labeltree.kernels.sparse import Rows
from labeltree.linear.instance_forest import InstanceForest, centroid_forest, ranking_forest

ONE, TWO = ThreadPool(1), ThreadPool(2)
RANKING = Growth(10, 100, 1.0, 1.0, 2**31 - 1, True, L1Logistic(0.01, 10, 10))
CENTROIDS = CentroidGrowth(10, 100, 4, 20_000, 2, 0.1, 5)


def corpus(seed=0, n=200, n_labels=12, n_features=40):
    rng = np.random.default_rng(seed)
    Y = rng.random((n, n_labels)) < 0.15
    X = Y @ rng.random((n_labels, n_features)) * (rng.random((n, n_features)) < 0.3)
    return as_csr(X, "X"), as_csr(Y.astype(float), "Y")


def grown(kind, seeds, pool=ONE):
    X, Y = corpus()
    if kind == "ranking":
        return ranking_forest(X, Y, RANKING, seeds, pool)
    return centroid_forest(X, Y, CENTROIDS, 100, seeds, pool)


@pytest.fixture(params=["ranking", "centroid"])
def kind(request):
    return request.param


ARRAYS = ("child", "n_children", "ptr", "feature", "weight", "bias", "leaf_ptr", "label", "share")


def test_a_forest_is_its_trees_one_after_the_other(kind):
    rows = Rows(*for_kernel(corpus()[0]))
    together, single = grown(kind, [5, 6, 7]), [grown(kind, [seed]) for seed in (5, 6, 7)]
    leaves = together.leaves(rows)
    for t, alone in enumerate(single):
        np.testing.assert_array_equal(leaves[:, [t]] - together.root[t], alone.leaves(rows))
        for leaf in np.unique(alone.leaves(rows)):
            for a, b in zip(alone.shares_of(leaf), together.shares_of(leaf + together.root[t]),
                            strict=True):  # fmt: skip
                np.testing.assert_array_equal(a, b)


def test_threads_do_not_matter(kind):
    one, two = grown(kind, [1, 2, 3, 4]), grown(kind, [1, 2, 3, 4], TWO)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def test_ways_lead_from_the_root_to_the_leaf(kind):
    forest = grown(kind, [1, 2, 3])
    assert (forest.parent[forest.root] == -1).all()
    assert (forest.parent >= 0).sum() == len(forest.child) - 3
    for tree, leaf in enumerate(forest.leaves(Rows(*for_kernel(corpus()[0])))[0].tolist()):
        path = forest.path(leaf)
        assert path[0] == forest.root[tree]
        assert path[-1] == leaf
        for above, below in zip(path, path[1:], strict=False):
            first = forest.child[above]
            assert first <= below < first + forest.n_children[above]


def test_vectors_decide_the_way():
    forest = grown("ranking", [3])
    X, _ = corpus()
    for i, leaf in enumerate(forest.leaves(Rows(*for_kernel(X)))[:20, 0].tolist()):
        x = X[[i]].toarray()[0]
        path = forest.path(leaf)
        for above, below in zip(path, path[1:], strict=False):
            feature, weight = forest.vector_of(above)
            margin = x[feature] @ weight + forest.bias[above]
            assert (margin >= 0) == (below == forest.child[above])


def test_votes_are_the_mean_of_the_leaves(kind):
    forest = grown(kind, [1, 2, 3])
    rows = Rows(*for_kernel(corpus()[0]))
    label, score = forest.best(rows, 12, 12)
    for i, leaves in enumerate(forest.leaves(rows)[:30].tolist()):
        mean = np.zeros(12)
        for leaf in leaves:
            labels, share = forest.shares_of(leaf)
            mean[labels] += share / 3
        n = np.count_nonzero(mean)
        assert (label[i, n:] == -1).all()
        assert set(label[i, :n].tolist()) == set(np.flatnonzero(mean).tolist())
        assert (np.diff(score[i, :n]) <= 0).all()
        np.testing.assert_allclose(score[i, :n], mean[label[i, :n]], rtol=1e-5)


def test_one_tree_alone():
    assert isinstance(grown("ranking", [1]), InstanceForest)
    assert grown("ranking", [1]).root.tolist() == [0]
