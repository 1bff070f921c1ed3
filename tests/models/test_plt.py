"""PLT: probabilities that multiply, and the true best labels."""

import numpy as np
from scipy.sparse import csr_array, random_array

from labeltree.core.arrays import as_csr
from labeltree.core.scores import top_k
from labeltree.grow import Grown, Huffman, TwoMeans
from labeltree.linear.solver import Logistic
from labeltree.models.plt import Plt


def corpus(seed=0, n=300, n_labels=40, n_features=60):
    rng = np.random.default_rng(seed)
    Y = rng.random((n, n_labels)) < 0.06
    Y[np.arange(n), rng.integers(0, n_labels, n)] = True
    profile = random_array((n_labels, n_features), density=0.2, rng=rng).toarray()
    X = Y @ profile + random_array((n, n_features), density=0.1, rng=rng).toarray()
    return as_csr(X, "X"), as_csr(Y.astype(float), "Y")


def small_leaves(**fields):
    return Plt(tree=Grown(TwoMeans(max_leaf=4)), **fields)


def test_defaults_are_those_of_napkinxc():
    model = Plt()
    assert (model.n_trees, model.search) == (1, "exact")
    assert model.tree.clusterer.max_leaf == 100
    assert isinstance(model.solver, Logistic)
    solver = model.solver
    assert (solver.C, solver.eps, solver.max_iter, solver.threshold) == (10, 0.1, 100, 0.1)


def test_score_is_the_product_of_logistic_regressions():
    X, Y = corpus()
    model = small_leaves().fit(X, Y)
    (linear,) = model.trees_
    unit = X.toarray() / np.linalg.norm(X.toarray(), axis=1, keepdims=True)
    probability = np.ones((X.shape[0], linear.tree.n_nodes))
    for v in range(1, linear.tree.n_nodes):
        features, weights = linear.weights.of_child(v, int(linear.tree.parent[v]))
        margin = unit[:, features] @ weights + linear.weights.bias[v]
        probability[:, v] = probability[:, linear.tree.parent[v]] / (1 + np.exp(-margin))
    S = model.predict(X, k=40).toarray()
    for v in np.flatnonzero(linear.tree.label >= 0):
        np.testing.assert_allclose(S[:, linear.tree.label[v]], probability[:, v], rtol=2e-3)


def test_exact_search_finds_what_the_beam_misses():
    X, Y = corpus()
    exact = small_leaves().fit(X, Y)
    beam = small_leaves(search="beam", beam=1).fit(X, Y)
    best, found = (top_k(m.predict(X, 5), 5)[1] for m in (exact, beam))
    assert (best >= found - 1e-6).all()
    assert (best > found + 1e-6).any()
    everything = small_leaves(search="beam", beam=1000).fit(X, Y)
    np.testing.assert_array_equal(exact.predict(X, 5).toarray(), everything.predict(X, 5).toarray())


def test_scores_are_probabilities():
    """Labels drawn with a known chance: the mean score of a label is about its frequency."""
    rng = np.random.default_rng(1)
    x = rng.random((4000, 2))
    chance = np.stack([x[:, 0], x[:, 1] ** 2, 0.3 * x[:, 0]], axis=1)
    Y = (rng.random(chance.shape) < chance).astype(float)
    X = csr_array(np.hstack([x, 1 - x]))
    S = Plt().fit(X, Y).predict(X, k=3).toarray()
    np.testing.assert_allclose(S.mean(axis=0), Y.mean(axis=0), atol=0.02)
    assert np.abs(S - chance).mean() < 0.06


def test_on_a_huffman_tree():
    X, Y = corpus()
    model = Plt(tree=Huffman()).fit(X, Y)
    assert (model.trees_[0].tree.fan_out == 2).all()
    assert model.score(X, Y) > 0.9
