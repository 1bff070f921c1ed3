"""Multinomial logistic regression against scikit-learn, and the pieces against mathematics."""

import numpy as np
import pytest
from scipy.sparse import random_array
from scipy.special import softmax as scipy_softmax
from scipy.special import wrightomega
from sklearn.linear_model import LogisticRegression

from labeltree.core.arrays import as_csr, for_kernel
from labeltree.grow.pifa import unit_rows
from labeltree.kernels import softmax as kernels
from labeltree.kernels.logistic import LogisticProblem
from labeltree.kernels.sparse import Rows


def problem(seed, n=150, n_features=30, width=6):
    rng = np.random.default_rng(seed)
    X = unit_rows(as_csr(random_array((n, n_features), density=0.3, rng=rng), "X"))
    ease = rng.normal(size=(n_features, width)) * 2
    right = np.argmax(X @ ease + rng.gumbel(size=(n, width)) * 0.3, axis=1)
    right[:width] = np.arange(width)
    return X, right.astype(np.int32)


def solve(X, right, width, *, C=1.0, eps=1e-6, max_iter=3000, seed=1):
    goal = LogisticProblem(float(C), float(eps), max_iter)
    W = kernels.softmax(Rows(*for_kernel(X)), right, width, X.shape[1], goal, np.uint64(seed))
    assert W.shape[0] == X.shape[1] + 1
    assert not W[:, width:].any(), "idle lanes stay as they were"
    W = W[:, :width]
    assert W.dtype == np.float32
    return W.astype(np.float64)


def objective(X, right, W, C):
    A = np.hstack([X.toarray(), np.ones((X.shape[0], 1))])
    p = scipy_softmax(A @ W, axis=1)[np.arange(len(right)), right]
    return 0.5 * (W**2).sum() - C * np.log(p).sum()


@pytest.mark.parametrize("C", [0.1, 1.0, 20.0])
@pytest.mark.parametrize("width", [2, 3, 6])
def test_equals_scikit_learns_multinomial_regression(C, width):
    X, right = problem(width, width=width)
    A = np.hstack([X.toarray(), np.ones((X.shape[0], 1))])
    # Of two classes scikit-learn fits one vector v: ours are -v/2 and v/2, so 2C for it.
    its_C = 2 * C if width == 2 else C
    model = LogisticRegression(C=its_C, fit_intercept=False, tol=1e-10, max_iter=10000)
    v = model.fit(A, right).coef_.T
    expected = np.hstack([-v / 2, v / 2]) if width == 2 else v
    W = solve(X, right, width, C=C)
    np.testing.assert_allclose(W, expected, atol=3e-3 * max(1, C))
    assert objective(X, right, W, C) <= objective(X, right, expected, C) * (1 + 1e-5)


def test_the_children_of_a_feature_sum_to_nothing():
    X, right = problem(3)
    np.testing.assert_allclose(solve(X, right, 6).sum(axis=1), 0, atol=1e-3)


def test_a_row_is_solved_exactly():
    """alpha = C softmax(f after the step): one step is the optimum of its row."""
    rng = np.random.default_rng(0)
    for C, q in [(1.0, 2.0), (10.0, 1.3), (0.1, 2.0), (100.0, 2.0)]:
        alpha = (rng.dirichlet(np.ones(7)) * C).astype(np.float32)
        f = rng.normal(size=7).astype(np.float32) * 3
        before, margins = alpha.copy(), f.copy()
        largest = kernels.exclusive_step(alpha, f, np.empty(7), C, q)
        np.testing.assert_allclose(alpha.sum(), C, rtol=1e-5)
        np.testing.assert_allclose(f, before - alpha, atol=1e-5 * C)
        np.testing.assert_allclose(
            alpha, C * scipy_softmax(margins - q * (alpha.astype(float) - before)),
            rtol=2e-3, atol=1e-5 * C,
        )  # fmt: skip
        assert largest == pytest.approx(q * np.abs(alpha - before).max(), rel=1e-3)


def test_omega_is_scipys():
    for function in (kernels.omega, kernels.omega.py_func):
        x = np.concatenate([np.linspace(-60, 60, 481), [1e4, 1e8]])
        np.testing.assert_allclose([function(v) for v in x], wrightomega(x), rtol=1e-7)


def test_same_seed_same_bits():
    X, right = problem(5)
    runs = [solve(X, right, 6, eps=0.1, max_iter=5, seed=s) for s in (5, 5, 6)]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert (runs[0] != runs[2]).any()


def test_a_document_without_features_moves_the_bias_only():
    X = as_csr(np.zeros((3, 2)), "X")
    W = solve(X, np.array([0, 0, 1], np.int32), 2, C=50.0)
    assert (W[:2] == 0).all()
    odds = W[2, 0] - W[2, 1]
    assert odds == pytest.approx(np.log(2), abs=0.05)
