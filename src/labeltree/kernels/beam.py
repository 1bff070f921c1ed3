"""Beam search down a linear tree, for a block of documents, level by level.

Pairs (document, node) of a level are sorted by node, so the weights of a node's children are
read once for all documents that reach it (Etter et al., WWW 2022). A document's sums run over its
features in ascending order whatever the block, so its scores do not depend on the batch.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labeltree.kernels.compile import kernel

Bools = NDArray[np.bool_]
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U16 = NDArray[np.uint16]
U32 = NDArray[np.uint32]


class Rows(NamedTuple):
    """Documents, CSR with ascending columns."""

    indptr: I64
    indices: U32
    data: F32


class Chunks(NamedTuple):
    """A tree and its weights; see `linear.weights.Chunks` for the fields."""

    child_ptr: I32
    label: I32
    chunk_of: I32
    first_child: I32
    chunk_ptr: I64
    entry_ptr: I64
    feature: U32
    row_ptr: U32
    child: U16
    value: F32
    bias: F32


class Found(NamedTuple):
    """Candidate labels, grouped by document: `ptr[i]:ptr[i + 1]` are document i's."""

    ptr: I64
    label: I32
    log_score: F64
    certainty: F32


@kernel
def log_transform(margin: float, loss: int) -> float:
    """Return log of the child's conditional score: -max(0, 1 - f)^2, or log sigmoid(f)."""
    if loss == 0:
        return -(max(0.0, 1.0 - margin) ** 2)
    # Written so that neither sign overflows.
    return float(-np.log1p(np.exp(-margin)) if margin > 0 else margin - np.log1p(np.exp(margin)))


@kernel
def certainty(margin: float) -> float:
    """Return what tells apart nodes whose scores saturate: -1 up to margin 1, then rising.

    It adds up along a path and is never 0: where scores tie, ancestors come before descendants.
    """
    return -1.0 / min(max(1.0, margin), 1000.0)


@kernel
def add_scaled(
    x: float, r: int, row_ptr: U32, at: int, child: U16, value: F32, first: int, out: F32
) -> None:
    """Add x times the weights of chunk row r to out."""
    scale = np.float32(x)
    for e in range(at + row_ptr[r], at + row_ptr[r + 1]):
        out[first + child[e]] += scale * value[e]


@kernel
def search_row(rows: Rows, i: int, chunks: Chunks, c: int, out: F32) -> None:
    """Add one document times one chunk to out, looking each feature up by bisection."""
    begin, end = chunks.chunk_ptr[c], chunks.chunk_ptr[c + 1]
    row_ptr = chunks.row_ptr[begin + c :]
    at, low = chunks.entry_ptr[c], begin
    for j in range(rows.indptr[i], rows.indptr[i + 1]):
        wanted, step, high = rows.indices[j], 1, low
        while high < end and chunks.feature[high] < wanted:  # gallop: columns ascend
            low = high + 1
            high += step
            step *= 2
        high = min(high, end)
        while low < high:
            middle = (low + high) // 2
            if chunks.feature[middle] < wanted:
                low = middle + 1
            else:
                high = middle
        if low == end:
            break
        if chunks.feature[low] == wanted:
            add_scaled(rows.data[j], low - begin, row_ptr, at, chunks.child, chunks.value, 0, out)


@kernel
def table_row(rows: Rows, i: int, chunks: Chunks, c: int, table: I32, out: F32) -> None:
    """Add one document times one chunk to out; `table[feature]` is the chunk's row + 1, or 0."""
    row_ptr = chunks.row_ptr[chunks.chunk_ptr[c] + c :]
    at = chunks.entry_ptr[c]
    for j in range(rows.indptr[i], rows.indptr[i + 1]):
        r = table[rows.indices[j]]
        if r > 0:
            add_scaled(rows.data[j], r - 1, row_ptr, at, chunks.child, chunks.value, 0, out)


