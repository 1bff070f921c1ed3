"""Ridge regression of many targets on sparse features.

    min_W  |X W - Z|^2 + l2 |W|^2,   W = (X'X + l2 I)^-1 X'Z

A constant feature may be added; like any other it is regularised. With few features the matrix is
factorised once, for all targets; with many it is never formed, and conjugate gradients are used.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_array, hstack, issparse

from labeltree.core.arrays import CSR, Doubles, Floats
from labeltree.core.pool import Pool
from labeltree.core.store import storable
from labeltree.linear.gradients import by_column, conjugate_gradients

FACTORISED = 4096
"""With at most so many features, X'X is formed and factorised."""
TARGETS_TOGETHER = 16
"""Targets that one thread solves at a time by conjugate gradients."""
TOLERANCE, MAX_ITER = 1e-6, 500
"""Conjugate gradients stop at this residual relative to the right-hand side, or after so many
steps."""


@storable
@dataclass(frozen=True, eq=False)
class Affine:
    """A linear map from features to codes."""

    weight: Floats
    """(n_features, dim)"""
    bias: Floats
    """(dim,)"""

    def __call__(self, X: CSR) -> Floats:
        """Return the codes of documents, (n_samples, dim)."""
        return np.asarray(X @ self.weight + self.bias, np.float32)


@dataclass(frozen=True, eq=False)
class Gram:
    """X'X + l2 I of documents X (n_samples, n_features), for solving."""

    X: CSR
    l2: float
    pool: Pool

    def solve(self, B: Doubles) -> Doubles:
        """Return (X'X + l2 I)^-1 B, (n_features, n_targets)."""
        if self.X.shape[1] <= FACTORISED:
            return np.asarray(cho_solve(self._factor, B))
        parts = [B[:, a : a + TARGETS_TOGETHER] for a in range(0, B.shape[1], TARGETS_TOGETHER)]
        return np.hstack(self.pool.map(self._by_gradients, parts, what="solving regressions"))

    def hat(self, M: Doubles) -> Doubles:
        """Return X (X'X + l2 I)^-1 X' M, (n_samples, n_targets): what regression keeps of M."""
        return np.asarray(self.X @ self.solve(self.X.T @ M))

    @cached_property
    def _factor(self) -> tuple[Doubles, bool]:
        gram = (self._doubles.T @ self._doubles).toarray()
        gram[np.diag_indices_from(gram)] += self.l2
        factor: tuple[Doubles, bool] = cho_factor(gram)
        return factor

    def _by_gradients(self, B: Doubles) -> Doubles:
        X = self._doubles

        def apply(M: Doubles) -> Doubles:
            return np.asarray(X.T @ (X @ M) + self.l2 * M)

        return conjugate_gradients(apply, B, by_column, max_iter=MAX_ITER, tol=TOLERANCE)

    @cached_property
    def _doubles(self) -> CSR:
        return self.X.astype(np.float64)


def with_constant(X: CSR) -> CSR:
    """Return X with a feature behind it that is 1 everywhere."""
    ones = csr_array(np.ones((X.shape[0], 1), np.float32))
    return csr_array(hstack([X, ones], format="csr"))


def ridge(X: CSR, Z: Doubles | CSR, l2: float, pool: Pool) -> Affine:
    """Return the regression of codes Z (n_samples, dim) on X and a constant."""
    X = with_constant(X)
    right = X.T @ Z
    dense = right.toarray() if issparse(right) else right
    W = Gram(X, l2, pool).solve(np.asarray(dense, np.float64)).astype(np.float32)
    return Affine(np.ascontiguousarray(W[:-1]), W[-1].copy())
