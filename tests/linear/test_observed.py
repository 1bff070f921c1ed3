"""Logistic loss over observed entries against dense formulas and finite differences."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.sparse import csr_array, random_array

from labeltree.core.pool import ThreadPool
from labeltree.linear import observed as module
from labeltree.linear.low_rank import Factors, factorised
from labeltree.linear.observed import Half, LogisticLoss, observed

POOL = ThreadPool(1)


def problem(seed=0, n=30, d=6, L=8, k=3, n_negatives=2):
    rng = np.random.default_rng(seed)
    X = csr_array(random_array((n, d), density=0.5, rng=rng), dtype=np.float32)
    Y = csr_array((rng.random((n, L)) < 0.3).astype(float))
    at = Factors(rng.normal(size=(d, k)), rng.normal(size=(L, k)))
    return X, Y, observed(Y, n_negatives, rng), at


def dense_objective(X, sign, at, l2):
    s = sign.toarray()
    f = X.toarray().astype("f8") @ at.W @ at.H.T
    losses = np.where(s != 0, np.logaddexp(0, -s * f), 0).sum()
    return losses + l2 / 2 * ((at.W**2).sum() + (at.H**2).sum())


def test_observed_entries_are_all_labels_and_some_others():
    _, Y, sign, _ = problem(n_negatives=3)
    sign, truth = sign.toarray(), Y.toarray() > 0
    assert set(np.unique(sign)) == {-1, 0, 1}
    np.testing.assert_array_equal(sign == 1, truth)
    n_negative = (sign == -1).sum(axis=1)
    assert (n_negative <= 3 * truth.sum(axis=1)).all()
    assert n_negative.sum() > truth.sum()


def test_negatives_are_drawn_from_all_labels_alike():
    Y = csr_array((np.ones(5000), (np.arange(5000), np.zeros(5000, int))), shape=(5000, 11))
    sign = observed(Y, 4, np.random.default_rng(0)).toarray()
    assert (sign[:, 0] == 1).all()
    share = (sign[:, 1:] == -1).mean(axis=0)
    np.testing.assert_allclose(share, 1 - (10 / 11) ** 4, atol=0.03)


def test_the_objective_without_the_matrix():
    X, _, sign, at = problem()
    found = LogisticLoss(X, sign, 0.3, POOL).objective(at)
    assert found == pytest.approx(dense_objective(X, sign, at, 0.3), rel=1e-12)


@pytest.mark.parametrize("factor", ["W", "H"])
def test_gradient_and_hessian_against_finite_differences(factor):
    X, _, sign, at = problem()
    loss = LogisticLoss(X, sign, 0.3, POOL)
    half = loss.in_features(at.H) if factor == "W" else loss.in_labels(at.W)
    S = getattr(at, factor)
    slope, checked = half.slope(S, half.margins(S)), np.zeros_like(S)
    for place in np.ndindex(*S.shape):
        step = np.zeros_like(S)
        step[place] = 1e-5
        up, down = (loss.objective(at._replace(**{factor: S + sign_ * step})) for sign_ in (1, -1))
        checked[place] = (up - down) / 2e-5
    assert np.linalg.norm(slope - checked) / np.linalg.norm(checked) < 1e-6
    M = np.random.default_rng(9).normal(size=S.shape)
    up, down = (half.slope(S + s * 1e-5 * M, half.margins(S + s * 1e-5 * M)) for s in (1, -1))
    bent = half.bent(M, half.margins(S))
    np.testing.assert_allclose(bent, (up - down) / 2e-5, rtol=1e-5, atol=1e-6)


def test_the_curvature_is_the_losses_second_derivative():
    """One document, one feature, one label: x^2 h^2 p (1 - p) + l2, which falls off with f."""
    for f in (0.0, 1.5, -4.0):
        X, sign = csr_array([[2.0]]), csr_array([[1.0]])
        half = LogisticLoss(X, sign, 0.1, POOL).in_features(np.array([[3.0]]))
        w = np.array([[f / 6]])
        p = 1 / (1 + np.exp(-f))
        found = half.bent(np.ones((1, 1)), half.margins(w))
        assert found[0, 0] == pytest.approx(36 * p * (1 - p) + 0.1)


def test_newton_steps_reach_the_optimum_quickly():
    """So does only a method that uses D'': with another curvature steps shrink slower."""
    X, _, sign, at = problem()
    half = LogisticLoss(X, sign, 0.5, POOL).in_features(at.H)
    reference = minimize(
        lambda w: half.objective(w.reshape(at.W.shape)),
        np.zeros(at.W.size),
        jac=lambda w: half.slope(
            w.reshape(at.W.shape), half.margins(w.reshape(at.W.shape))
        ).ravel(),
        options={"gtol": 1e-9},
    )
    S = np.zeros_like(at.W)
    for _ in range(6):
        S = half.newton(S)
    assert half.objective(S) == pytest.approx(reference.fun, abs=1e-6)
    np.testing.assert_allclose(S.ravel(), reference.x, atol=1e-3)


def test_a_step_too_long_is_made_shorter(monkeypatch):
    """Far out the losses are straight: Newton's step from there would overshoot by far."""
    half = LogisticLoss(csr_array([[1.0]]), csr_array([[1.0]]), 1e-6, POOL).in_features(
        np.array([[1.0]])
    )
    far = np.array([[-15.0]])
    moved = half.newton(far)
    assert half.objective(moved) < half.objective(far)
    monkeypatch.setattr(module, "HALVINGS", 1)
    np.testing.assert_array_equal(half.newton(far), far)


@pytest.mark.parametrize("seed", range(4))
def test_no_step_raises_the_objective(seed):
    X, _, sign, at = problem(seed)
    _, values = factorised(LogisticLoss(X, sign, 0.05, POOL), at.W, 8, 30, 0)
    assert len(values) == 61
    assert (np.diff(values) <= 1e-12 * values[0]).all()
    assert values[-1] < 0.9 * values[0]


def test_blocks_and_threads_change_nothing(monkeypatch):
    X, _, sign, at = problem()
    one = LogisticLoss(X, sign, 0.3, POOL)
    alone = factorised(one, at.W, 8, 3, 0)[1]
    monkeypatch.setattr(module, "ROWS", 4)
    many = [factorised(LogisticLoss(X, sign, 0.3, ThreadPool(n)), at.W, 8, 3, 0)[1] for n in (1, 3)]
    np.testing.assert_array_equal(*many)
    np.testing.assert_allclose(many[0], alone, rtol=1e-12)
    assert isinstance(one.in_features(at.H), Half)
