"""Logistic loss of a low-rank map over observed entries; see `linear.low_rank`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array
from scipy.special import expit

from labeltree.core.arrays import CSR, Doubles, from_parts, row_of_entry
from labeltree.core.pool import Pool
from labeltree.kernels.low_rank import entries_of_product
from labeltree.linear.gradients import Linear, conjugate_gradients, together
from labeltree.linear.low_rank import MAX_ITER, ROWS, Factors, OfFeatures

HALVINGS, SIGMA = 20, 1e-4
"""A step is halved so often at most, until it yields this share of what the slope promises."""
INEXACT = 0.1
"""Newton's equations are solved to this residual relative to the slope."""


def observed(Y: CSR, n_negatives: int, rng: np.random.Generator) -> CSR:
    """Return 1 at the labels of each document and -1 at others, drawn alike from all labels.

    Parameters
    ----------
    n_negatives
        Draws for each label that a document has; a label drawn twice counts once, one that the
        document has does not count.
    """
    n_labels = Y.shape[1]
    positive = row_of_entry(Y) * n_labels + Y.indices
    drawn = np.repeat(positive // n_labels, n_negatives) * n_labels
    drawn += rng.integers(0, n_labels, len(drawn))
    entry = np.union1d(positive, drawn)
    sign = np.full(len(entry), -1, np.float32)
    sign[np.searchsorted(entry, positive)] = 1
    ends = np.searchsorted(entry, np.arange(Y.shape[0] + 1) * n_labels)
    return from_parts(sign, (entry % n_labels).astype(np.int32), ends, Y.shape)


@dataclass(frozen=True, eq=False)
class LogisticLoss(OfFeatures):
    """log(1 + exp(-s f)) over observed entries, s = 1 or -1."""

    X: CSR
    """(n_samples, n_features)"""
    sign: CSR
    """s of each observed entry, (n_samples, n_labels); see `observed`."""
    l2: float
    pool: Pool

    def objective(self, at: Factors) -> float:
        """Return the losses + l2/2 (|W|^2 + |H|^2)."""
        return self.in_features(at.H).objective(at.W) + self.l2 / 2 * float(np.vdot(at.H, at.H))

    def better_labels(self, at: Factors) -> Doubles:
        """Return H after a Newton step."""
        return self.in_labels(at.W).newton(at.H)

    def better_features(self, at: Factors) -> Doubles:
        """Return W after a Newton step."""
        return self.in_features(at.H).newton(at.W)

    def in_features(self, H: Doubles) -> Half:
        """Return the problem in W alone."""
        return Half(self._x, self._xt, self._by_document, H, self.l2)

    def in_labels(self, W: Doubles) -> Half:
        """Return the problem in H alone: one of its own for each label."""
        return Half(_same, _same, self._by_label, self._x(W), self.l2)

    @cached_property
    def _by_document(self) -> Entries:
        return Entries.of(self.sign, self.pool)

    @cached_property
    def _by_label(self) -> Entries:
        return Entries.of(csr_array(self.sign.T), self.pool)


@dataclass(frozen=True, eq=False)
class Entries:
    """The observed entries of a matrix, in blocks of rows."""

    blocks: Sequence[CSR]
    sign: Doubles
    """Row by row, (n_entries,)."""
    pool: Pool

    @classmethod
    def of(cls, sign: CSR, pool: Pool) -> Entries:
        """Cut the signs of the entries, (n_rows, n_columns)."""
        blocks = [csr_array(sign[a : a + ROWS]) for a in range(0, sign.shape[0], ROWS)]
        return cls(blocks, sign.data.astype(np.float64), pool)

    def of_product(self, A: Doubles, B: Doubles) -> Doubles:
        """Return A_i . B_j of each entry, (n_entries,)."""

        def of_block(at: int) -> Doubles:
            block = self.blocks[at]
            ptr, column = block.indptr.astype(np.int64), block.indices.astype(np.int32)
            return entries_of_product(ptr, column, A[at * ROWS : at * ROWS + block.shape[0]], B)

        return np.concatenate(self.pool.map(of_block, range(len(self.blocks))))

    def times(self, values: Doubles, B: Doubles) -> Doubles:
        """Return the matrix with these values (n_entries,) at its entries times B."""
        ends = np.cumsum([0, *(block.nnz for block in self.blocks)])

        def of_block(at: int) -> Doubles:
            block, part = self.blocks[at], values[ends[at] : ends[at + 1]]
            return np.asarray(from_parts(part, block.indices, block.indptr, block.shape) @ B)

        return np.concatenate(self.pool.map(of_block, range(len(self.blocks))))


@dataclass(frozen=True, eq=False)
class Half:
    """The problem in one factor S, the other fixed: entry (i, j) is f_i S g_j."""

    f: Linear
    """Multiplies by the rows f_i."""
    ft: Linear
    """Multiplies by their transpose."""
    entries: Entries
    G: Doubles
    l2: float

    def objective(self, S: Doubles) -> float:
        """Return the losses + l2/2 |S|^2."""
        return self._objective(self.margins(S), float(np.vdot(S, S)))

    def margins(self, S: Doubles) -> Doubles:
        """Return f of each observed entry."""
        return self.entries.of_product(self.f(S), self.G)

    def slope(self, S: Doubles, margins: Doubles) -> Doubles:
        """Return the gradient F' D G + l2 S, D_ij = loss'."""
        sign = self.entries.sign
        D = -sign * expit(-sign * margins)
        return self.ft(self.entries.times(D, self.G)) + self.l2 * S

    def bent(self, M: Doubles, margins: Doubles) -> Doubles:
        """Return the Hessian times M: F' (D'' o (F M G')) G + l2 M, D''_ij = loss''."""
        share = expit(margins)
        D2 = share * (1 - share) * self.margins(M)
        return self.ft(self.entries.times(D2, self.G)) + self.l2 * M

    def newton(self, S: Doubles) -> Doubles:
        """Return S after a step to where the second-order model is lowest, made shorter if need be.

        Or S itself where no step lowers the objective.
        """
        margins = self.margins(S)
        slope, now = self.slope(S, margins), self._objective(margins, float(np.vdot(S, S)))
        way = conjugate_gradients(
            lambda M: self.bent(M, margins), -slope, together, max_iter=MAX_ITER, tol=INEXACT
        )
        along, promised = self.margins(way), float(np.vdot(slope, way))
        size = 1.0
        for _ in range(HALVINGS):
            moved = S + size * way
            after = self._objective(margins + size * along, float(np.vdot(moved, moved)))
            if after <= now + SIGMA * size * promised:
                return moved
            size /= 2
        return S

    def _objective(self, margins: Doubles, squares: float) -> float:
        return float(np.logaddexp(0, -self.entries.sign * margins).sum() + self.l2 / 2 * squares)


def _same(M: Doubles) -> Doubles:
    return M
