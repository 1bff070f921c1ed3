"""Regression whose fitted values, not its weights, are sparse: ADMM as SLEEC uses it.

Bhatia et al. (NIPS 2015), algorithm 3; Boyd et al., "Distributed Optimization and Statistical
Learning via ADMM" (2011), section 3.3 for the residuals.

    min_W  1/2 |Z - X W|^2 + l2/2 |W|^2 + l1 |X W|_1,   split by  A = X W
    W <- ((1 + rho) X'X + l2 I)^-1 X'(Z + rho (A - B))
    A <- soft(X W + B, l1 / rho),   B <- B + X W - A

One matrix is factorised once for all rounds: X'X or, where there are fewer documents than features,
X X' (Woodbury). If both are large, conjugate gradients take its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from labeltree.core.arrays import CSR, Doubles
from labeltree.core.pool import ThreadPool
from labeltree.linear.ridge import Gram

FACTORISED = 8192
"""With at most so many documents, X X' is formed and factorised: half a gigabyte."""


class Sparsity(NamedTuple):
    """What a regression is asked for."""

    l2: float
    """Weight of the squared weights."""
    l1: float
    """Weight of the fitted values' sizes."""
    rho: float = 1.0
    """Weight of the agreement between A and X W."""
    max_iter: int = 100
    tol: float = 1e-4
    """Both residuals, relative to Z, at which the rounds end."""


class Regression(NamedTuple):
    """What was found."""

    weight: Doubles
    """(n_features, dim)"""
    primal: float
    """|X W - A| / |Z| at the end."""
    dual: float
    """rho |A - the A before| / |Z| at the end."""


@dataclass(frozen=True, eq=False)
class Ridge:
    """(X'X + l2 I)^-1 X'R for many R (n_samples, n_targets), and X times that."""

    X: CSR
    l2: float

    @property
    def by_documents(self) -> bool:
        """Whether X X' is what is factorised."""
        return bool(self.X.shape[0] <= min(self.X.shape[1], FACTORISED))

    def weight(self, R: Doubles) -> Doubles:
        """Return the weights, (n_features, n_targets)."""
        if self.by_documents:
            return np.asarray(self.X.T @ cho_solve(self._factor, R))
        return self._gram.solve(np.asarray(self.X.T @ R, np.float64))

    def fitted(self, R: Doubles) -> Doubles:
        """Return the fitted values, (n_samples, n_targets)."""
        if self.by_documents:  # X X' (X X' + l2 I)^-1 R
            return R - self.l2 * np.asarray(cho_solve(self._factor, R))
        return np.asarray(self.X @ self.weight(R))

    @cached_property
    def _gram(self) -> Gram:
        return Gram(self.X, self.l2, ThreadPool(1))

    @cached_property
    def _factor(self) -> tuple[Doubles, bool]:
        X = self.X.astype(np.float64)
        products = (X @ X.T).toarray()
        products[np.diag_indices_from(products)] += self.l2
        factor: tuple[Doubles, bool] = cho_factor(products, overwrite_a=True, check_finite=False)
        return factor


def sparse_regression(X: CSR, Z: Doubles, wanted: Sparsity) -> Regression:
    """Return the regression of codes Z (n_samples, dim) on X (n_samples, n_features)."""
    rho, l1 = wanted.rho, wanted.l1
    if l1 == 0:
        return Regression(Ridge(X, wanted.l2).weight(Z), 0.0, 0.0)
    ridge, share = Ridge(X, wanted.l2 / (1 + rho)), 1 / (1 + rho)
    A, B = np.zeros_like(Z), np.zeros_like(Z)
    target, size = share * Z, float(np.linalg.norm(Z)) or 1.0
    primal = dual = np.inf
    for _ in range(wanted.max_iter):
        target = share * (Z + rho * (A - B))
        fitted = ridge.fitted(target)
        before, A = A, _soft(fitted + B, l1 / rho)
        B += fitted - A
        primal = float(np.linalg.norm(fitted - A)) / size
        dual = rho * float(np.linalg.norm(A - before)) / size
        if max(primal, dual) < wanted.tol:
            break
    return Regression(ridge.weight(target), primal, dual)


def _soft(values: Doubles, threshold: float) -> Doubles:
    """Return the values drawn towards 0 by the threshold, and not beyond."""
    return np.asarray(np.sign(values) * np.maximum(np.abs(values) - threshold, 0))
