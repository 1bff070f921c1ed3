"""Decision metrics: F1 of label sets, and the threshold that turns scores into sets.

Truth Y is binary CSR (n_samples, n_true_labels), decisions are CSR (n_samples, n_labels) with
the columns of Y's first labels; true labels beyond them are misses. An F1 of nothing true and
nothing decided is 0 throughout, scikit-learn's `zero_division=0`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labeltree.core.arrays import CSR, Doubles, Longs, as_binary, row_of_entry
from labeltree.core.store import storable
from labeltree.metrics.ranking import aligned, locate

BEST_MICRO_F1 = "best micro-F1"
NOTHING = 2.0
"""A threshold above every score: nothing is decided."""


def micro_f1(Y: CSR, decisions: CSR) -> float:
    """Return F1 over all (document, label) pairs pooled."""
    Y, decisions, both = _paired(Y, decisions)
    return float(_f1(len(both), Y.nnz, decisions.nnz))


def macro_f1(Y: CSR, decisions: CSR) -> float:
    """Return the mean F1 over all columns of Y.

    Labels that are neither true nor decided count as 0: with many labels and few documents
    the value is low by construction, and only comparable over the same columns.
    """
    Y, decisions, both = _paired(Y, decisions)
    n = Y.shape[1]
    parts = (np.bincount(x, minlength=n) for x in (Y.indices[both], Y.indices, decisions.indices))
    return float(_f1(*parts).sum() / max(1, n))


def sample_f1(Y: CSR, decisions: CSR) -> float:
    """Return the mean F1 over documents, those without labels and decisions as 0."""
    Y, decisions, both = _paired(Y, decisions)
    common = np.bincount(row_of_entry(Y)[both], minlength=Y.shape[0])
    f1 = _f1(common, np.diff(Y.indptr), np.diff(decisions.indptr))
    return float(f1.sum() / max(1, Y.shape[0]))


@storable
@dataclass(frozen=True)
class GlobalThreshold:
    """One threshold for all labels: a label is decided where its score reaches `value`."""

    value: float
    """The threshold; `NOTHING` where no score should pass."""
    rule: str
    """How it was chosen."""
    fitted_on: str
    """The data it was chosen on; never test data."""
    f1: float
    """micro-F1 reached there."""


def fit_global_threshold(Y: CSR, S: CSR, fitted_on: str) -> GlobalThreshold:
    """Find the threshold with the best micro-F1, by an exact scan over all stored scores.

    Parameters
    ----------
    Y
        Truth, (n_samples, n_true_labels); labels outside the universe count as missed.
    S
        Scores, (n_samples, n_labels), made with the k that decisions will be made with.
    fitted_on
        Name of this data, for the record.

    Returns
    -------
    The threshold halfway between two neighbouring scores, never inside a tie (the lowest score
    itself where all are decided); of equal F1s the highest threshold. `NOTHING` if no stored
    score belongs to a true label.
    """
    Y, S = aligned(Y, S)
    at = locate(Y, S)
    true = np.zeros(S.nnz, np.int64)
    true[at[at >= 0]] = 1
    if not true.any():
        return GlobalThreshold(NOTHING, BEST_MICRO_F1, fitted_on, 0.0)
    order = np.argsort(-S.data, kind="stable")
    score = S.data[order]
    last = np.append(np.flatnonzero(score[1:] < score[:-1]), S.nnz - 1)  # of each run of ties
    f1 = _f1(np.cumsum(true[order])[last], Y.nnz, last + 1)
    best = int(np.argmax(f1))
    kept = score[last[best]]
    value = kept
    if last[best] + 1 < len(score):
        dropped = score[last[best] + 1]
        middle = score.dtype.type((np.float64(kept) + np.float64(dropped)) / 2)
        # Between adjacent numbers the middle rounds to one of them, perhaps the dropped one.
        value = middle if middle > dropped else kept
    return GlobalThreshold(float(value), BEST_MICRO_F1, fitted_on, float(f1[best]))


def _paired(Y: CSR, decisions: CSR) -> tuple[CSR, CSR, Longs]:
    """Return both as binary CSR, and the entries of Y that were decided."""
    Y, decisions = aligned(Y, as_binary(decisions, "decisions"))
    return Y, decisions, np.flatnonzero(locate(Y, decisions) >= 0)


def _f1(both: Longs | int, true: Longs | int, decided: Longs | int) -> Doubles:
    """Return 2 both / (true + decided), 0 for 0 / 0, broadcast."""
    total = np.asarray(true, np.float64) + decided
    return np.asarray(2.0 * np.asarray(both) / np.maximum(total, 1.0))