@kernel
def score_node(
    rows: Rows, chunks: Chunks, node: int, pairs: I64, doc: I32, start: I64, table: I32, out: F32
) -> None:
    """Write the margins of a node's children for every document that reached it.

    `pairs` are the positions of those documents; pair p writes from out[start[p]].
    """
    origin = chunks.child_ptr[node]
    fan_out = chunks.child_ptr[node + 1] - origin
    for p in pairs:
        for child in range(fan_out):
            out[start[p] + child] = chunks.bias[origin + child]
    for c in range(chunks.chunk_of[node], chunks.chunk_of[node + 1]):
        begin, end = chunks.chunk_ptr[c], chunks.chunk_ptr[c + 1]
        offset = chunks.first_child[c] - origin
        # Filling the table costs two passes over the chunk's rows, a search costs a few
        # comparisons a feature: the table pays once enough documents share it.
        n_features = 0
        for p in pairs:
            n_features += rows.indptr[doc[p] + 1] - rows.indptr[doc[p]]
        if 8 * n_features < 2 * (end - begin):
            for p in pairs:
                search_row(rows, doc[p], chunks, c, out[start[p] + offset :])
            continue
        for r in range(begin, end):
            table[chunks.feature[r]] = r - begin + 1
        for p in pairs:
            table_row(rows, doc[p], chunks, c, table, out[start[p] + offset :])
        for r in range(begin, end):
            table[chunks.feature[r]] = 0


@kernel
def better(
    score: float, sure: np.float32, key: int, score2: float, sure2: np.float32, key2: int
) -> bool:
    """Rank by score, then by certainty (scores saturate at 1), then by the lower number."""
    if score != score2:
        return score > score2
    if sure != sure2:
        return bool(sure > sure2)
    return key < key2


@kernel
def sift_down(score: F64, sure: F32, key: I32, n: int, at: int) -> None:
    """Restore a heap whose root is its worst entry, below position `at`."""
    while True:
        worst, child = at, 2 * at + 1
        for c in (child, child + 1):
            if c < n and better(score[worst], sure[worst], key[worst], score[c], sure[c], key[c]):
                worst = c
        if worst == at:
            return
        score[at], score[worst] = score[worst], score[at]
        sure[at], sure[worst] = sure[worst], sure[at]
        key[at], key[worst] = key[worst], key[at]
        at = worst


@kernel
def push(score: F64, sure: F32, key: I32, n: int, new: tuple[float, np.float32, int]) -> int:
    """Keep the best len(score) entries seen in a heap of n; return the new n."""
    s, m, k = new
    if n < len(score):
        score[n], sure[n], key[n] = s, m, k
        at = n
        while at > 0:
            up = (at - 1) // 2
            if not better(score[up], sure[up], key[up], score[at], sure[at], key[at]):
                break
            score[at], score[up] = score[up], score[at]
            sure[at], sure[up] = sure[up], sure[at]
            key[at], key[up] = key[up], key[at]
            at = up
        return n + 1
    if better(s, m, k, score[0], sure[0], key[0]):
        score[0], sure[0], key[0] = s, m, k
        sift_down(score, sure, key, n, 0)
    return n


@kernel
def sort_heap(score: F64, sure: F32, key: I32, n: int) -> None:
    """Sort the first n entries, a heap, best first."""
    for last in range(n - 1, 0, -1):
        score[0], score[last] = score[last], score[0]
        sure[0], sure[last] = sure[last], sure[0]
        key[0], key[last] = key[last], key[0]
        sift_down(score, sure, key, last, 0)


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
def level_margins(rows: Rows, chunks: Chunks, doc: I32, node: I32, table: I32) -> tuple[I64, F32]:
    """Return (start, margins): pair p's children have margins[start[p]:start[p + 1]]."""
    start = np.zeros(len(doc) + 1, np.int64)
    for p in range(len(doc)):
        start[p + 1] = start[p] + chunks.child_ptr[node[p] + 1] - chunks.child_ptr[node[p]]
    out = np.empty(start[-1], np.float32)
    low, high = node.min(), node.max()
    order, ptr = grouped(node, low, high)
    for v in range(low, high + 1):
        pairs = order[ptr[v - low] : ptr[v - low + 1]]
        if len(pairs):
            score_node(rows, chunks, v, pairs, doc, start, table, out)
    return start, out


