"""CRAFTML: what the paper reports, on small known data and on real data."""

import numpy as np
import pytest

import labeltree
from labeltree.core.arrays import as_csr
from labeltree.models.craftml import Craftml


def topics(n=400, n_topics=16, seed=0):
    rng = np.random.default_rng(seed)
    Y = np.eye(n_topics)[rng.integers(0, n_topics, n)]
    X = np.hstack([Y, rng.random((n, 30)) < 0.1])
    return as_csr(X, "X"), as_csr(Y, "Y")


def test_defaults_are_the_papers():
    model = Craftml()
    assert (model.n_trees, model.max_leaf, model.branching) == (50, 10, 10)
    assert (model.n_buckets, model.sample, model.max_iter) == (10_000, 20_000, 2)
    assert (model.kept, model.min_kept) == (0.1, 5)


def test_topics_are_told_apart():
    assert Craftml(n_trees=10).fit(*topics()).score(*topics(seed=1)) > 0.99


def test_nodes_have_so_many_children_at_most():
    for branching in (2, 5):
        forest = Craftml(n_trees=3, branching=branching).fit(*topics()).forest_
        assert forest.n_children.max() == branching


def test_each_tree_hashes_by_a_seed_of_its_own():
    forest = Craftml(n_trees=4).fit(*topics()).forest_
    assert len(set(forest.seeds.tolist())) == 4
    assert forest.feature.max() < 10_000


def test_few_buckets_confuse_words():
    X, Y = topics()
    few = Craftml(n_trees=1, n_buckets=2).fit(X, Y).score(X, Y)
    assert few < Craftml(n_trees=1).fit(X, Y).score(X, Y)


def test_centroids_are_pruned():
    sizes = [
        len(Craftml(n_trees=2, kept=kept, min_kept=1).fit(*topics()).forest_.weight)
        for kept in (0.1, 1.0)
    ]
    assert sizes[0] < sizes[1]


@pytest.mark.slow
def test_bibtex_is_the_published_figure(data_root):
    splits = labeltree.read(data_root / "bibtex")
    model = Craftml().fit(splits.train.X, splits.train.Y)
    assert model.score(splits.test.X, splits.test.Y) == pytest.approx(0.6147, abs=0.01)
