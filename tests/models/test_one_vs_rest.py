"""One-vs-rest equals independent linear classifiers."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from labeltree.grow import Star
from labeltree.linear.solver import SquaredHinge
from labeltree.models.one_vs_rest import OneVsRest


def test_defaults_are_the_papers():
    model = OneVsRest()
    assert isinstance(model.tree, Star)
    assert model.solver.threshold == 0.01


def test_each_label_is_the_classifier_that_scikit_learn_trains():
    svm = pytest.importorskip("sklearn.svm")
    rng = np.random.default_rng(0)
    X = rng.random((60, 8)) * (rng.random((60, 8)) < 0.5)
    X[:, 0] += 0.1
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    Y = (rng.random((60, 5)) < 0.3).astype(float)
    Y[:5] = np.eye(5)
    exact = SquaredHinge(threshold=0, eps=1e-6, max_iter=5000)
    model = OneVsRest(solver=exact).fit(csr_array(X), csr_array(Y))
    with_bias = np.hstack([X, np.ones((60, 1))])
    tree = model.trees_[0]
    for label in range(5):
        reference = svm.LinearSVC(
            loss="squared_hinge", dual=True, fit_intercept=False, tol=1e-8, max_iter=100000
        ).fit(with_bias, Y[:, label])
        features, weights = tree.weights.of_child(label + 1, 0)
        found = np.zeros(9)
        found[features] = weights
        found[8] = tree.weights.bias[label + 1]
        np.testing.assert_allclose(found, reference.coef_[0], atol=1e-4)


def test_scores_are_the_transformed_margins():
    X = np.eye(3)
    model = OneVsRest(solver=SquaredHinge(threshold=0, eps=1e-6, max_iter=5000)).fit(X, X)
    S = model.predict(X, k=3).toarray()
    assert (S.argmax(axis=1) == np.arange(3)).all()
    weights, bias = model.trees_[0].weights.of_child(1, 0), model.trees_[0].weights.bias[1]
    margin = dict(zip(*weights, strict=True)).get(0, 0) + bias
    np.testing.assert_allclose(S[0, 0], np.exp(-(max(0, 1 - margin) ** 2)), rtol=1e-5)


def test_no_beam_is_lost_on_a_star():
    rng = np.random.default_rng(1)
    X = rng.random((80, 20))
    Y = csr_array((rng.random((80, 40)) < 0.1).astype(float))
    narrow, wide = OneVsRest(beam=1).fit(X, Y), OneVsRest(beam=50).fit(X, Y)
    assert (narrow.predict(X, 10) != wide.predict(X, 10)).nnz == 0
