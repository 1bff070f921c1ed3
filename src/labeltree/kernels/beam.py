"""Beam search down a linear tree, for a block of documents, level by level.

Pairs (document, node) of a level are sorted by node, so the weights of a node's children are
read once for all documents that reach it (Etter et al., WWW 2022). A document's sums run over its
features in ascending order whatever the block, so its scores do not depend on the batch.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from labeltree.kernels.chunk import Chunks, score_node
from labeltree.kernels.compile import kernel
from labeltree.kernels.heap import push, sort_heap
from labeltree.kernels.sparse import Rows
from labeltree.kernels.types import F32, F64, I32, I64


class Pairs(NamedTuple):
    """A document and a node it has reached, or a label it has found."""

    doc: I32
    """Row of the document, (n_pairs,)."""
    key: I32
    """Node or label."""
    log_score: F64
    """Log of the product of the conditional scores on the path."""
    certainty: F32
    """Tells apart what ties, see `certainty`."""


class Found(NamedTuple):
    """Candidate labels, grouped by document: `ptr[i]:ptr[i + 1]` are document i's."""

    ptr: I64
    label: I32
    log_score: F64
    certainty: F32


@kernel
def log_transform(margin: float, transform: int) -> float:
    """Return log of the child's conditional score.

    Parameters
    ----------
    transform
        See `linear.transform`: 0 and 2 -max(0, 1 - f)^p with p = 2, 3; 1 log sigmoid(f); 3 softmax,
        where `level_margins` has already made f the log probability among the siblings.
    """
    if transform == 1:  # written so that neither sign overflows
        tail = np.log1p(np.exp(-abs(margin)))
        return float(-tail if margin > 0 else margin - tail)
    if transform == 3:
        return float(margin)
    miss = max(0.0, 1.0 - margin)
    return -(miss**2) if transform == 0 else -(miss**3)


@kernel
def log_softmax(margins: F32) -> None:
    """Turn the margins of exclusive siblings into log probabilities, in place.

    A child that is never right, margin -inf, has no share.
    """
    top = margins.max()
    if top == -np.inf:
        return
    total = 0.0
    for f in margins:
        total += np.exp(f - top)
    margins -= np.float32(top + np.log(total))


@kernel
def certainty(margin: float) -> float:
    """Return what tells apart nodes whose scores saturate: -1 up to margin 1, then rising.

    It adds up along a path and is never 0: where scores tie, ancestors come before descendants.
    """
    return -1.0 / min(max(1.0, margin), 1000.0)


@kernel
def grouped(node: I32, low: int, high: int) -> tuple[I64, I64]:
    """Return (order, ptr): pairs sorted by node, stably; node v's are order[ptr[v - low]:...]."""
    ptr = np.zeros(high - low + 3, np.int64)
    for v in node:
        ptr[v - low + 2] += 1
    for v in range(2, len(ptr)):
        ptr[v] += ptr[v - 1]
    order = np.empty(len(node), np.int64)
    for p in range(len(node)):
        slot = node[p] - low + 1
        order[ptr[slot]] = p
        ptr[slot] += 1
    return order, ptr


@kernel
def level_margins(rows: Rows, chunks: Chunks, pairs: Pairs, table: I32) -> tuple[I64, F32]:
    """Return (start, margins): pair p's children have margins[start[p]:start[p + 1]]."""
    doc, node = pairs.doc, pairs.key
    start = np.zeros(len(doc) + 1, np.int64)
    for p in range(len(doc)):
        start[p + 1] = start[p] + chunks.child_ptr[node[p] + 1] - chunks.child_ptr[node[p]]
    out = np.empty(start[-1], np.float32)
    low, high = node.min(), node.max()
    order, ptr = grouped(node, low, high)
    for v in range(low, high + 1):
        here = order[ptr[v - low] : ptr[v - low + 1]]
        if len(here):
            score_node(rows, chunks, v, doc[here], start[here], table, out)
        if chunks.transform[v] == 3:
            for p in here:
                log_softmax(out[start[p] : start[p + 1]])
    return start, out


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
def joined(first: Pairs, second: Pairs) -> Pairs:
    """Return the pairs of both."""
    return Pairs(
        np.concatenate((first.doc, second.doc)), np.concatenate((first.key, second.key)),
        np.concatenate((first.log_score, second.log_score)),
        np.concatenate((first.certainty, second.certainty)),
    )  # fmt: skip


