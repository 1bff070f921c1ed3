"""Ridge regression against the normal equations and scikit-learn."""

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from labeltree.core.arrays import as_csr
from labeltree.core.pool import ThreadPool
from labeltree.linear import ridge as module
from labeltree.linear.ridge import Gram, ridge, with_constant

POOL = ThreadPool(1)


def problem(n=60, n_features=25, n_targets=40, seed=0):
    rng = np.random.default_rng(seed)
    X = csr_array(random_array((n, n_features), density=0.3, rng=rng), dtype=np.float32)
    return X, rng.normal(size=(n, n_targets))


def test_a_regression_by_hand():
    """One document, one feature 1, target 1: w = b by symmetry, 2w - 1 + 0.1 w = 0."""
    found = ridge(csr_array([[1.0]]), np.array([[1.0]]), 0.1, POOL)
    assert found.weight[0, 0] == found.bias[0] == pytest.approx(1 / 2.1)
    np.testing.assert_allclose(found(csr_array([[2.0]])), [[3 / 2.1]], rtol=1e-6)


@pytest.mark.parametrize("l2", [0.01, 1.0, 30.0])
def test_equals_scikit_learn(l2):
    from sklearn.linear_model import Ridge

    X, Z = problem()
    reference = Ridge(alpha=l2, fit_intercept=False).fit(with_constant(X).toarray(), Z)
    found = ridge(X, Z, l2, POOL)
    np.testing.assert_allclose(found.weight, reference.coef_[:, :-1].T, atol=1e-5)
    np.testing.assert_allclose(found.bias, reference.coef_[:, -1], atol=1e-5)


def test_with_many_features_nothing_is_formed(monkeypatch):
    X, Z = problem(n_features=50)
    direct = Gram(X, 0.5, POOL).solve(X.T @ Z)
    monkeypatch.setattr(module, "FACTORISED", 10)
    monkeypatch.setattr(Gram, "_factor", None)
    found, again = (Gram(X, 0.5, ThreadPool(n)).solve(X.T @ Z) for n in (1, 3))
    np.testing.assert_allclose(found, direct, atol=1e-5)
    np.testing.assert_array_equal(found, again)


def test_refinement_leaves_little_whatever_the_features_weigh(monkeypatch):
    rng = np.random.default_rng(0)
    X, Z = problem(n=200, n_features=500, n_targets=20)
    X = as_csr(X.multiply(10.0 ** rng.uniform(-3, 1, 500)), "X")
    Z[:, 7] = 0
    monkeypatch.setattr(module, "FACTORISED", 10)
    B = X.T @ Z
    M = Gram(X, 0.01, POOL).solve(B)
    left = B - (X.T @ (X @ M) + 0.01 * M)
    assert (np.linalg.norm(left, axis=0) <= module.TOLERANCE * np.linalg.norm(B, axis=0)).all()
    assert not M[:, 7].any()


def test_the_hat_matrix_is_that_of_the_paper():
    X, Z = problem()
    dense = X.toarray().astype(np.float64)
    H = dense @ np.linalg.solve(dense.T @ dense + 0.3 * np.eye(25), dense.T)
    np.testing.assert_allclose(Gram(X, 0.3, POOL).hat(Z), H @ Z, atol=1e-10)
