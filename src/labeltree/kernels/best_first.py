"""Best-first search down a linear tree: the true best k labels, whatever the tree.

Uniform-cost search (Jasinska et al., "Extreme F-measure maximization using sparse probability
estimates", ICML 2016): a path's score never rises on the way down, so a label that leaves the queue
before any other node is better than all that was not looked at.
"""

from __future__ import annotations

import numpy as np

from labeltree.kernels.chunk import score_node
from labeltree.kernels.chunks import Chunks
from labeltree.kernels.compile import kernel
from labeltree.kernels.found import Found, Pairs, first_pairs, no_pairs
from labeltree.kernels.heap import better
from labeltree.kernels.sparse import Rows
from labeltree.kernels.transform import certainty, log_softmax, log_transform
from labeltree.kernels.types import F32, I32


@kernel
def longer(pairs: Pairs, n: int, size: int) -> Pairs:
    """Return room for `size` pairs, the first n copied."""
    out = no_pairs(size)
    out.doc[:n], out.key[:n] = pairs.doc[:n], pairs.key[:n]
    out.log_score[:n], out.certainty[:n] = pairs.log_score[:n], pairs.certainty[:n]
    return out


@kernel
def swap(queue: Pairs, a: int, b: int) -> None:
    """Exchange two entries of the queue."""
    queue.key[a], queue.key[b] = queue.key[b], queue.key[a]
    queue.log_score[a], queue.log_score[b] = queue.log_score[b], queue.log_score[a]
    queue.certainty[a], queue.certainty[b] = queue.certainty[b], queue.certainty[a]


@kernel
def ahead(queue: Pairs, a: int, b: int) -> bool:
    """Whether entry a leaves the queue before entry b."""
    return better(
        queue.log_score[a], queue.certainty[a], queue.key[a],
        queue.log_score[b], queue.certainty[b], queue.key[b],
    )  # fmt: skip


@kernel
def rise(queue: Pairs, at: int) -> None:
    """Restore the queue, a heap with its best entry at 0, above a new entry."""
    while at > 0:
        up = (at - 1) // 2
        if not ahead(queue, at, up):
            break
        swap(queue, at, up)
        at = up


@kernel
def sink(queue: Pairs, n: int) -> None:
    """Restore a queue of n entries whose first one is new."""
    at = 0
    while True:
        first, child = at, 2 * at + 1
        for c in (child, child + 1):
            if c < n and ahead(queue, c, first):
                first = c
        if first == at:
            return
        swap(queue, at, first)
        at = first


@kernel
def open_node(
    chunks: Chunks, node: int, score: float, sure: np.float32, margins: F32, queue: Pairs, n: int
) -> tuple[Pairs, int]:
    """Put the children of a node with this path score into the queue of n entries."""
    first, transform = chunks.child_ptr[node], chunks.transform[node]
    if transform == 3:
        log_softmax(margins)
    if n + len(margins) > len(queue.key):
        queue = longer(queue, n, 2 * (n + len(margins)))
    for c in range(len(margins)):
        s = score + log_transform(margins[c], transform)
        if s > -np.inf:
            queue.key[n], queue.log_score[n] = first + c, s
            queue.certainty[n] = np.float32(sure + certainty(margins[c]))
            rise(queue, n)
            n += 1
    return queue, n


@kernel
def best_first(rows: Rows, chunks: Chunks, k: int, table: I32) -> Found:
    """Find the k best labels of each document, and all that tie with the last of them.

    Parameters
    ----------
    table
        Scratch (n_features), all zero, and again on return.
    """
    n_docs = len(rows.indptr) - 1
    ptr = np.zeros(n_docs + 1, np.int64)
    found, n_found = no_pairs(max(64, n_docs * k)), 0
    queue = no_pairs(1024)
    # A label may stand at several nodes: the document that has it already, plus one.
    holder = np.zeros(chunks.label.max() + 2, np.int32)
    margins = np.empty(64, np.float32)
    one, start = np.zeros(1, np.int32), np.zeros(1, np.int64)
    for i in range(n_docs):
        one[0], size = i, 1
        queue.key[0], queue.log_score[0], queue.certainty[0] = 0, 0.0, 0
        begin = n_found
        while size:
            node, score, sure = queue.key[0], queue.log_score[0], queue.certainty[0]
            last = n_found - 1
            if n_found - begin >= k and (
                score < found.log_score[last] or sure < found.certainty[last]
            ):
                break
            size -= 1
            swap(queue, 0, size)
            sink(queue, size)
            label = chunks.label[node]
            if label >= 0 and holder[label] != i + 1:
                holder[label] = i + 1
                if n_found == len(found.key):
                    found = longer(found, n_found, 2 * n_found)
                found.doc[n_found], found.key[n_found] = i, label
                found.log_score[n_found], found.certainty[n_found] = score, sure
                n_found += 1
            fan_out = chunks.child_ptr[node + 1] - chunks.child_ptr[node]
            if fan_out:
                if fan_out > len(margins):
                    margins = np.empty(2 * fan_out, np.float32)
                score_node(rows, chunks, node, one, start, table, margins)
                queue, size = open_node(chunks, node, score, sure, margins[:fan_out], queue, size)
        ptr[i + 1] = n_found
    done = first_pairs(found, n_found)
    return Found(ptr, done.key, done.log_score, done.certainty)