@kernel
def one_level(
    chunks: Chunks, pairs: Pairs, start: I64, margins: F32, beam: int
) -> tuple[Pairs, Pairs]:
    """Go down one level: return (document, node) pairs of the next and (document, label) found.

    Parameters
    ----------
    pairs
        Nodes of this level, those of a document side by side.
    start, margins
        See `level_margins`.
    """
    doc, node = pairs.doc, pairs.key
    found, n_found = no_pairs(len(margins)), 0
    kept, n_kept = no_pairs(min(beam * len(doc), len(margins))), 0
    p = 0
    while p < len(doc):
        i, size = doc[p], 0
        # The document's heap grows in place, behind what earlier documents kept.
        room = min(n_kept + beam, len(kept.doc))
        score, sure = kept.log_score[n_kept:room], kept.certainty[n_kept:room]
        key = kept.key[n_kept:room]
        while p < len(doc) and doc[p] == i:
            first, transform = chunks.child_ptr[node[p]], chunks.transform[node[p]]
            for child in range(first, chunks.child_ptr[node[p] + 1]):
                margin = margins[start[p] + child - first]
                s = pairs.log_score[p] + log_transform(margin, transform)
                if s == -np.inf:  # a child without positives: never right
                    continue
                c = np.float32(pairs.certainty[p] + certainty(margin))
                if chunks.label[child] >= 0:
                    found.doc[n_found], found.key[n_found] = i, chunks.label[child]
                    found.log_score[n_found], found.certainty[n_found] = s, c
                    n_found += 1
                if chunks.child_ptr[child + 1] > chunks.child_ptr[child]:
                    size = push(score, sure, key, size, (s, c, child))
            p += 1
        sort_heap(score, sure, key, size)
        kept.doc[n_kept : n_kept + size] = i
        n_kept += size
    return first_pairs(kept, n_kept), first_pairs(found, n_found)


@kernel
def at_root(n: int) -> Pairs:
    """Return the pairs of n documents that stand at the root."""
    pairs = no_pairs(n)
    pairs.doc[:] = np.arange(n)
    pairs.key[:], pairs.log_score[:], pairs.certainty[:] = 0, 0, 0
    return pairs


@kernel
def descend(rows: Rows, chunks: Chunks, pairs: Pairs, beam: int, table: I32) -> tuple[Pairs, Pairs]:
    """Go down one level from nodes reached; see `beam_search`."""
    start, margins = level_margins(rows, chunks, pairs, table)
    return one_level(chunks, pairs, start, margins, beam)


@kernel
def beam_search(rows: Rows, chunks: Chunks, beam: int, table: I32) -> Found:
    """Walk documents down the tree.

    Parameters
    ----------
    rows
        The documents of the block.
    beam
        Inner nodes kept for each document and level. Nodes that are labels are found as they are
        passed and never take a place in the beam from an inner node.
    table
        Scratch (n_features), all zero, and again on return.
    """
    n = len(rows.indptr) - 1
    pairs, found = at_root(n), no_pairs(0)
    while len(pairs.doc):
        pairs, labels = descend(rows, chunks, pairs, beam, table)
        found = joined(found, labels)
    order, ptr = grouped(found.doc, 0, n - 1)
    return Found(ptr[: n + 1], found.key[order], found.log_score[order], found.certainty[order])


@kernel
def merge_tree(
    found: Found, begin: int, end: int, label_score: F64, label_sure: F32, touched: I32
) -> int:
    """Write one tree's scores of a document, copies of a label combined by maximum.

    NOTE: `label_score` (n_labels) is -inf everywhere. Returns the number of labels written, listed
    in `touched`.
    """
    n = 0
    for e in range(begin, end):
        label = found.label[e]
        if label_score[label] == -np.inf:
            touched[n] = label
            n += 1
        label_score[label] = max(label_score[label], found.log_score[e])
        label_sure[label] = max(label_sure[label], found.certainty[e])
    return n


@kernel
def best_labels(
    found: Found, n: int, k: int, label_score: F64, total: F64, label_sure: F32
) -> tuple[I32, F64]:
    """Average the trees' scores of each label and keep the k best labels of each document.

    Parameters
    ----------
    found
        What each tree found for the n documents, one tree after the other, so that `ptr` has
        n_trees * n + 1 entries; a label that a tree did not find counts as 0 there.
    label_score, total, label_sure
        Scratch (n_labels): -inf, 0 and -inf everywhere, and again on return.

    Returns
    -------
    (labels, scores), (n, k) by rank: -1 after the last; scores in [0, 1].
    """
    n_trees = (len(found.ptr) - 1) // n
    labels = np.full((n, k), -1, np.int32)
    scores = np.zeros((n, k))
    sure = np.empty(k, np.float32)
    touched = np.empty(len(label_score), np.int32)
    seen = np.empty(len(label_score), np.int32)
    for i in range(n):
        n_seen = 0
        for t in range(n_trees):
            begin, end = found.ptr[t * n + i], found.ptr[t * n + i + 1]
            n_touched = merge_tree(found, begin, end, label_score, label_sure, touched)
            for e in range(n_touched):
                label = touched[e]
                # One tree ranks by the log itself: order survives where exp underflows.
                share = label_score[label]
                if n_trees > 1:
                    share = max(np.exp(share) / n_trees, 1e-300)
                if total[label] == 0:
                    seen[n_seen] = label
                    n_seen += 1
                total[label] += share
                label_score[label] = -np.inf
        size = 0
        for e in range(n_seen):
            label = seen[e]
            size = push(scores[i], sure, labels[i], size, (total[label], label_sure[label], label))
            total[label] = 0
            label_sure[label] = -np.inf
        sort_heap(scores[i], sure, labels[i], size)
        if n_trees == 1:
            for r in range(size):
                scores[i, r] = np.exp(scores[i, r])
    return labels, scores
