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


@kernel
def signs(node: Node, children: I64) -> I8:
    """Return (n, len(children)): +1 at each child's positive rows, else -1."""
    sign = np.full((len(node.rows), len(children)), -1, np.int8)
    for k in range(len(children)):
        for j in range(node.ptr[children[k]], node.ptr[children[k] + 1]):
            sign[node.positive[j], k] = 1
    return sign


@kernel
def solve_node(
    documents: Rows, node: Node, problem: Problem, threshold: float, width: int, seen: I32,
    seed: np.uint64,
) -> tuple[U32, U32, U16, F32, F32]:  # fmt: skip
    """Train the classifiers of a node's children.

    Parameters
    ----------
    documents
        All documents.
    threshold
        Weights of at most this size are dropped.
    width
        Siblings solved together.
    seen
        Scratch, see `gather`.

    Returns
    -------
    (feature, row_ptr, child, value, bias): the chunk, features ascending; entries
    `row_ptr[r]:row_ptr[r + 1]` are the weights of `feature[r]`. A child without positives has bias
    -inf (never right), one without negatives +inf (always right).
    """
    n_positive = node.ptr[1:] - node.ptr[:-1]
    bias = np.where(n_positive == 0, np.float32(-np.inf), np.float32(np.inf))
    open_children = np.flatnonzero((n_positive > 0) & (n_positive < len(node.rows)))
    rows, features = gather(documents, node.rows, seen)
    n_columns, n_entries = len(features), 0
    column, child = np.empty(64, np.uint32), np.empty(64, np.uint16)
    value = np.empty(64, np.float32)
    for first in range(0, len(open_children), width):
        block = open_children[first : first + width]
        state = seed + np.uint64(first)
        if problem.loss == 0:
            W = squared_hinge(rows, signs(node, block), n_columns, problem, state)
        else:
            W = logistic(rows, signs(node, block), n_columns, problem, state)
        for k in range(len(block)):
            b = W[n_columns, k]
            bias[block[k]] = b if abs(b) > threshold else 0
        needed = n_entries + count_above(W, n_columns, threshold)
        if needed > len(column):
            column = grown(column, n_entries, 2 * needed)
            child = grown(child, n_entries, 2 * needed)
            value = grown(value, n_entries, 2 * needed)
        for c in range(n_columns):
            for k in range(len(block)):
                if abs(W[c, k]) > threshold:
                    column[n_entries] = c
                    child[n_entries] = block[k]
                    value[n_entries] = W[c, k]
                    n_entries += 1
    feature, row_ptr, order = by_feature(column[:n_entries], features)
    return feature, row_ptr, child[order], value[order], bias


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
