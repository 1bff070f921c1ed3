"""What a search of label trees finds, and how several trees vote."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from labeltree.kernels.compile import kernel
from labeltree.kernels.heap import push, sort_heap
from labeltree.kernels.types import F32, F64, I32, I64


class Pairs(NamedTuple):
    """Documents and the nodes they have reached."""

    doc: I32
    """Row of the document, (n_pairs,)."""
    key: I32
    """Node."""
    log_score: F64
    """Log of the product of the conditional scores on the path."""
    certainty: F32
    """Tells apart what ties, see `certainty`."""


class Found(NamedTuple):
    """Candidate labels, grouped by document: `ptr[i]:ptr[i + 1]` are document i's."""

    ptr: I64
    label: I32
    log_score: F64
    """Log of the product of the conditional scores on the path."""
    certainty: F32


class Best(NamedTuple):
    """The best labels of each document so far, heaps (see `heap`) of `size` entries."""

    log_score: F64
    """(n, k)"""
    certainty: F32
    """(n, k)"""
    label: I32
    """(n, k)"""
    size: I64
    """(n,)"""


@kernel
def no_pairs(n: int) -> Pairs:
    """Return room for n pairs."""
    return Pairs(
        np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.float64),
        np.empty(n, np.float32),
    )  # fmt: skip


@kernel
def first_pairs(pairs: Pairs, n: int) -> Pairs:
    """Return the first n pairs."""
    return Pairs(pairs.doc[:n], pairs.key[:n], pairs.log_score[:n], pairs.certainty[:n])


@kernel
def no_best(n: int, k: int) -> Best:
    """Return room for the k best labels of n documents."""
    return Best(
        np.empty((n, k)), np.empty((n, k), np.float32), np.full((n, k), -1, np.int32),
        np.zeros(n, np.int64),
    )  # fmt: skip


@kernel
def no_found(n_documents: int, n: int) -> Found:
    """Return room for n candidates."""
    return Found(
        np.zeros(n_documents + 1, np.int64), np.empty(n, np.int32), np.empty(n),
        np.empty(n, np.float32),
    )  # fmt: skip


@kernel
def first_found(found: Found, n: int) -> Found:
    """Return the first n candidates."""
    return Found(found.ptr, found.label[:n], found.log_score[:n], found.certainty[:n])


@kernel
def with_level(found: Found, level: Found) -> Found:
    """Return the candidates of both, those of each document together."""
    n = len(found.ptr) - 1
    if not found.ptr[n]:
        return level
    both = no_found(n, found.ptr[n] + level.ptr[n])
    both.ptr[:] = found.ptr + level.ptr
    for i in range(n):
        to = both.ptr[i]
        for part in (found, level):
            a, b = part.ptr[i], part.ptr[i + 1]
            both.label[to : to + b - a] = part.label[a:b]
            both.log_score[to : to + b - a] = part.log_score[a:b]
            both.certainty[to : to + b - a] = part.certainty[a:b]
            to += b - a
    return both


class Ballot(NamedTuple):
    """Scratch for counting votes; all as filled here before each document, and after."""

    highest: F64
    """Best path of each label in any tree, (n_labels,), -inf."""
    label_score: F64
    """Best path of each label in one tree, (n_labels,), -inf."""
    total: F64
    """(n_labels,), 0."""
    certainty: F32
    """(n_labels,), -inf."""


@kernel
def highest_paths(found: Found, n: int, i: int, highest: F64, seen: I32) -> int:
    """Set each label's best path in any tree for document i of n; return how many are seen."""
    n_trees, n_seen = (len(found.ptr) - 1) // n, 0
    for t in range(n_trees):
        for e in range(found.ptr[t * n + i], found.ptr[t * n + i + 1]):
            label = found.label[e]
            if highest[label] == -np.inf:
                seen[n_seen] = label
                n_seen += 1
            highest[label] = max(highest[label], found.log_score[e])
    return n_seen


@kernel
def hope(highest: F64, seen: I32, n_trees: int, best: Best) -> float:
    """Return the best path that a label needs at least to be among the k best.

    Its mean score is at most its best path's score, and at least that divided by the trees.
    """
    size, k = 0, best.label.shape[1]
    for label in seen:
        entry = (highest[label], np.float32(0), label)
        size = push(best.log_score[0], best.certainty[0], best.label[0], size, entry)
    kth = best.log_score[0, 0]
    # Scores so small that they vanish count alike: there everybody has hope.
    return kth - np.log(n_trees) - 1e-9 if size == k and kth > -600 else -np.inf


