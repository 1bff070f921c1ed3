"""Ranking metrics: how many of the first k labels are right, and how early they come.

Truth Y is binary CSR (n_samples, n_true_labels), scores S are CSR (n_samples, n_labels); an
absent score is a label not ranked, and missing ranks are misses. Y may have more columns than
S: labels outside the universe, which no ranking can hit. Equal scores put the lower label
first. Documents without a true label score 0 and stay in the denominator. Every `_at` metric
returns the float64 vector for 1..k, in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from labeltree.core.arrays import (
    CSR,
    Bools,
    Doubles,
    Ints,
    Longs,
    as_binary,
    from_parts,
    row_of_entry,
)
from labeltree.core.errors import DataError, ParameterError
from labeltree.core.scores import ranked

BLOCK = 4096
"""Documents ranked at a time: bounds memory, and short sorts are faster than one long one."""


def precision_at(Y: CSR, S: CSR, k: int) -> Doubles:
    """Return P@1..k, the share of the first k ranks that are right; shape (k,)."""
    return match(Y, S).precision(k)


def recall_at(Y: CSR, S: CSR, k: int) -> Doubles:
    """Return R@1..k, the mean share of a document's labels among its first k; shape (k,)."""
    return match(Y, S).recall(k)


def ndcg_at(Y: CSR, S: CSR, k: int) -> Doubles:
    """Return nDCG@1..k: hits discounted by 1 / log2(rank + 1), over the best possible; (k,)."""
    return match(Y, S).ndcg(k)


def r_precision(Y: CSR, S: CSR) -> float:
    """Return the mean over documents with n > 0 labels of the share right among their first n.

    A ranking shorter than n counts its missing ranks as misses: ask the model for at least as
    many labels as a document has.
    """
    return match(Y, S).r_precision()


def micro_r_precision(Y: CSR, S: CSR) -> float:
    """Return the hits within each document's first n ranks, summed, over all true labels."""
    return match(Y, S).micro_r_precision()


def attainable_precision(Y: CSR, k: int) -> Doubles:
    """Return the highest possible P@1..k: below 1 where documents have few labels; shape (k,)."""
    return oracle(Y).precision(k)


def hits(Y: CSR, S: CSR, k: int) -> Bools:
    """Return whether the label at each of the first k ranks is true, (n_samples, k)."""
    found = match(Y, S)
    table = np.zeros((len(found.sizes), _checked(k)), np.bool_)
    near = found.rank < k
    table[found.row[near], found.rank[near]] = True
    return table


@dataclass(frozen=True, eq=False)
class Matches:
    """The true labels that a ranking holds, with their ranks: ranking metrics are sums of these."""

    row: Longs
    """Document of each match, ascending, (n_matches,)."""
    rank: Longs
    """Its rank, from 0, (n_matches,)."""
    label: Ints
    """Its label, (n_matches,)."""
    sizes: Longs
    """True labels of each document, (n_samples,)."""

    def precision(self, k: int) -> Doubles:
        """Return P@1..k, (k,)."""
        return self.gain(k)

    def recall(self, k: int) -> Doubles:
        """Return R@1..k, (k,)."""
        shares = self._by_rank(k, 1.0 / self.sizes[self.row])
        return np.minimum(1.0, np.cumsum(shares) / max(1, len(self.sizes)))

    def ndcg(self, k: int) -> Doubles:
        """Return nDCG@1..k, (k,)."""
        return np.minimum(1.0, self.discounted_gain(k))

    def r_precision(self) -> float:
        """Return the mean over documents with n > 0 labels of the precision at n."""
        near = self.rank < self.sizes[self.row]
        labelled = int((self.sizes > 0).sum())
        return min(1.0, float((1.0 / self.sizes[self.row[near]]).sum()) / max(1, labelled))

    def micro_r_precision(self) -> float:
        """Return the matches within the first n ranks over all true labels."""
        return float((self.rank < self.sizes[self.row]).sum() / max(1, self.sizes.sum()))

    def gain(self, k: int, weights: Doubles | None = None) -> Doubles:
        """Return the mean of (1 / k) * sum of the weights of the first k hits, for 1..k, (k,).

        `weights` holds one weight a label, (n_true_labels,); None weighs all alike.
        """
        sums = np.cumsum(self._by_rank(k, self._weights(weights)))
        return np.asarray(sums / (np.arange(1, k + 1) * max(1, len(self.sizes))))

    def discounted_gain(self, k: int, weights: Doubles | None = None) -> Doubles:
        """Return the mean weighted DCG over the unweighted ideal DCG, for 1..k, (k,)."""
        discount = 1.0 / np.log2(np.arange(2, _checked(k) + 2))
        near = self.rank < k
        rank, size = self.rank[near], np.minimum(self.sizes[self.row[near]], k)
        # The ideal depends on a document only through min(k, size): sum by (rank, size) first.
        gains = self._weights(weights)[near] * discount[rank]
        table = np.bincount(rank * k + size - 1, gains, minlength=k * k).reshape(k, k)
        cutoff = np.arange(k)
        ideal = np.cumsum(discount)[np.minimum(cutoff[:, None], cutoff[None, :])]  # (cutoff, size)
        sums = (np.cumsum(table, axis=0) / ideal).sum(axis=1)
        return np.asarray(sums / max(1, len(self.sizes)))

    def _weights(self, weights: Doubles | None) -> Doubles:
        return np.ones(len(self.label)) if weights is None else weights[self.label]

    def _by_rank(self, k: int, values: Doubles) -> Doubles:
        near = self.rank < _checked(k)
        return np.bincount(self.rank[near], values[near], minlength=k).astype(np.float64)


