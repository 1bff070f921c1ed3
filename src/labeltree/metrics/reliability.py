"""Reliability: of the answers with score 0.8, 80 % should be right.

The expected calibration error cuts scores into bins and sums, weighted by their size, the
distances between mean score and share of right answers ("On Calibration of Modern Neural
Networks", Guo, Pleiss, Sun & Weinberger, 2017). Bins of equal mass, as in "Measuring Calibration
in Deep Learning" (Nixon et al., 2019): with many labels nearly all scores are tiny, and bins of
equal width would put almost everything into the first.

What is averaged over decides the value. All stored (document, label) pairs, the default, depend
on how many labels were asked for; every pair with absent scores as 0 depends on that no more,
but then nearly all pairs are rightly 0 and the error shrinks with the number of labels. The
first answers alone depend on neither: one score a document.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labeltree.core.arrays import CSR, Bools, Doubles, Longs, row_of_entry
from labeltree.core.errors import DataError, ParameterError
from labeltree.metrics.counts import ratio
from labeltree.metrics.ranking import aligned, as_scores, locate, select

BINS = 15


@dataclass(frozen=True, eq=False)
class Reliability:
    """Mean score and share of right answers, bin by bin from low to high; empty bins left out."""

    score: Doubles
    """Mean score of each bin, (n_bins,)."""
    share: Doubles
    """Share of its pairs that are true, (n_bins,)."""
    size: Longs
    """Its pairs, (n_bins,)."""
    brier: float
    """Mean squared distance between score and truth (0 or 1) over the pairs."""
    n_absent: int
    """(document, label) pairs without a score."""
    n_missed: int
    """Those of them that are true, labels outside the universe included."""

    @property
    def error(self) -> float:
        """Expected calibration error over the scored pairs, in [0, 1]."""
        return self._gap / max(1, int(self.size.sum()))

    @property
    def error_with_absent(self) -> float:
        """The same over all pairs, an absent score being 0: one more bin, of the absent pairs."""
        return (self._gap + self.n_missed) / max(1, int(self.size.sum()) + self.n_absent)

    @property
    def brier_with_absent(self) -> float:
        """Mean squared distance over all pairs, an absent score being 0."""
        n = int(self.size.sum())
        return (self.brier * n + self.n_missed) / max(1, n + self.n_absent)

    @property
    def _gap(self) -> float:
        return float((self.size * np.abs(self.score - self.share)).sum())


def reliability_by_mass(Y: CSR, S: CSR, n_bins: int = BINS) -> Reliability:
    """Measure scores as probabilities, in bins of equal mass.

    Equal scores are never cut apart, so that the result does not depend on the order of documents;
    bins may then differ in size.

    Parameters
    ----------
    Y
        Truth, (n_samples, n_true_labels).
    S
        Scores in [0, 1], (n_samples, n_labels).

    Raises
    ------
    DataError
        If a score lies outside [0, 1], or shapes disagree.
    """
    Y, S, true = _scored(Y, S)
    return _binned(Y, S, true, _equal_mass(S.data, n_bins))


def reliability_by_width(Y: CSR, S: CSR, n_bins: int = 10) -> Reliability:
    """Measure as `reliability_by_mass`, in bins of equal width: for curves over the whole range."""
    if n_bins < 1:
        raise ParameterError(f"n_bins must be 1 or more, found {n_bins}.")
    Y, S, true = _scored(Y, S)
    number = np.minimum((S.data * n_bins).astype(np.int64), n_bins - 1)
    return _binned(Y, S, true, number)


def first_answers(S: CSR) -> CSR:
    """Return the scores with only the best of each document, to judge first answers alone."""
    S = as_scores(S)
    sizes = np.diff(S.indptr)
    answered = np.flatnonzero(sizes)
    highest = np.maximum.reduceat(S.data, S.indptr[answered]) if len(answered) else S.data
    equal = np.flatnonzero(S.data == np.repeat(highest, sizes[answered]))
    # Of equal scores the lower label: columns ascend inside a row.
    row = row_of_entry(S)[equal]
    first = equal[np.flatnonzero(np.diff(row, prepend=-1))]
    kept = np.zeros(S.nnz, np.bool_)
    kept[first] = True
    return select(S, S.data, kept)


def _scored(Y: CSR, S: CSR) -> tuple[CSR, CSR, Bools]:
    """Return truth, scores, and whether each stored score belongs to a true label."""
    Y, S = aligned(Y, S)
    if len(S.data) and not (S.data.min() >= 0 and S.data.max() <= 1):
        raise DataError(
            f"Scores from {S.data.min():.3g} to {S.data.max():.3g} are no probabilities.",
            "Map them to [0, 1] first.",
        )
    true = np.zeros(S.nnz, np.bool_)
    at = locate(Y, S)
    true[at[at >= 0]] = True
    return Y, S, true


def _equal_mass(scores: Doubles, n_bins: int) -> Longs:
    """Return the bin of each score: the one in which the first of its ties falls, by rank."""
    if n_bins < 1:
        raise ParameterError(f"n_bins must be 1 or more, found {n_bins}.")
    # A score is in bin j or above if at least j / n_bins of all scores are lower.
    lower = -(-np.arange(1, n_bins) * len(scores) // n_bins)
    lower = np.unique(lower[(lower > 0) & (lower < len(scores))]) - 1
    cuts = np.partition(scores, lower)[lower] if len(lower) else scores[:0]
    return np.searchsorted(cuts, scores, side="left").astype(np.int64)


def _binned(Y: CSR, S: CSR, true: Bools, number: Longs) -> Reliability:
    size = np.bincount(number)
    used = size > 0
    score = ratio(np.bincount(number, S.data.astype(np.float64)), size)[used]
    share = ratio(np.bincount(number, true), size)[used]
    brier = float(((S.data.astype(np.float64) - true) ** 2).sum() / max(1, S.nnz))
    n_absent = Y.shape[0] * Y.shape[1] - S.nnz
    return Reliability(score, share, size[used], brier, n_absent, Y.nnz - int(true.sum()))
