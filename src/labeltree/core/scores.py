"""Scores: a CSR array (n_samples, n_labels) with one entry for each label the model ranked.

Entries are in (0, 1] and strictly decrease with rank inside a row; absent means not ranked.
Truth is CSR too, so metrics take two CSR, an ensemble is a weighted sum, a threshold a mask.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array

from labeltree.core.arrays import CSR, Doubles, Floats, Ints, from_parts, row_of_entry
from labeltree.core.errors import DataError

FLOOR = np.float32(1e-30)
"""The lowest score a ranked label can have: order is never lost to underflow."""


def ranked(scores: CSR) -> tuple[Ints, Ints]:
    """Return (entry, ptr): the stored entries of each row by score descending, label ascending.

    Row i's ranking is `scores.indices[entry[ptr[i]:ptr[i + 1]]]`. Equal scores put the lower
    label first, everywhere in this library.
    """
    if np.isnan(scores.data).any():
        raise DataError("Scores hold NaN.")
    rows = row_of_entry(scores)
    entry = np.lexsort((scores.indices, -scores.data, rows))
    return entry.astype(np.int32), scores.indptr


def top_k(scores: CSR, k: int) -> tuple[Ints, Floats]:
    """Return labels and scores (n_samples, k) by rank; missing ranks are -1 and 0."""
    entry, ptr = ranked(scores)
    rank = np.arange(scores.nnz) - np.repeat(ptr[:-1], np.diff(ptr))
    kept = rank < k
    rows = row_of_entry(scores)[kept]
    labels = np.full((scores.shape[0], k), -1, np.int32)
    values = np.zeros((scores.shape[0], k), np.float32)
    labels[rows, rank[kept]] = scores.indices[entry[kept]]
    values[rows, rank[kept]] = scores.data[entry[kept]]
    return labels, values


def best(scores: CSR, k: int) -> CSR:
    """Return the scores with all but the k best of each row removed."""
    labels, values = top_k(scores, k)
    return from_ranking(labels, values.astype(np.float64), scores.shape[1])


def from_ranking(labels: Ints, values: Doubles, n_labels: int) -> CSR:
    """Assemble scores from rankings.

    Parameters
    ----------
    labels
        (n_samples, k), best first, -1 after the last.
    values
        (n_samples, k), not increasing; brought to (0, 1] and made strictly decreasing here.
    n_labels
        Columns of the result.
    """
    strict = _strictly_decreasing(values)
    kept = labels >= 0
    indptr = np.concatenate(([0], np.cumsum(kept.sum(axis=1))))
    key = np.where(kept, labels, np.iinfo(np.int32).max)
    by_label = np.argsort(key, axis=1, kind="stable")
    indices = np.take_along_axis(labels, by_label, axis=1)
    data = np.take_along_axis(strict, by_label, axis=1)
    kept = np.take_along_axis(kept, by_label, axis=1)
    return from_parts(data[kept], indices[kept].astype(np.int32), indptr, (len(labels), n_labels))


def _strictly_decreasing(values: Doubles) -> Floats:
    """Clip to [FLOOR, 1] and step down by one unit in the last place wherever a tie remains."""
    k = values.shape[1]
    scores = np.clip(values, FLOOR, 1).astype(np.float32)
    if not k:
        return scores
    # The last rank must stay positive: leave k representable steps above the floor.
    low = FLOOR * np.float32(1 + 1e-6 * k)
    scores = np.maximum(scores, low)
    for j in range(1, k):
        below = np.nextafter(scores[:, j - 1], np.float32(0))
        scores[:, j] = np.minimum(scores[:, j], below)
    return scores


def mean(parts: list[CSR], weights: list[float] | None = None) -> CSR:
    """Return the weighted mean of scores; a label absent from one part counts as 0 there."""
    weights = weights or [1.0 / len(parts)] * len(parts)
    total = csr_array(parts[0] * weights[0])
    for part, weight in zip(parts[1:], weights[1:], strict=True):
        total = csr_array(total + part * weight)
    return total


def above(scores: CSR, threshold: float | Floats) -> CSR:
    """Return the decisions: 1 where a score reaches its threshold (one, or one a label)."""
    cut = threshold if np.isscalar(threshold) else np.asarray(threshold)[scores.indices]
    kept: Any = scores.data >= cut
    counts = np.bincount(row_of_entry(scores)[kept], minlength=scores.shape[0])
    indptr = np.concatenate(([0], np.cumsum(counts)))
    return from_parts(np.ones(int(kept.sum()), np.float32), scores.indices[kept], indptr, scores.shape)
