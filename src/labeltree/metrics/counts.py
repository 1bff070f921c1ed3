"""Right, true and decided occurrences of each label, and precision, recall and F1 of groups.

0 / 0 is 0 throughout, scikit-learn's `zero_division=0`. Macro-F1 is the mean of the labels' F1s,
not the F1 of mean precision and mean recall.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from labeltree.core.arrays import CSR, Bools, Doubles, Longs, as_binary
from labeltree.core.errors import DataError
from labeltree.metrics.ranking import aligned, locate


class Quality(NamedTuple):
    """Precision, recall and F1, in [0, 1]."""

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, eq=False)
class Counts:
    """How often each label is right, true and decided, over all documents."""

    right: Longs
    """Documents where the label is true and decided, (n_labels,)."""
    true: Longs
    """Documents that have the label, (n_labels,)."""
    decided: Longs
    """Documents it was decided for, (n_labels,)."""

    @property
    def precision(self) -> Doubles:
        """Right over decided of each label, (n_labels,)."""
        return ratio(self.right, self.decided)

    @property
    def recall(self) -> Doubles:
        """Right over true of each label, (n_labels,)."""
        return ratio(self.right, self.true)

    @property
    def f1(self) -> Doubles:
        """2 right / (true + decided) of each label, (n_labels,)."""
        return ratio(2 * self.right, self.true + self.decided)

    @property
    def errors(self) -> Longs:
        """Missed plus wrongly decided documents of each label, (n_labels,)."""
        return np.asarray(self.true + self.decided - 2 * self.right)

    def at(self, labels: Bools | Longs) -> Counts:
        """Return the counts of some labels (a mask or columns)."""
        return Counts(self.right[labels], self.true[labels], self.decided[labels])

    def micro(self) -> Quality:
        """Return the quality over all (document, label) pairs pooled."""
        right, true, decided = self.right.sum(), self.true.sum(), self.decided.sum()
        parts = (ratio(right, decided), ratio(right, true), ratio(2 * right, true + decided))
        return Quality(*map(float, parts))

    def macro(self) -> Quality:
        """Return the mean quality of a label."""
        n = max(1, len(self.true))
        return Quality(*(float(x.sum()) / n for x in (self.precision, self.recall, self.f1)))


@dataclass(frozen=True)
class Group:
    """The quality of decisions on a group of labels: truth and decisions restricted to it."""

    name: str
    n_labels: int
    n_documents: int
    """Documents with a true label of the group; the others are an empty set, never a class."""
    n_true: int
    """True occurrences."""
    n_decided: int
    """Decided occurrences."""
    micro: Quality
    macro: Quality


def count(Y: CSR, decisions: CSR) -> Counts:
    """Count for each column of Y.

    Parameters
    ----------
    Y
        Truth, (n_samples, n_true_labels).
    decisions
        Decided labels, (n_samples, n_labels): the first columns of Y; the others are misses.

    Raises
    ------
    DataError
        If shapes disagree.
    """
    Y, decisions = aligned(Y, as_binary(decisions, "decisions"))
    both = Y.indices[locate(Y, decisions) >= 0]
    n = Y.shape[1]
    return Counts(*(np.bincount(x, minlength=n) for x in (both, Y.indices, decisions.indices)))


def by_group(Y: CSR, decisions: CSR, group: Longs, names: Sequence[str]) -> list[Group]:
    """Return one `Group` for each name.

    Parameters
    ----------
    group
        Number of the group of each column of Y, (n_true_labels,); -1 for none.
    names
        Name of each group, (n_groups,).

    Raises
    ------
    DataError
        If there is not one group number for each column, or shapes disagree.
    """
    counts, Y = count(Y, decisions), as_binary(Y, "Y")
    n_documents = documents_with(Y, group, len(names))
    found = []
    for number, name in enumerate(names):
        own = counts.at(group == number)
        sizes = (len(own.true), int(n_documents[number]), int(own.true.sum()))
        found.append(Group(name, *sizes, int(own.decided.sum()), own.micro(), own.macro()))
    return found


def documents_with(Y: CSR, group: Longs, n_groups: int) -> Longs:
    """Return how many documents have a true label of each group, (n_groups,)."""
    if group.shape != (Y.shape[1],):
        raise DataError(f"{len(group)} group numbers for {Y.shape[1]} columns.", "Give one each.")
    own = group[Y.indices]
    row = np.repeat(np.arange(Y.shape[0], dtype=np.int64), np.diff(Y.indptr))
    pairs = np.unique(row[own >= 0] * max(1, n_groups) + own[own >= 0])
    return np.bincount(pairs % max(1, n_groups), minlength=n_groups)


def ratio(part: Longs | Doubles | int, whole: Longs | Doubles | int) -> Doubles:
    """Return part / whole, 0 where the whole is 0."""
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    return np.asarray(np.divide(part, whole, out=np.zeros_like(whole), where=whole != 0))
