"""Leading eigenvectors of a symmetric matrix that is known by what it does to vectors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from labeltree.core.arrays import Doubles

EXACT = 2048
"""Up to this size the matrix is formed, from its products with unit vectors."""
TOGETHER = 256
"""Unit vectors multiplied at a time."""
MORE, ROUNDS = 10, 3
"""Oversampling and power iterations of the randomised method."""


def leading(
    apply: Callable[[Doubles], Doubles], n: int, dim: int, seed: int
) -> tuple[Doubles, Doubles]:
    """Return the `dim` largest eigenvalues, descending, and their vectors (n, dim).

    Up to `EXACT` by a dense decomposition; beyond that by randomised subspace iteration (Halko,
    Martinsson, Tropp, SIAM Review 2011), for which no eigenvalue may be negative.

    Parameters
    ----------
    apply
        Multiplies the matrix (n, n) with columns, (n, c) -> (n, c).
    """
    dim = min(dim, n)
    if n <= EXACT:
        return _turned(*_dense(apply, n, dim))
    width = min(n, dim + MORE)
    Q = np.random.default_rng(seed).standard_normal((n, width))
    for _ in range(ROUNDS):
        Q = np.linalg.qr(apply(Q))[0]
    values, vectors = np.linalg.eigh(_symmetric(Q.T @ apply(Q)))
    return _turned(values[::-1][:dim], Q @ vectors[:, ::-1][:, :dim])


def _dense(apply: Callable[[Doubles], Doubles], n: int, dim: int) -> tuple[Doubles, Doubles]:
    unit = np.eye(n)
    parts = [apply(unit[:, a : a + TOGETHER]) for a in range(0, n, TOGETHER)]
    values, vectors = np.linalg.eigh(_symmetric(np.hstack(parts)))
    return values[::-1][:dim], vectors[:, ::-1][:, :dim]


def _symmetric(A: Doubles) -> Doubles:
    return np.asarray((A + A.T) / 2)


def _turned(values: Doubles, vectors: Doubles) -> tuple[Doubles, Doubles]:
    """Return the vectors with their largest entry positive: the sign is not left to chance."""
    top = np.abs(vectors).argmax(axis=0)
    sign = np.where(vectors[top, np.arange(vectors.shape[1])] < 0, -1.0, 1.0)
    return values, vectors * sign
