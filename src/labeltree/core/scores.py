"""Scores: a CSR array (n_samples, n_labels) with one entry for each label the model ranked.

Entries are in (0, 1] and strictly decrease with rank inside a row; absent means not ranked.
Truth is CSR too, so metrics take two CSR, an ensemble is a weighted sum, a threshold a mask.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from labeltree.core.arrays import (
    CSR,
    Doubles,
    Floats,
    Ints,
    Longs,
    from_parts,
    ranges,
    row_of_entry,
)
from labeltree.core.errors import DataError
from labeltree.core.hierarchy import Hierarchy

FLOOR = np.float32(1e-30)
"""The lowest score a ranked label can have: order is never lost to underflow."""


def ranked(scores: CSR) -> tuple[Ints, Ints]:
    """Return (entry, ptr): the stored entries of each row by score descending, label ascending.

    Row i's ranking is `scores.indices[entry[ptr[i]:ptr[i + 1]]]`. Equal scores put the lower
    label first, everywhere in this library.

    Raises
    ------
    DataError
        If a score is NaN.
    """
    data = scores.data if scores.dtype.kind == "f" else scores.data.astype(np.float64)
    if np.isnan(data).any():
        raise DataError("Scores hold NaN.")
    entry = np.lexsort((scores.indices, -data, row_of_entry(scores)))
    return entry.astype(scores.indptr.dtype), scores.indptr


def top_k(scores: CSR, k: int) -> tuple[Ints, Floats]:
    """Return labels and scores (n_samples, k) by rank; missing ranks are -1 and 0."""
    entry, rows, rank = _first_ranks(scores, k)
    labels = np.full((scores.shape[0], k), -1, np.int32)
    values = np.zeros((scores.shape[0], k), np.float32)
    labels[rows, rank] = scores.indices[entry]
    values[rows, rank] = scores.data[entry]
    return labels, values


def best(scores: CSR, k: int) -> CSR:
    """Return the scores with all but the k best of each row removed."""
    entry, rows, _ = _first_ranks(scores, k)
    kept = np.sort(entry)
    return from_parts(scores.data[kept], scores.indices[kept], _ptr(rows, scores), scores.shape)


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

    Raises
    ------
    DataError
        If a value is NaN.
    """
    kept = labels >= 0
    indptr = np.concatenate(([0], np.cumsum(kept.sum(axis=1))))
    strict = np.zeros(labels.shape, np.float32)
    strict[kept] = _strictly_decreasing(np.asarray(values)[kept], indptr)
    key = np.where(kept, labels, np.iinfo(np.int32).max)
    by_label = np.argsort(key, axis=1, kind="stable")
    kept = np.take_along_axis(kept, by_label, axis=1)
    indices = np.take_along_axis(labels, by_label, axis=1)[kept].astype(np.int32)
    data = np.take_along_axis(strict, by_label, axis=1)[kept]
    return from_parts(data, indices, indptr, (len(labels), n_labels))


def mean(parts: list[CSR], weights: list[float] | None = None) -> CSR:
    """Return the weighted mean of scores; a label absent from one part counts as 0 there.

    Parameters
    ----------
    parts
        Scores, all (n_samples, n_labels).
    weights
        One a part, not negative; divided by their sum. None: all the same.
    """
    share = np.ones(len(parts)) if weights is None else np.asarray(weights, np.float64)
    if len(share) != len(parts) or (share < 0).any() or not share.sum() > 0:
        raise DataError(f"{len(parts)} scores but weights {weights}.", "Give one above 0 a part.")
    total = csr_array(parts[0].shape, dtype=np.float64)
    for part, weight in zip(parts, share / share.sum(), strict=True):
        total = csr_array(total + part.astype(np.float64) * weight)
    total.sort_indices()
    return _in_order(total, ranked(total)[0])


def rescored(scores: CSR, values: Doubles) -> CSR:
    """Return the scores with new values (nnz,), brought to (0, 1]; on ties the old order stands.

    Raises
    ------
    DataError
        If a value is NaN.
    """
    order = np.lexsort((scores.indices, -scores.data, -values, row_of_entry(scores)))
    return _in_order(from_parts(values, scores.indices, scores.indptr, scores.shape), order)


