"""Low-rank linear maps from features to labels, learned one factor at a time.

    min over W, H of  sum over entries (i, j) of loss(y_ij, x_i W h_j) + l2/2 (|W|^2 + |H|^2)

Yu, Jain, Kar, Dhillon, "Large-scale Multi-label Learning with Missing Labels" (ICML 2014). Each
factor alone is a convex problem: solved in closed form where there is one, else by conjugate
gradients within Newton steps. No step raises the objective. What is multiplied is X, Y and factors;
the matrix documents x labels is never formed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_array

from labeltree.core.arrays import CSR, Doubles
from labeltree.core.pool import Pool, Silent, phase, reporting
from labeltree.linear.gradients import Linear, by_column, conjugate_gradients

ROWS = 4096
"""Rows of a sparse matrix that one thread multiplies at a time."""
DECOMPOSED = 1024
"""With at most so many features X'X is decomposed once, and W solved for directly."""
MAX_ITER, TOLERANCE = 10, 1e-3
"""Conjugate gradients stop after so many steps, or at this residual relative to the first."""


class Factors(NamedTuple):
    """A map of low rank, W H'."""

    W: Doubles
    """(n_features, dim)"""
    H: Doubles
    """(n_labels, dim)"""


class Problem(Protocol):
    """A loss over some entries, and how to lower it by one factor."""

    def objective(self, at: Factors) -> float:
        """Return the regularised loss."""

    def better_labels(self, at: Factors) -> Doubles:
        """Return an H that is no worse."""

    def better_features(self, at: Factors) -> Doubles:
        """Return a W that is no worse."""


def factorised(
    problem: Problem, W: Doubles, n_labels: int, max_iter: int, tol: float
) -> tuple[Factors, Doubles]:
    """Alternate from W (n_features, dim) until the objective hardly falls.

    Parameters
    ----------
    max_iter
        Rounds, each of both factors, at most.
    tol
        A round that lowers the objective by a smaller share is the last.

    Returns
    -------
    The factors, and the objective at H = 0 and after each step.
    """
    at = Factors(W, np.zeros((n_labels, W.shape[1])))
    values = [problem.objective(at)]
    with phase("factorising"), reporting(Silent()):
        for _ in range(max_iter):
            before = values[-1]
            at = at._replace(H=problem.better_labels(at))
            values.append(problem.objective(at))
            at = at._replace(W=problem.better_features(at))
            values.append(problem.objective(at))
            if before - values[-1] <= tol * before:
                break
    return at, np.array(values)


@dataclass(frozen=True, eq=False)
class Multiplied:
    """A sparse matrix in blocks of rows, multiplied side by side: the same for any threads."""

    blocks: Sequence[CSR]
    pool: Pool

    @classmethod
    def of(cls, matrix: CSR, pool: Pool) -> Multiplied:
        """Cut a matrix."""
        matrix = csr_array(matrix, dtype=np.float64)
        starts = range(0, matrix.shape[0], ROWS)
        return cls([csr_array(matrix[a : a + ROWS]) for a in starts], pool)

    def __call__(self, M: Doubles) -> Doubles:
        """Return matrix M, (n_rows, c)."""
        return np.concatenate(self.pool.map(lambda block: np.asarray(block @ M), self.blocks))


class OfFeatures:
    """Products with the features, for losses that hold them."""

    X: CSR
    pool: Pool

    @cached_property
    def _x(self) -> Linear:
        return Multiplied.of(self.X, self.pool)

    @cached_property
    def _xt(self) -> Linear:
        return Multiplied.of(csr_array(self.X.T), self.pool)


@dataclass(frozen=True, eq=False)
class SquaredLoss(OfFeatures):
    """1/2 (y - f)^2 over all entries: sums over documents and labels are sums over factors."""

    X: CSR
    """(n_samples, n_features)"""
    Y: CSR
    """(n_samples, n_labels)"""
    l2: float
    pool: Pool

    def objective(self, at: Factors) -> float:
        """Return 1/2 |Y - X W H'|^2 + l2/2 (|W|^2 + |H|^2)."""
        A = self._x(at.W)
        missed = self._squares - 2 * np.vdot(A, self._y(at.H)) + np.vdot(A.T @ A, at.H.T @ at.H)
        return float(missed + self.l2 * (np.vdot(at.W, at.W) + np.vdot(at.H, at.H))) / 2

    def better_labels(self, at: Factors) -> Doubles:
        """Return the best H: Y'A (A'A + l2 I)^-1 with A = X W."""
        A = self._x(at.W)
        gram = A.T @ A
        gram[np.diag_indices_from(gram)] += self.l2
        return np.asarray(cho_solve(cho_factor(gram), self._yt(A).T).T)

    def better_features(self, at: Factors) -> Doubles:
        """Return W after ridge regressions in the directions where H'H is diagonal.

        There the columns of W are apart: (l_c X'X + l2 I) w_c = X'Y H q_c with H'H = Q diag(l) Q'.
        """
        scale, Q = np.linalg.eigh(at.H.T @ at.H)
        scale = np.maximum(scale, 0)
        right = self._xt(self._y(at.H @ Q))
        if self.X.shape[1] <= DECOMPOSED:
            values, V = self._spectrum
            return np.asarray(V @ ((V.T @ right) / (np.outer(values, scale) + self.l2)) @ Q.T)

        def bent(S: Doubles) -> Doubles:
            return self._xt(self._x(S) * scale) + self.l2 * S

        start = at.W @ Q
        step = conjugate_gradients(
            bent, right - bent(start), by_column, max_iter=MAX_ITER, tol=TOLERANCE
        )
        return np.asarray((start + step) @ Q.T)

    def slope(self, at: Factors) -> Doubles:
        """Return the gradient by W: X'X W H'H - X'Y H + l2 W."""
        return self.bent(at.W, at.H) - self._xt(self._y(at.H))

    def bent(self, S: Doubles, H: Doubles) -> Doubles:
        """Return the Hessian by W times S (n_features, dim): X'X S H'H + l2 S."""
        return self._xt(self._x(S) @ (H.T @ H)) + self.l2 * S

    @cached_property
    def _spectrum(self) -> tuple[Doubles, Doubles]:
        """Eigenvalues and eigenvectors of X'X."""
        X = self.X.astype(np.float64)
        values, vectors = np.linalg.eigh((X.T @ X).toarray())
        return np.maximum(values, 0), vectors

    @cached_property
    def _squares(self) -> float:
        return float((self.Y.data.astype(np.float64) ** 2).sum())

    @cached_property
    def _y(self) -> Linear:
        return Multiplied.of(self.Y, self.pool)

    @cached_property
    def _yt(self) -> Linear:
        return Multiplied.of(csr_array(self.Y.T), self.pool)
