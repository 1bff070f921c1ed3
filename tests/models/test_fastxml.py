"""FastXML: what the paper reports, on small known data and on real data."""

import numpy as np
import pytest

import labeltree
from labeltree.core.arrays import as_csr, for_kernel
from labeltree.kernels.sparse import Rows
from labeltree.models.fastxml import Fastxml


def test_defaults_are_the_papers():
    model = Fastxml()
    assert (model.n_trees, model.max_leaf, model.labels_per_leaf) == (50, 10, 100)
    assert (model.C, model.bias, model.cutoff, model.max_iter) == (1, 1, 0, 10)
    assert not model.normalise


def topics(n=400, n_topics=16, seed=0):
    """Documents of some topics: a topic has a word and a label, and noise of both."""
    rng = np.random.default_rng(seed)
    topic = rng.integers(0, n_topics, n)
    X, Y = np.eye(n_topics)[topic], np.eye(n_topics)[topic]
    X = np.hstack([X, rng.random((n, 30)) < 0.1])
    return as_csr(X, "X"), as_csr(Y, "Y")


def test_topics_are_told_apart():
    X, Y = topics()
    assert Fastxml(n_trees=15).fit(X, Y).score(*topics(seed=1)) > 0.99


def test_trees_are_balanced_without_being_told_so():
    X, Y = topics(2000, 200)
    forest = Fastxml(n_trees=5).fit(X, Y).forest_
    leaves = forest.leaves(Rows(*for_kernel(X)))
    depth = np.mean([[len(forest.path(leaf)) - 1 for leaf in row] for row in leaves[:200].tolist()])
    assert depth / np.log2(2000 / 10) < 1.3


@pytest.fixture(scope="module")
def bibtex(data_root):
    return labeltree.read(data_root / "bibtex")


def mean_depth(model, X):
    leaves = model.forest_.leaves(Rows(*for_kernel(X)))
    paths = {leaf: len(model.forest_.path(leaf)) - 1 for leaf in np.unique(leaves).tolist()}
    return np.mean([paths[leaf] for leaf in leaves.ravel().tolist()])


@pytest.mark.slow
def test_bibtex_is_the_published_figure(bibtex):
    """63.42 in the repository of the field; a forest gains much over its trees; trees balance.

    The 37.6 that others report for a single tree are not reached from above: ours has 47.
    """
    train, test = bibtex.train, bibtex.test
    model = Fastxml().fit(train.X, train.Y)
    assert model.score(test.X, test.Y) == pytest.approx(0.6342, abs=0.01)
    single = Fastxml(n_trees=1).fit(train.X, train.Y)
    assert single.score(test.X, test.Y) < 0.5
    assert mean_depth(model, train.X) / np.log2(train.X.shape[0] / 10) < 1.1
    sizes = np.diff(model.forest_.ptr)
    assert (sizes[model.forest_.root] < 0.8 * train.X.shape[1]).all(), "sparse at the roots too"
    assert sizes[model.forest_.child >= 0].mean() < 0.05 * train.X.shape[1]


@pytest.mark.slow
def test_counting_five_ranks_only_costs_much(bibtex):
    """63.3 falls to 51.8 in table 7 of the paper."""
    model = Fastxml(cutoff=5).fit(bibtex.train.X, bibtex.train.Y)
    assert model.score(bibtex.test.X, bibtex.test.Y) == pytest.approx(0.518, abs=0.02)