def above(scores: CSR, threshold: float | Floats | Doubles) -> CSR:
    """Return the decisions: 1 where a score reaches its threshold (one, or one a label)."""
    cut = np.asarray(threshold, scores.dtype)
    if cut.ndim and cut.shape != (scores.shape[1],):
        raise DataError(f"Thresholds have shape {cut.shape}, there are {scores.shape[1]} labels.")
    kept = np.flatnonzero(scores.data >= (cut[scores.indices] if cut.ndim else cut))
    ones = np.ones(len(kept), np.float32)
    indptr = _ptr(row_of_entry(scores)[kept], scores)
    return from_parts(ones, scores.indices[kept], indptr, scores.shape)


def with_ancestors(scores: CSR, hierarchy: Hierarchy) -> CSR:
    """Return the scores (n_samples, n_labels) with all ancestors of ranked labels ranked too.

    The score of an ancestor is the maximum of its own and those of its descendants in the row; on
    a tie the ancestor ranks first, by steps of one unit in the last place. Columns beyond the
    hierarchy's labels have no ancestors.
    """
    up = hierarchy.label_ancestors
    n_above = np.zeros(scores.shape[1], np.int64)
    n_above[: hierarchy.n_labels] = np.diff(up.indptr)
    first = np.zeros_like(n_above)
    first[: hierarchy.n_labels] = up.indptr[:-1]
    n_added = n_above[scores.indices]
    added = up.indices[ranges(first[scores.indices], n_added)]
    rows = row_of_entry(scores)
    row, label = np.r_[rows, np.repeat(rows, n_added)], np.r_[scores.indices, added]
    data = np.r_[scores.data, np.repeat(scores.data, n_added)]
    order = np.lexsort((-data, label, row))
    row, label, data = row[order], label[order], data[order]
    is_first = np.ones(len(row), bool)
    is_first[1:] = (np.diff(row) != 0) | (np.diff(label) != 0)
    row, label, data = row[is_first], label[is_first], data[is_first]
    closed = from_parts(data, label, _ptr(row, scores), scores.shape)
    # An ancestor has fewer ancestors than its descendants.
    return _in_order(closed, np.lexsort((label, n_above[label], -data, row)))


def _first_ranks(scores: CSR, k: int) -> tuple[Longs, Longs, Longs]:
    """Return (entry, row, rank) of the k best entries of each row, row by row, best first."""
    entry, ptr = ranked(scores)
    rank = np.arange(len(entry)) - np.repeat(ptr[:-1], np.diff(ptr))
    kept = rank < k
    return entry[kept].astype(np.int64), row_of_entry(scores)[kept], rank[kept]


def _ptr(rows: Longs, scores: CSR) -> Longs:
    """Return the row pointers of entries in these rows."""
    return np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=scores.shape[0]))))


def _in_order(scores: CSR, entry: Longs | Ints) -> CSR:
    """Return the scores, strictly decreasing in the order of `entry` (nnz,) inside each row."""
    data = np.empty(scores.nnz, np.float32)
    data[entry] = _strictly_decreasing(scores.data[entry], scores.indptr)
    return from_parts(data, scores.indices, scores.indptr, scores.shape)


def _strictly_decreasing(values: Doubles | Floats, ptr: Longs | Ints) -> Floats:
    """Clip to [FLOOR, 1] and step down by one unit in the last place wherever a tie remains.

    Parameters
    ----------
    values
        Row by row, inside a row by rank, (nnz,).
    ptr
        Start of each row, (n_samples + 1,).
    """
    if np.isnan(values).any():
        raise DataError("Scores hold NaN.")
    counts = np.diff(ptr).astype(np.int64)
    rank = ranges(np.zeros_like(counts), counts)
    # Positive floats compare like the integers of the same bits, whose neighbours differ by one.
    # The last rank must not fall below FLOOR: leave a step for each rank of the row there.
    low = (FLOOR.view(np.int32) + np.repeat(counts, counts)).astype(np.int32).view(np.float32)
    bits = np.clip(values, low, 1).astype(np.float32).view(np.int32)
    # Each row lies far below the one before: a minimum does not reach across.
    offset = rank - np.repeat(np.arange(len(counts)) << 32, counts)
    strict = np.minimum.accumulate(bits + offset) - offset
    return np.asarray(strict.astype(np.int32).view(np.float32))
