"""Conjugate gradients for many right-hand sides."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from labeltree.core.arrays import Doubles

Linear: TypeAlias = Callable[[Doubles], Doubles]
"""Multiplies a matrix with columns, (n, c) -> (m, c)."""


def together(A: Doubles, B: Doubles) -> Doubles:
    """Return the inner product of two matrices, (1,): all columns are one problem."""
    return np.array([np.vdot(A, B)])


def by_column(A: Doubles, B: Doubles) -> Doubles:
    """Return the inner product of each pair of columns, (c,): each column is its own problem."""
    return np.asarray(np.einsum("ij,ij->j", A, B))


def conjugate_gradients(
    apply: Linear,
    right: Doubles,
    inner: Callable[[Doubles, Doubles], Doubles],
    *,
    max_iter: int,
    tol: float,
) -> Doubles:
    """Return M with apply(M) about `right` (n, c); `apply` is symmetric, positive definite.

    Wherever they stop, M . apply(M) / 2 - M . right is at most 0: a step M does no harm.

    Parameters
    ----------
    inner
        `together`, or `by_column` where `apply` keeps columns apart.
    tol
        Residual that is left, relative to `right`.
    """
    M, residual, way = np.zeros_like(right), right.copy(), right.copy()
    squared = inner(residual, residual)
    target = tol**2 * squared
    for _ in range(max_iter):
        if (squared <= target).all():
            break
        image = apply(way)
        step = _ratio(squared, inner(way, image))
        M += step * way
        residual -= step * image
        before, squared = squared, inner(residual, residual)
        way = residual + _ratio(squared, before) * way
    return M


def _ratio(a: Doubles, b: Doubles) -> Doubles:
    """Return a / b, 0 where a problem is done."""
    return np.divide(a, b, out=np.zeros_like(a), where=b > 0)
