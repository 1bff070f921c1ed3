"""Conjugate gradients against a direct solution."""

import numpy as np
import pytest

from labeltree.linear.gradients import by_column, conjugate_gradients, together


def system(seed=0, n=12, c=4):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n, n))
    return root @ root.T + np.eye(n), rng.normal(size=(n, c))


@pytest.mark.parametrize("inner", [together, by_column])
def test_equals_the_direct_solution(inner):
    A, right = system()
    found = conjugate_gradients(lambda M: A @ M, right, inner, max_iter=200, tol=1e-12)
    np.testing.assert_allclose(found, np.linalg.solve(A, right), atol=1e-8)


@pytest.mark.parametrize("inner", [together, by_column])
@pytest.mark.parametrize("max_iter", [0, 1, 2, 5])
def test_each_step_lowers_the_quadratic(inner, max_iter):
    A, right = system(1)

    def value(M):
        return np.vdot(M, A @ M) / 2 - np.vdot(M, right)

    found = [
        conjugate_gradients(lambda M: A @ M, right, inner, max_iter=n, tol=0)
        for n in (max_iter, max_iter + 1)
    ]
    assert value(found[1]) < value(found[0]) <= 0


def test_columns_apart_take_their_own_steps():
    """A column that is solved stays as it is, and zero columns do no harm."""
    A = np.diag([1.0, 100.0])
    right = np.array([[1.0, 0.0, 3.0], [0.0, 0.0, 4.0]])
    found = conjugate_gradients(lambda M: A @ M, right, by_column, max_iter=2, tol=1e-14)
    np.testing.assert_allclose(found, [[1, 0, 3], [0, 0, 0.04]], atol=1e-12)


def test_stops_at_the_tolerance():
    A, right = system(2)
    calls = []

    def apply(M):
        calls.append(1)
        return A @ M

    found = conjugate_gradients(apply, right, together, max_iter=1000, tol=0.1)
    assert 0 < len(calls) < 12
    assert np.linalg.norm(A @ found - right) <= 0.1 * np.linalg.norm(right) * (1 + 1e-9)
