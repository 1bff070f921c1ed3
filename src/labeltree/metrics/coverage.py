"""Coverage: how many different labels an answer list ever reaches.

Two published metrics share the name `coverage@k`, and differ: labels answered *rightly* at least
once over labels true at least once (napkinXC), and labels answered at all, right or wrong, over
all labels ("Extreme Multi-label Loss Functions ...", Jain, Prabhu & Varma, 2016). Both are here,
under names that say which.
"""

from __future__ import annotations

import numpy as np

from labeltree.core.arrays import CSR, Doubles, Ints, Longs
from labeltree.core.errors import ParameterError
from labeltree.metrics.ranking import Matches, as_scores, match, ranks


def coverage_correct_at(Y: CSR, S: CSR, k: int) -> Doubles:
    """Return coverage-correct@1..k, (k,): labels ever found over labels ever true.

    Found is true and among the first ranks of at least one document.
    True labels outside the universe are in the denominator.
    """
    return coverage_of(match(Y, S), Y, k)


def coverage_predicted_at(S: CSR, k: int) -> Doubles:
    """Return coverage-predicted@1..k, (k,): the share of columns ever among the first ranks."""
    S = as_scores(S)
    return coverage_by(S, ranks(S), k)


def coverage_of(found: Matches, Y: CSR, k: int) -> Doubles:
    """Return `coverage_correct_at` of a ranking's matches with the truth Y."""
    n_true = len(np.unique(Y.indices))
    return np.asarray(_reached(found.label, found.rank, Y.shape[1], k) / max(1, n_true))


def coverage_by(S: CSR, rank: Longs, k: int) -> Doubles:
    """Return `coverage_predicted_at` of canonical scores whose `ranks` are known."""
    return np.asarray(_reached(S.indices, rank, S.shape[1], k) / max(1, S.shape[1]))


def _reached(label: Longs | Ints, rank: Longs, n_labels: int, k: int) -> Longs:
    """Return how many labels occur among the first 1..k ranks, (k,)."""
    if k < 1:
        raise ParameterError(f"k must be 1 or more, found {k}.")
    first = np.full(n_labels, k, np.int64)
    np.minimum.at(first, label, rank)
    return np.cumsum(np.bincount(first, minlength=k + 1)[:k])
