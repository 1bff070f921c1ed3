"""Beam search down a linear tree, for a block of documents, level by level.

Pairs (document, node) of a level are sorted by node, so the weights of a node's children are
read once for all documents that reach it (Etter et al., WWW 2022). A document's sums run over its
features in ascending order whatever the block, so its scores do not depend on the batch.
"""

from __future__ import annotations

import numpy as np

from labeltree.kernels.chunk import score_node
from labeltree.kernels.chunks import Chunks
from labeltree.kernels.compile import kernel
from labeltree.kernels.found import (
    Best,
    Found,
    Pairs,
    first_found,
    first_pairs,
    no_best,
    no_found,
    no_pairs,
    with_level,
)
from labeltree.kernels.heap import push, sort_heap
from labeltree.kernels.sparse import Rows
from labeltree.kernels.transform import certainty, log_softmax, log_transform
from labeltree.kernels.types import F32, F64, I32, I64


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
def one_level(
    chunks: Chunks, pairs: Pairs, start: I64, margins: F32, beam: int, best: Best
) -> tuple[Pairs, Found]:
    """Go down one level: return the nodes reached on the next and the labels found.

    Where only the `best` labels are wanted (k > 0), labels go there and none are returned.

    Parameters
    ----------
    pairs
        Nodes of this level, those of a document side by side.
    start, margins
        See `level_margins`.
    """
    doc, node = pairs.doc, pairs.key
    k = best.label.shape[1]
    found, n_found = no_found(len(best.size), 0 if k else len(margins)), 0
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
                if chunks.label[child] >= 0 and k:
                    if best.size[i] < k or s >= best.log_score[i, 0]:
                        entry = (s, c, chunks.label[child])
                        best.size[i] = push(
                            best.log_score[i], best.certainty[i], best.label[i], best.size[i], entry
                        )
                elif chunks.label[child] >= 0:
                    found.label[n_found] = chunks.label[child]
                    found.log_score[n_found], found.certainty[n_found] = s, c
                    n_found += 1
                if chunks.child_ptr[child + 1] > chunks.child_ptr[child]:
                    size = push(score, sure, key, size, (s, c, child))
            p += 1
        sort_heap(score, sure, key, size)
        found.ptr[i + 1] = n_found
        kept.doc[n_kept : n_kept + size] = i
        n_kept += size
    for i in range(len(found.ptr) - 1):  # documents that stand at no node of this level
        found.ptr[i + 1] = max(found.ptr[i + 1], found.ptr[i])
    return first_pairs(kept, n_kept), first_found(found, n_found)


@kernel
def at_root(n: int) -> Pairs:
    """Return the pairs of n documents that stand at the root."""
    pairs = no_pairs(n)
    pairs.doc[:] = np.arange(n)
    pairs.key[:], pairs.log_score[:], pairs.certainty[:] = 0, 0, 0
    return pairs


@kernel
def descend(rows: Rows, chunks: Chunks, pairs: Pairs, beam: int, table: I32) -> tuple[Pairs, Found]:
    """Go down one level from nodes reached; see `beam_search`."""
    start, margins = level_margins(rows, chunks, pairs, table)
    every = no_best(len(rows.indptr) - 1, 0)
    return one_level(chunks, pairs, start, margins, beam, every)


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
    pairs, found = at_root(n), no_found(n, 0)
    while len(pairs.doc):
        pairs, labels = descend(rows, chunks, pairs, beam, table)
        if len(labels.label):
            found = with_level(found, labels)
    return found


@kernel
def beam_best(rows: Rows, chunks: Chunks, beam: int, k: int, table: I32) -> tuple[I32, F64]:
    """Walk documents down a tree that holds each label once; keep the k best of each document.

    Returns
    -------
    (labels, scores), (n, k) by rank: -1 after the last; scores in [0, 1].
    """
    n = len(rows.indptr) - 1
    pairs, best = at_root(n), no_best(n, k)
    while len(pairs.doc):
        start, margins = level_margins(rows, chunks, pairs, table)
        pairs, _ = one_level(chunks, pairs, start, margins, beam, best)
    scores = np.zeros((n, k))
    for i in range(n):
        sort_heap(best.log_score[i], best.certainty[i], best.label[i], best.size[i])
        for r in range(best.size[i]):
            scores[i, r] = np.exp(best.log_score[i, r])
    return best.label, scores
