"""The sparse logistic regression against scikit-learn's liblinear and its optimality conditions."""

import numpy as np
import pytest
from scipy.sparse import random_array
from sklearn.linear_model import LogisticRegression

from labeltree.core.arrays import as_csr, for_kernel
from labeltree.kernels import l1_logistic as solver
from labeltree.kernels.l1_logistic import L1Logistic, l1_logistic
from labeltree.kernels.sparse import Rows, gather_columns

WELL = L1Logistic(1e-5, 1000, 1000)


def columns_of(X, bias=1.0):
    """Return the columns of a matrix in order of first use, and the feature of each."""
    rows, X = np.arange(X.shape[0]).astype(np.int32), as_csr(X, "X")
    seen = np.zeros(X.shape[1], np.int32)
    columns, features = gather_columns(Rows(*for_kernel(X)), rows, seen, float(bias))
    assert not seen.any()
    return columns, features


def solve(X, sign, cost, settings=WELL, seed=1, bias=1.0):
    """Return weights in the order of X's features, the constant's last."""
    columns, features = columns_of(X, bias)
    w = l1_logistic(columns, sign, cost, settings, np.uint64(seed))
    out = np.zeros(X.shape[1] + 1)
    out[features], out[-1] = w[:-1], w[-1]
    return out


def problem(seed, n=200, d=60, density=0.2):
    rng = np.random.default_rng(seed)
    X = as_csr(random_array((n, d), density=density, rng=rng), "X")
    truth = rng.normal(size=d) * (rng.random(d) < 0.3)
    margin = X @ truth + 0.3 * rng.normal(size=n)
    sign = np.where(margin > np.quantile(margin, 0.6), 1, -1).astype(np.int8)
    return X, sign, rng.uniform(0.5, 4, n)


def objective(X, sign, cost, w, bias=1.0):
    margin = X @ w[:-1] + w[-1] * bias
    return np.abs(w).sum() + (cost * np.logaddexp(0, -sign * margin)).sum()


def peer(X, sign, cost, bias=1.0):
    """Return liblinear's weights for the same problem."""
    full = np.hstack([X.toarray(), np.full((X.shape[0], 1), bias)])
    model = LogisticRegression(
        l1_ratio=1, solver="liblinear", fit_intercept=False, tol=1e-7, max_iter=5000
    )
    return model.fit(full, sign, sample_weight=cost).coef_[0]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("bias", [1.0, 0.5])
def test_objective_is_liblinears(seed, bias):
    X, sign, cost = problem(seed)
    ours = objective(X, sign, cost, solve(X, sign, cost, bias=bias), bias)
    theirs = objective(X, sign, cost, peer(X, sign, cost, bias), bias)
    assert ours == pytest.approx(theirs, rel=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_as_far_as_fastxml_goes_the_objective_is_close(seed):
    X, sign, cost = problem(seed)
    start = objective(X, sign, cost, np.zeros(X.shape[1] + 1))
    best = objective(X, sign, cost, peer(X, sign, cost))
    loose = objective(X, sign, cost, solve(X, sign, cost, L1Logistic(0.01, 10, 10)))
    assert best - 1e-6 <= loose < best + 0.01 * (start - best)


def test_the_solution_meets_the_optimality_conditions():
    X, sign, cost = problem(7)
    w = solve(X, sign, cost)
    full = np.hstack([X.toarray(), np.ones((X.shape[0], 1))])
    gradient = full.T @ (-sign * cost / (1 + np.exp(sign * (full @ w))))
    moved = w != 0
    assert 0 < moved.sum() < len(w)
    np.testing.assert_allclose(gradient[moved], -np.sign(w[moved]), atol=1e-2)
    assert (np.abs(gradient[~moved]) < 1 + 1e-2).all()


def test_little_cost_leaves_all_at_zero():
    X, sign, cost = problem(3)
    assert not solve(X, sign, cost * 1e-4).any()


def test_one_feature_known_answer():
    """One column of ones, two costs: the optimum solves a_plus - a_minus = sign(w) in closed form.

    c_plus = 9, c_minus = 2: -9 s(-w) + 2 s(w) = -1 with s the logistic function, so s(w) = 8 / 11.
    """
    X = as_csr(np.ones((2, 1)), "X")
    sign, cost = np.array([1, -1], np.int8), np.array([9.0, 2.0])
    w = solve(X, sign, cost, L1Logistic(1e-9, 1000, 1000), bias=0.0)
    assert w[0] == pytest.approx(np.log(8 / 3), abs=1e-6)
    assert w[1] == 0


def test_huge_features_do_not_overflow():
    X, sign, cost = problem(5)
    w = solve(as_csr(X * 1e4, "X"), sign, cost, L1Logistic(0.01, 10, 10))
    assert np.isfinite(w).all()
    assert (np.sign(X @ w[:-1] * 1e4 + w[-1]) == sign).mean() > 0.9


def test_more_steps_never_cost():
    X, sign, cost = problem(4)
    found = [
        objective(X, sign, cost, solve(X, sign, cost, L1Logistic(1e-9, steps, 10)))
        for steps in range(8)
    ]
    assert (np.diff(found) <= 1e-9).all()
    assert found[-1] < found[0]


def test_the_seed_repeats():
    X, sign, cost = problem(2)
    first, second = (solve(X, sign, cost, L1Logistic(0.01, 10, 10), seed=9) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_columns_that_cannot_move_are_left_out():
    X, sign, cost = problem(8, n=60, d=400, density=0.03)
    columns, features = columns_of(X)
    movable = solver.movable(columns, sign, cost)
    dense = np.zeros((60, len(features) + 1))
    dense[:, :-1], dense[:, -1] = X.toarray()[:, features], 1
    pull = (sign * cost)[:, None] * dense
    reach = np.maximum(np.maximum(pull, 0).sum(axis=0), np.maximum(-pull, 0).sum(axis=0))
    assert movable.tolist() == np.flatnonzero(reach > 1).tolist()
    assert 0 < len(movable) < len(features)
    left_out = np.setdiff1d(np.arange(len(features)), movable)
    assert not peer(X, sign, cost)[features[left_out]].any()


def test_softplus_and_violations():
    z = np.array([-800.0, -1.0, 0.0, 1.0, 800.0])
    np.testing.assert_allclose([solver.softplus(v) for v in z], np.logaddexp(0, z), atol=1e-12)
    assert solver.violated(0.0, 0.5) == 0
    assert solver.violated(0.0, -3.0) == 2
    assert solver.violated(1.0, -1.0) == 0
    assert solver.violated(-1.0, 0.0) == 1
    assert not solver.set_aside(0.0, 0.5, np.inf)
    assert solver.set_aside(0.0, 0.5, 0.1)
    assert not solver.set_aside(1.0, 0.5, 0.1)
