"""LEML: what the model makes of the low-rank problem."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.special import expit

import labeltree
from labeltree.core.errors import ParameterError
from labeltree.models.leml import Leml


def planted(n=300, L=12, d=30, seed=0):
    """Labels that are linear in the documents, of rank 3."""
    rng = np.random.default_rng(seed)
    X = np.abs(rng.normal(size=(n, d))) * (rng.random((n, d)) < 0.3)
    f = X @ rng.normal(size=(d, 3)) @ rng.normal(size=(3, L))
    Y = (f > np.quantile(f, 0.8)).astype(float)
    Y[:L] = np.maximum(Y[:L], np.eye(L))
    return csr_array(X), csr_array(Y)


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_the_objective_never_rises(loss):
    X, Y = planted()
    model = Leml(dim=5, loss=loss, tol=0.0).fit(X, Y)
    assert model.objective_.shape == (21,)
    assert (np.diff(model.objective_) <= 1e-9 * model.objective_[0]).all()
    assert model.objective_[-1] < 0.9 * model.objective_[0]


def test_scores_are_products_of_the_factors():
    X, Y = planted()
    model = Leml(dim=4).fit(X, Y)
    unit = X.toarray() / np.linalg.norm(X.toarray(), axis=1, keepdims=True)
    W, H = model.regressor_.weight, model.decoder_.vector
    assert W.shape == (30, 4)
    assert H.shape == (12, 4)
    expected = np.clip((unit @ W + model.regressor_.bias) @ H.T, 0, 1)
    S = model.predict(X, 12).toarray()
    inside = (expected > 0.01) & (expected < 1)
    assert inside.sum() > 100
    np.testing.assert_allclose(S[inside], expected[inside], atol=1e-5)


def test_logistic_scores_are_probabilities():
    X, Y = planted()
    model = Leml(dim=4, loss="logistic", l2=0.1).fit(X, Y)
    unit = X.toarray() / np.linalg.norm(X.toarray(), axis=1, keepdims=True)
    f = (unit @ model.regressor_.weight + model.regressor_.bias) @ model.decoder_.vector.T
    np.testing.assert_allclose(model.predict(X, 12).toarray(), expit(f), atol=1e-4)


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_a_few_directions_suffice_for_labels_of_low_rank(loss):
    X, Y = planted(n=900)
    few = Leml(dim=4, loss=loss, l2=0.1).fit(X[:600], Y[:600]).score(X[600:], Y[600:])
    one = Leml(dim=1, loss=loss, l2=0.1).fit(X[:600], Y[:600]).score(X[600:], Y[600:])
    assert few > 0.65
    assert few > one + 0.05


def test_strong_regularisation_leaves_the_mean():
    X, Y = planted()
    model = Leml(dim=4, l2=1e6).fit(X, Y)
    assert np.abs(model.regressor_.weight).max() * np.abs(model.decoder_.vector).max() < 1e-6


def test_the_objective_is_saved(tmp_path):
    X, Y = planted(60)
    model = Leml(dim=2).fit(X, Y)
    model.save(tmp_path / "leml")
    np.testing.assert_array_equal(labeltree.load(tmp_path / "leml").objective_, model.objective_)


def test_an_unknown_loss():
    with pytest.raises(ParameterError, match="squared, logistic"):
        Leml(loss="hinge")
