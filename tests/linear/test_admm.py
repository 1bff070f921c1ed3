import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from labeltree.linear import admm, ridge
from labeltree.linear.admm import Ridge, Sparsity, sparse_regression

X = csr_array(np.array([[1, 0], [1, 1], [0, 1], [0, 2.0]]))
Z = np.array([[1], [0.5], [-0.2], [-1]])


@pytest.mark.parametrize(
    ("l1", "expected"),
    [
        (0, (0.91871, -0.42930)),
        (0.05, (0.85859, -0.40305)),
        (0.3, (0.55800, -0.27180)),
        (3, (0, 0)),
    ],
)
def test_known_answers(l1, expected):
    found = sparse_regression(X, Z, Sparsity(0.1, l1, 1.0, 2000, 1e-7))
    np.testing.assert_allclose(found.weight.ravel(), expected, atol=6e-6)


@pytest.mark.parametrize("rho", [0.3, 1.0, 4.0])
def test_rho_changes_the_way_not_the_answer(rho):
    found = sparse_regression(X, Z, Sparsity(0.1, 0.3, rho, 5000, 1e-8))
    np.testing.assert_allclose(found.weight.ravel(), (0.55800, -0.27180), atol=6e-6)


def drawn(n, d, seed=0):
    rng = np.random.default_rng(seed)
    return csr_array(random_array((n, d), density=0.3, rng=rng)), rng.standard_normal((n, 3))


def objective(X, Z, W, l2, l1):
    fitted = X @ W
    return ((Z - fitted) ** 2).sum() / 2 + l2 / 2 * (W**2).sum() + l1 * np.abs(fitted).sum()


@pytest.mark.parametrize(("n", "d"), [(30, 12), (12, 30)])
def test_no_weights_nearby_are_better(n, d):
    X, Z = drawn(n, d)
    wanted = Sparsity(0.5, 0.2, 1.0, 3000, 1e-8)
    W = sparse_regression(X, Z, wanted).weight
    best, rng = objective(X, Z, W, 0.5, 0.2), np.random.default_rng(1)
    for size in (1e-3, 1e-2, 1e-1):
        for _ in range(100):
            assert objective(X, Z, W + size * rng.standard_normal(W.shape), 0.5, 0.2) > best


@pytest.mark.parametrize(("n", "d"), [(30, 12), (12, 30)])
def test_both_residuals_vanish(n, d):
    X, Z = drawn(n, d)
    found = sparse_regression(X, Z, Sparsity(0.5, 0.2, max_iter=1000))
    assert found.primal < 1e-4
    assert found.dual < 1e-4
    early = sparse_regression(X, Z, Sparsity(0.5, 0.2, max_iter=2))
    assert max(early.primal, early.dual) > 1e-4


@pytest.mark.parametrize(("n", "d"), [(30, 12), (12, 30)])
def test_every_form_gives_the_same(n, d, monkeypatch):
    X, R = drawn(n, d)
    dense = X.toarray()
    expected = np.linalg.solve(dense.T @ dense + 0.5 * np.eye(d), dense.T @ R)
    assert Ridge(X, 0.5).by_documents == (n < d)
    for limit in (8192, 1):  # factorised, and by conjugate gradients
        monkeypatch.setattr(admm, "FACTORISED", limit)
        monkeypatch.setattr(ridge, "FACTORISED", limit)
        solved = Ridge(X, 0.5)
        np.testing.assert_allclose(solved.weight(R), expected, atol=1e-5)
        np.testing.assert_allclose(solved.fitted(R), dense @ expected, atol=1e-5)


def test_documents_without_features_and_codes_of_zero():
    empty = csr_array((4, 2))
    assert not sparse_regression(empty, Z, Sparsity(0.1, 0.1)).weight.any()
    assert not sparse_regression(X, np.zeros((4, 1)), Sparsity(0.1, 0.1)).weight.any()
