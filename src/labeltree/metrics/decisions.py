"""Decision metrics: F1 of label sets.

Truth Y is binary CSR (n_samples, n_true_labels), decisions are CSR (n_samples, n_labels) with
the columns of Y's first labels; true labels beyond them are misses. An F1 of nothing true and
nothing decided is 0 throughout, scikit-learn's `zero_division=0`.
"""

from __future__ import annotations

import numpy as np

from labeltree.core.arrays import CSR, Doubles, Longs, as_binary, row_of_entry
from labeltree.metrics.ranking import aligned, locate


def micro_f1(Y: CSR, decisions: CSR) -> float:
    """Return F1 over all (document, label) pairs pooled."""
    Y, decisions, both = _paired(Y, decisions)
    return float(f1_of(len(both), Y.nnz, decisions.nnz))


def macro_f1(Y: CSR, decisions: CSR) -> float:
    """Return the mean F1 over all columns of Y.

    Labels that are neither true nor decided count as 0: with many labels and few documents
    the value is low by construction, and only comparable over the same columns.
    """
    Y, decisions, both = _paired(Y, decisions)
    n = Y.shape[1]
    parts = (np.bincount(x, minlength=n) for x in (Y.indices[both], Y.indices, decisions.indices))
    return float(f1_of(*parts).sum() / max(1, n))


def sample_f1(Y: CSR, decisions: CSR) -> float:
    """Return the mean F1 over documents, those without labels and decisions as 0."""
    Y, decisions, both = _paired(Y, decisions)
    common = np.bincount(row_of_entry(Y)[both], minlength=Y.shape[0])
    f1 = f1_of(common, np.diff(Y.indptr), np.diff(decisions.indptr))
    return float(f1.sum() / max(1, Y.shape[0]))


def _paired(Y: CSR, decisions: CSR) -> tuple[CSR, CSR, Longs]:
    """Return both as binary CSR, and the entries of Y that were decided."""
    Y, decisions = aligned(Y, as_binary(decisions, "decisions"))
    return Y, decisions, np.flatnonzero(locate(Y, decisions) >= 0)


def f1_of(
    both: Longs | Doubles | int, true: Longs | Doubles | int, decided: Longs | Doubles | int
) -> Doubles:
    """Return 2 both / (true + decided), 0 for 0 / 0, broadcast."""
    total = np.asarray(true, np.float64) + decided
    return np.asarray(2.0 * np.asarray(both) / np.maximum(total, 1.0))
