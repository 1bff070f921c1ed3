"""Ridge regression of many targets on sparse features.

    min_W  |X W - Z|^2 + l2 |W|^2,   W = (X'X + l2 I)^-1 X'Z

A constant feature may be added; like any other it is regularised. With few features the matrix is
factorised once, for all targets; with many it is never formed. Conjugate gradients, on features
scaled such that the diagonal is 1, then find corrections in single precision, whose residual is
measured in double (iterative refinement).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_array, hstack, issparse

from labeltree.core.arrays import CSR, Doubles, Floats, Longs, for_kernel
from labeltree.core.pool import Pool
from labeltree.core.store import storable
from labeltree.kernels.gram import descended
from labeltree.kernels.lanes import LINE
from labeltree.kernels.sparse import Rows

FACTORISED = 4096
"""With at most so many features, X'X is formed and factorised."""
TOLERANCE, CORRECTIONS = 1e-6, 5
"""Refinement stops at this residual relative to the right-hand side, or after so many rounds."""
SINGLE, MAX_ITER = 1e-4, 500
"""A correction leaves no smaller a share of the residual, which single precision would not see, and
takes no more steps."""


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


class Scaled(NamedTuple):
    """Features, those used most first, times S, such that S (X'X + l2 I) S has the diagonal 1.

    What is used most lies on few pages of memory, and rows are read in that order: on wide data
    products take two thirds of the time.
    """

    rows: Rows
    """X S, with features in order."""
    l2: Floats
    """l2 S^2, (n_features,)."""
    scale: Doubles
    """S, (n_features, 1)."""
    order: Longs
    """The feature at each place, (n_features,)."""


@dataclass(frozen=True, eq=False)
class Gram:
    """X'X + l2 I of documents X (n_samples, n_features), for solving."""

    X: CSR
    l2: float
    pool: Pool
    tol: float = TOLERANCE
    """Residual that is left where nothing is formed."""

    def solve(self, B: Doubles) -> Doubles:
        """Return (X'X + l2 I)^-1 B, (n_features, n_targets)."""
        if self.X.shape[1] <= FACTORISED:
            return np.asarray(cho_solve(self._factor, B))
        solve = partial(self._by_gradients, self._scaled)  # scaled once, for all threads
        parts = [B[:, a : a + LINE] for a in range(0, B.shape[1], LINE)]
        return np.hstack(self.pool.map(solve, parts, what="solving regressions"))

    def hat(self, M: Doubles) -> Doubles:
        """Return X (X'X + l2 I)^-1 X' M, (n_samples, n_targets): what regression keeps of M."""
        return np.asarray(self.X @ self.solve(self.X.T @ M))

    @cached_property
    def _factor(self) -> tuple[Doubles, bool]:
        gram = (self._doubles.T @ self._doubles).toarray()
        gram[np.diag_indices_from(gram)] += self.l2
        factor: tuple[Doubles, bool] = cho_factor(gram)
        return factor

    def _by_gradients(self, scaled: Scaled, B: Doubles) -> Doubles:
        """Return the solution for at most LINE targets."""
        X, (rows, l2, scale, order) = self._doubles, scaled
        M, residual, n_targets = np.zeros_like(B), B, B.shape[1]
        enough = self.tol * np.linalg.norm(B, axis=0)
        for _ in range(CORRECTIONS):
            size = np.linalg.norm(residual, axis=0)
            if (size <= enough).all():
                break
            size[size == 0] = 1.0
            lines = np.zeros((len(B), LINE), np.float32)
            lines[:, :n_targets] = scale * (residual / size)[order]
            share = np.min(enough / size, where=enough > 0, initial=1.0)
            wanted = max(SINGLE, float(share) / 2)  # half: rounding is not to cost a round more
            found = descended(rows, l2, lines, MAX_ITER, wanted)[:, :n_targets]
            M[order] += scale * found * size
            residual = B - (X.T @ (X @ M) + self.l2 * M)
        return M

    @cached_property
    def _scaled(self) -> Scaled:
        """X and l2 as the compiled solver takes them."""
        n_features = self.X.shape[1]
        order = np.argsort(-np.bincount(self.X.indices, minlength=n_features), kind="stable")
        place = np.empty(n_features, self.X.indices.dtype)
        place[order] = np.arange(n_features)
        squares = np.bincount(self.X.indices, self._doubles.data**2, minlength=n_features)[order]
        scale = 1 / np.sqrt(squares + self.l2)
        at = place[self.X.indices]
        values = self.X.data * scale[at].astype(np.float32)
        X = csr_array((values, at, self.X.indptr), self.X.shape)
        X.sort_indices()
        rows = Rows(*for_kernel(X))
        return Scaled(rows, (self.l2 * scale**2).astype(np.float32), scale[:, None], order)

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