def match(Y: CSR, S: CSR) -> Matches:
    """Find the true labels in the rankings, without a dense array.

    Raises
    ------
    DataError
        If shapes disagree, or scores hold NaN.
    """
    Y, S = aligned(Y, S)
    return matched(Y, S, ranks(S))


def matched(Y: CSR, S: CSR, rank: Longs) -> Matches:
    """Return the matches of aligned truth and scores whose `ranks` are known."""
    at = locate(Y, S)
    found = at >= 0
    return Matches(row_of_entry(Y)[found], rank[at[found]], Y.indices[found], _sizes(Y))


def oracle(Y: CSR, weights: Doubles | None = None) -> Matches:
    """Return the matches of the best possible ranking: true labels by weight descending."""
    Y = as_binary(Y, "Y")
    row = row_of_entry(Y)
    worth = np.zeros(Y.nnz) if weights is None else weights[Y.indices]
    order = np.lexsort((Y.indices, -worth, row))
    return Matches(row, np.arange(Y.nnz) - Y.indptr[row], Y.indices[order], _sizes(Y))


def aligned(Y: CSR, S: CSR) -> tuple[CSR, CSR]:
    """Return truth as binary CSR and scores as `as_scores` does.

    Raises
    ------
    DataError
        If the rows differ, S has more columns than Y, or scores hold NaN.
    """
    Y, S = as_binary(Y, "Y"), as_scores(S)
    if Y.shape[0] != S.shape[0] or Y.shape[1] < S.shape[1]:
        raise DataError(
            f"Truth has shape {Y.shape} but scores have {S.shape}.",
            "Both need the same rows, and the columns of the scores come first in the truth.",
        )
    return Y, S


def as_scores(S: CSR) -> CSR:
    """Return scores as canonical CSR of floats; stored zeros stay, minus infinity is dropped.

    Raises
    ------
    DataError
        If scores hold NaN.
    """
    S = csr_array(S)
    if not S.has_canonical_format:
        S = S.copy()
        S.sum_duplicates()
    if S.dtype.kind != "f":
        S = S.astype(np.float64)
    if np.isnan(S.data).any():
        raise DataError("Scores hold NaN.", "Check the model that made them.")
    never = np.isneginf(S.data)
    return select(S, S.data, ~never) if never.any() else S


def locate(Y: CSR, S: CSR) -> Longs:
    """Return where each entry of Y is stored in S, (Y.nnz,), -1 where it is not; both canonical."""
    width = max(Y.shape[1], S.shape[1])
    return position_in(keys(S, width), keys(Y, width))


def keys(S: CSR, width: int) -> Longs:
    """Return row * width + column of each stored entry, (nnz,); ascending if S is canonical."""
    return np.asarray(row_of_entry(S) * width + S.indices)


def position_in(stored: Longs, wanted: Longs) -> Longs:
    """Return the position of each wanted key among the ascending stored ones, -1 if absent."""
    if not len(stored):
        return np.full(len(wanted), -1, np.int64)
    at = np.minimum(np.searchsorted(stored, wanted), len(stored) - 1)
    return np.where(stored[at] == wanted, at, -1)


def select(S: CSR, data: Any, kept: Bools) -> CSR:
    """Return the kept entries of S with the values `data`; both (nnz,), S canonical."""
    before = np.concatenate(([0], np.cumsum(kept)))
    return from_parts(data[kept], S.indices[kept], before[S.indptr], S.shape)


def ranks(S: CSR) -> Longs:
    """Return the rank of each stored entry in its row, from 0, (nnz,); S canonical."""
    position = np.empty(S.nnz, np.int64)
    for start in range(0, S.shape[0], BLOCK):
        entry, ptr = ranked(S[start : start + BLOCK])
        first = S.indptr[start]
        position[first + entry] = np.arange(ptr[-1]) - np.repeat(ptr[:-1], np.diff(ptr))
    return position


def _sizes(Y: CSR) -> Longs:
    return np.asarray(np.diff(Y.indptr), np.int64)


def _checked(k: int) -> int:
    if k < 1:
        raise ParameterError(f"k must be 1 or more, found {k}.")
    return k