@kernel
def merge_tree(
    found: Found, begin: int, end: int, floor: float, ballot: Ballot, touched: I32
) -> int:
    """Write one tree's scores of a document, copies of a label combined by maximum.

    Labels whose best path is below the floor are passed over. Returns the number of labels
    written, listed in `touched`.
    """
    n = 0
    for e in range(begin, end):
        label = found.label[e]
        if ballot.highest[label] < floor:
            continue
        if ballot.label_score[label] == -np.inf:
            touched[n] = label
            n += 1
        ballot.label_score[label] = max(ballot.label_score[label], found.log_score[e])
        ballot.certainty[label] = max(ballot.certainty[label], found.certainty[e])
    return n


@kernel
def best_labels(found: Found, n: int, k: int, ballot: Ballot) -> tuple[I32, F64]:
    """Average the trees' scores of each label and keep the k best labels of each document.

    Parameters
    ----------
    found
        What each tree found for the n documents, one tree after the other, so that `ptr` has
        n_trees * n + 1 entries; a label that a tree did not find counts as 0 there.

    Returns
    -------
    (labels, scores), (n, k) by rank: -1 after the last; scores in [0, 1].
    """
    n_trees = (len(found.ptr) - 1) // n
    best, bar = no_best(n, k), no_best(1, k)
    labels, scores, sure = best.label, best.log_score, best.certainty
    scores[:] = 0
    seen, touched = np.empty(len(ballot.total), np.int32), np.empty(len(ballot.total), np.int32)
    for i in range(n):
        n_seen = highest_paths(found, n, i, ballot.highest, seen)
        floor = hope(ballot.highest, seen[:n_seen], n_trees, bar)
        for t in range(n_trees):
            begin, end = found.ptr[t * n + i], found.ptr[t * n + i + 1]
            for e in range(merge_tree(found, begin, end, floor, ballot, touched)):
                label = touched[e]
                # One tree ranks by the log itself: order survives where exp underflows.
                share = ballot.label_score[label]
                if n_trees > 1:
                    share = max(np.exp(share) / n_trees, 1e-300)
                ballot.total[label] += share
                ballot.label_score[label] = -np.inf
        size = 0
        for label in seen[:n_seen]:
            if ballot.highest[label] >= floor:
                entry = (ballot.total[label], ballot.certainty[label], label)
                size = push(scores[i], sure[i], labels[i], size, entry)
                ballot.total[label] = 0
                ballot.certainty[label] = -np.inf
            ballot.highest[label] = -np.inf
        sort_heap(scores[i], sure[i], labels[i], size)
        if n_trees == 1:
            for r in range(size):
                scores[i, r] = np.exp(scores[i, r])
    return labels, scores


@kernel
def as_rows(labels: I32, scores: F64, floor: np.float32) -> tuple[I64, I32, F32]:
    """Return rankings as CSR arrays (indptr, indices, data); see `core.scores.from_ranking`.

    Parameters
    ----------
    labels, scores
        (n, k) by rank, -1 after the last label; scores do not rise.
    floor
        The lowest score that a ranked label can have.
    """
    n, k = labels.shape
    indptr = np.zeros(n + 1, np.int64)
    for i in range(n):
        size = 0
        while size < k and labels[i, size] >= 0:
            size += 1
        indptr[i + 1] = indptr[i] + size
    indices, data = np.empty(indptr[n], np.int32), np.empty(indptr[n], np.float32)
    # Positive floats compare like the integers of the same bits, whose neighbours differ by one.
    row, lowest = np.empty(k, np.float32), np.full(1, floor, np.float32).view(np.int32)[0]
    bits = row.view(np.int32)
    for i in range(n):
        begin, size = indptr[i], indptr[i + 1] - indptr[i]
        for r in range(size):  # the last rank must not fall below the floor: a step for each
            row[r] = min(scores[i, r], 1.0)
            bits[r] = max(bits[r], lowest + size) if row[r] > 0 else lowest + size
            if r and bits[r] >= bits[r - 1]:
                bits[r] = bits[r - 1] - 1
        for at, r in enumerate(np.argsort(labels[i, :size])):
            indices[begin + at], data[begin + at] = labels[i, r], row[r]
    return indptr, indices, data
