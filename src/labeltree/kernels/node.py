"""One node of a linear tree: its documents cut out of X, its children solved, the weights pruned.

The result is a *chunk* (Etter et al., "Accelerating inference for sparse extreme multi-label
ranking trees", WWW 2022): the weights of siblings, feature by feature.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from labeltree.kernels.compile import kernel
from labeltree.kernels.dual_cd import Problem, logistic, squared_hinge
from labeltree.kernels.softmax import softmax
from labeltree.kernels.sparse import Rows, gather
from labeltree.kernels.types import F32, I8, I32, I64, U16, U32

Number = TypeVar("Number", bound=np.generic)


class Node(NamedTuple):
    """Which documents a node's children are trained on."""

    rows: I32
    """The documents that reach the node, ascending, (n,)."""
    ptr: I64
    """Child k is right for `rows[positive[ptr[k]:ptr[k + 1]]]`, (n_children + 1,)."""
    positive: I32
    """Positions in `rows`, (ptr[-1],)."""


class Entries(NamedTuple):
    """Weights kept so far, with room for more."""

    n: int
    column: U32
    child: U16
    value: F32


class Piece(NamedTuple):
    """The weights of a node's children, feature by feature."""

    feature: U32
    """Features in use, ascending, (n_rows,)."""
    row_ptr: U32
    """Entries `row_ptr[r]:row_ptr[r + 1]` belong to `feature[r]`, (n_rows + 1,)."""
    child: U16
    """Child of each entry, (n_entries,)."""
    value: F32
    """(n_entries,)"""
    bias: F32
    """(n_children,)"""


@kernel
def signs(node: Node, children: I64) -> I8:
    """Return (n, len(children)): +1 at each child's positive rows, else -1."""
    sign = np.full((len(node.rows), len(children)), -1, np.int8)
    for k in range(len(children)):
        for j in range(node.ptr[children[k]], node.ptr[children[k] + 1]):
            sign[node.positive[j], k] = 1
    return sign


@kernel
def spread(cost: F32, node: Node, children: I64) -> F32:
    """Return the costs (n, len(children)): those given for the positive rows, else 1.

    Without rows where none are given.
    """
    out = np.ones((len(node.rows) if len(cost) else 0, len(children)), np.float32)
    if not len(cost):
        return out
    for k in range(len(children)):
        for j in range(node.ptr[children[k]], node.ptr[children[k] + 1]):
            out[node.positive[j], k] = cost[j]
    return out


@kernel
def solve_node(
    documents: Rows, node: Node, cost: F32, problem: Problem, threshold: float, width: int,
    seen: I32, seed: np.uint64,
) -> Piece:  # fmt: skip
    """Train the classifiers of a node's children, each by itself.

    Parameters
    ----------
    documents
        All documents.
    cost
        Weight of the loss on each positive, like `node.positive`; empty: 1.
    threshold
        Weights of at most this size are dropped.
    width
        Siblings solved together.
    seen
        Scratch, see `gather`.

    Returns
    -------
    The chunk. A child without positives has bias -inf (never right), one without negatives +inf
    (always right).
    """
    n_positive = node.ptr[1:] - node.ptr[:-1]
    bias = np.where(n_positive == 0, np.float32(-np.inf), np.float32(np.inf))
    open_children = np.flatnonzero((n_positive > 0) & (n_positive < len(node.rows)))
    rows, features = gather(documents, node.rows, seen)
    n_columns, kept = len(features), no_entries()
    for first in range(0, len(open_children), width):
        block = open_children[first : first + width]
        state = seed + np.uint64(first)
        sign, costs = signs(node, block), spread(cost, node, block)
        if problem.loss == 0:
            W = squared_hinge(rows, sign, costs, n_columns, problem, state)
        else:
            W = logistic(rows, sign, costs, n_columns, problem, state)
        kept = with_weights(kept, W, block, threshold, bias)
    return by_row(kept, features, bias)


@kernel
def solve_exclusive_node(
    documents: Rows, node: Node, problem: Problem, threshold: float, seen: I32, seed: np.uint64
) -> Piece:
    """Train the classifiers of children of which each document has exactly one, as a softmax.

    Parameters and result as in `solve_node`. The children's weights for a feature sum to 0, so
    dropping small ones favours no child.
    """
    n_positive = node.ptr[1:] - node.ptr[:-1]
    bias = np.full(len(n_positive), np.float32(-np.inf))
    children = np.flatnonzero(n_positive > 0)
    right = np.empty(len(node.rows), np.int32)
    for k in range(len(children)):
        right[node.positive[node.ptr[children[k]] : node.ptr[children[k] + 1]]] = k
    rows, features = gather(documents, node.rows, seen)
    W = softmax(rows, right, len(children), len(features), problem, seed)
    kept = with_weights(no_entries(), W, children, threshold, bias)
    return by_row(kept, features, bias)


@kernel
def no_entries() -> Entries:
    """Return an empty list with room."""
    return Entries(0, np.empty(64, np.uint32), np.empty(64, np.uint16), np.empty(64, np.float32))


@kernel
def with_weights(kept: Entries, W: F32, block: I64, threshold: float, bias: F32) -> Entries:
    """Append the weights W (n_columns + 1, width) of children `block` above the threshold.

    The last row goes to `bias`.
    """
    n_columns, n = W.shape[0] - 1, kept.n
    for k in range(len(block)):
        b = W[n_columns, k]
        bias[block[k]] = b if abs(b) > threshold else 0
    needed = n + count_above(W, n_columns, threshold)
    column, child, value = kept.column, kept.child, kept.value
    if needed > len(column):
        column = grown(column, n, 2 * needed)
        child = grown(child, n, 2 * needed)
        value = grown(value, n, 2 * needed)
    for c in range(n_columns):
        for k in range(len(block)):
            if abs(W[c, k]) > threshold:
                column[n], child[n], value[n] = c, block[k], W[c, k]
                n += 1
    return Entries(n, column, child, value)


@kernel
def by_row(kept: Entries, features: U32, bias: F32) -> Piece:
    """Return the entries feature by feature."""
    feature, row_ptr, order = by_feature(kept.column[: kept.n], features)
    return Piece(feature, row_ptr, kept.child[order], kept.value[order], bias)


@kernel
def count_above(W: F32, n_rows: int, threshold: float) -> int:
    """Count the entries of W[:n_rows] whose size is above the threshold."""
    n = 0
    for c in range(n_rows):
        for k in range(W.shape[1]):
            n += abs(W[c, k]) > threshold
    return n


@kernel
def grown(array: NDArray[Number], n: int, size: int) -> NDArray[Number]:
    """Return a longer copy of array[:n]."""
    longer = np.empty(size, array.dtype)
    longer[:n] = array[:n]
    return longer


@kernel
def by_feature(column: U32, features: U32) -> tuple[U32, U32, I64]:
    """Sort entries by feature, stably.

    Returns the features in use, ascending, the start of each one's entries, and the order.
    """
    counts = np.zeros(len(features), np.uint32)
    for c in column:
        counts[c] += 1
    used = np.flatnonzero(counts)
    used = used[np.argsort(features[used])]
    row_ptr = np.zeros(len(used) + 1, np.uint32)
    start = np.zeros(len(features), np.int64)
    for r in range(len(used)):
        start[used[r]] = row_ptr[r]
        row_ptr[r + 1] = row_ptr[r] + counts[used[r]]
    order = np.empty(len(column), np.int64)
    for e in range(len(column)):
        order[start[column[e]]] = e
        start[column[e]] += 1
    return features[used], row_ptr, order
