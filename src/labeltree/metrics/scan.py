"""The scan behind all fitted thresholds: every place where a label's ranking can be cut.

Counts of an exact scan (Yang, "A Study of Thresholding Strategies for Text Categorization",
SIGIR 2001): with the scores of one label in descending order, each strict drop is one cut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labeltree.core.arrays import CSR, Bools, Doubles, Ints, Longs, row_of_entry
from labeltree.metrics.ranking import aligned, locate

NOTHING = 2.0
"""A threshold above every score: nothing is decided."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Scored (document, label) pairs with their truth, by label and then by score descending."""

    row: Longs
    """Document, (n,)."""
    label: Longs
    """Label, ascending, (n,)."""
    score: Doubles
    """Score, descending within a label, (n,); of the type of the scores."""
    true: Longs
    """1 where the pair is true, (n,)."""
    positives: Longs
    """True pairs of each label, scored or not, (n_labels,)."""
    n_true: int
    """True pairs in all, those of labels outside the universe included."""

    def of_rows(self, Y: CSR, rows: Bools) -> Candidates:
        """Return those of some documents; Y is their truth, `rows` a mask (n_samples,)."""
        at = rows[self.row]
        true = Y.indices[rows[row_of_entry(Y)]]
        positives = np.bincount(true, minlength=Y.shape[1])[: len(self.positives)]
        return Candidates(
            self.row[at], self.label[at], self.score[at], self.true[at], positives, len(true)
        )

    def counts(self, cuts: Doubles) -> tuple[Longs, Longs]:
        """Return (right, decided) pairs of each label where scores reach `cuts` (n_labels,)."""
        kept = self.score >= cuts.astype(self.score.dtype)[self.label]
        n, label = len(self.positives), self.label[kept]
        decided = np.bincount(label, minlength=n)
        return np.bincount(label[self.true[kept] > 0], minlength=n), decided


@dataclass(frozen=True, eq=False)
class Cuts:
    """The places where a ranking can be cut, highest first within a label; never inside a tie."""

    label: Longs
    """Label, ascending, (n_cuts,)."""
    value: Doubles
    """Threshold: halfway to the next score, or the lowest score itself, (n_cuts,)."""
    right: Longs
    """True pairs that reach it, (n_cuts,)."""
    decided: Longs
    """Pairs that reach it, (n_cuts,)."""

    def best(self, worth: Doubles, n_labels: int) -> tuple[Doubles, Doubles]:
        """Return (cut, worth) of the worthiest cut of each label, (n_labels,) each.

        Of equals the highest cut; `NOTHING` and minus infinity for labels without any.
        """
        most = np.full(n_labels, -np.inf)
        np.maximum.at(most, self.label, worth)
        at = np.flatnonzero(worth == most[self.label])[::-1]
        cut = np.full(n_labels, NOTHING)
        cut[self.label[at]] = self.value[at]  # of several the last one written: the highest cut
        return cut, most


def candidates(Y: CSR, S: CSR) -> Candidates:
    """Sort the stored scores by label and score.

    Raises
    ------
    DataError
        If shapes disagree, or scores hold NaN.
    """
    Y, S = aligned(Y, S)
    at = locate(Y, S)
    true = np.zeros(S.nnz, np.int64)
    true[at[at >= 0]] = 1
    order = np.lexsort((-S.data, S.indices))
    positives = np.bincount(Y.indices, minlength=Y.shape[1])[: S.shape[1]]
    return Candidates(
        row_of_entry(S)[order], S.indices[order].astype(np.int64), S.data[order], true[order],
        positives, Y.nnz,
    )  # fmt: skip


def pooled(found: Candidates) -> Candidates:
    """Return the pairs of all labels as those of one."""
    order = np.argsort(-found.score, kind="stable")
    one, positives = np.zeros(len(order), np.int64), np.array([found.n_true])
    return Candidates(
        found.row[order], one, found.score[order], found.true[order], positives, found.n_true
    )


def cuts(found: Candidates) -> Cuts:
    """Return every cut of every label."""
    label, score = found.label, found.score
    if not len(label):
        return Cuts(label, score, label, label)
    is_first = np.append(True, np.diff(label) > 0)
    start = np.flatnonzero(is_first)[np.cumsum(is_first) - 1]
    before = np.concatenate(([0], np.cumsum(found.true)))
    drops = np.append(score[1:] < score[:-1], True)
    ends = np.append(is_first[1:], True)
    last = np.flatnonzero(drops | ends)
    value = score.copy()
    inner = last[~ends[last]]
    value[inner] = _between(score[inner], score[inner + 1])
    right = before[last + 1] - before[start[last]]
    return Cuts(label[last], value[last], right, last + 1 - start[last])


def _between(kept: Doubles, dropped: Doubles) -> Doubles:
    """Return the number halfway, in the type of the scores; above what is dropped."""
    middle = ((kept.astype(np.float64) + dropped) / 2).astype(kept.dtype)
    # Between adjacent numbers the middle rounds to one of them, perhaps the dropped one.
    return np.where(middle > dropped, middle, kept)


def folds(n_rows: int, n_folds: int, seed: int) -> Ints:
    """Return a fold of each document, balanced and seeded, (n_rows,)."""
    return np.random.default_rng(seed).permutation(n_rows).astype(np.int32) % n_folds