@kernel
def beam_search(rows: Rows, chunks: Chunks, loss: int, beam: int, table: I32) -> Found:
    """Walk documents down the tree.

    Parameters
    ----------
    rows
        The documents of the block.
    loss
        0 squared hinge, 1 logistic: the transform of margins.
    beam
        Inner nodes kept for each document and level. Nodes that are labels are found as they are
        passed and never take a place in the beam from an inner node.
    table
        Scratch (n_features), all zero, and again on return.
    """
    n = len(rows.indptr) - 1
    doc = np.arange(n).astype(np.int32)
    node = np.zeros(n, np.int32)
    log_score, sure = np.zeros(n), np.zeros(n, np.float32)
    found_doc, found_label = np.empty(0, np.int32), np.empty(0, np.int32)
    found_score, found_sure = np.empty(0, np.float64), np.empty(0, np.float32)
    while len(doc):
        start, margins = level_margins(rows, chunks, doc, node, table)
        emitted = (
            np.empty(len(margins), np.int32), np.empty(len(margins), np.int32),
            np.empty(len(margins), np.float64), np.empty(len(margins), np.float32),
        )  # fmt: skip
        n_emitted, n_next = 0, 0
        capacity = min(beam * n, len(margins))
        next_doc, next_node = np.empty(capacity, np.int32), np.empty(capacity, np.int32)
        next_score, next_sure = np.empty(capacity, np.float64), np.empty(capacity, np.float32)
        width = min(beam, len(margins))
        heap_score, heap_sure = np.empty(width), np.empty(width, np.float32)
        heap_node = np.empty(width, np.int32)
        p = 0
        while p < len(doc):
            i, size = doc[p], 0
            while p < len(doc) and doc[p] == i:
                first = chunks.child_ptr[node[p]]
                for child in range(first, chunks.child_ptr[node[p] + 1]):
                    margin = margins[start[p] + child - first]
                    s = log_score[p] + log_transform(margin, loss)
                    if s == -np.inf:  # a child without positives: never right
                        continue
                    c = np.float32(sure[p] + certainty(margin))
                    if chunks.label[child] >= 0:
                        emitted[0][n_emitted] = i
                        emitted[1][n_emitted] = chunks.label[child]
                        emitted[2][n_emitted] = s
                        emitted[3][n_emitted] = c
                        n_emitted += 1
                    if chunks.child_ptr[child + 1] > chunks.child_ptr[child]:
                        size = push(heap_score, heap_sure, heap_node, size, (s, c, child))
                p += 1
            sort_heap(heap_score, heap_sure, heap_node, size)
            for h in range(size):
                next_doc[n_next] = i
                next_node[n_next] = heap_node[h]
                next_score[n_next] = heap_score[h]
                next_sure[n_next] = heap_sure[h]
                n_next += 1
        doc, node = next_doc[:n_next], next_node[:n_next]
        log_score, sure = next_score[:n_next], next_sure[:n_next]
        found_doc = np.concatenate((found_doc, emitted[0][:n_emitted]))
        found_label = np.concatenate((found_label, emitted[1][:n_emitted]))
        found_score = np.concatenate((found_score, emitted[2][:n_emitted]))
        found_sure = np.concatenate((found_sure, emitted[3][:n_emitted]))
    order, ptr = grouped(found_doc, 0, n - 1)
    return Found(ptr[: n + 1], found_label[order], found_score[order], found_sure[order])


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
