"""One node of a linear tree: its documents cut out of X, its children solved, the weights pruned.

The result is a *chunk* (Etter et al., "Accelerating inference for sparse extreme multi-label
ranking trees", WWW 2022): the weights of siblings, feature by feature.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numba.extending
import numpy as np
from numpy.typing import NDArray

from labeltree.kernels.compile import kernel
from labeltree.kernels.hinge import SquaredHingeProblem, squared_hinge
from labeltree.kernels.lanes import LINE, PAIR, Lanes, line, pair, widest
from labeltree.kernels.lockstep import lanes_for
from labeltree.kernels.logistic import LogisticProblem, logistic
from labeltree.kernels.softmax import softmax
from labeltree.kernels.sparse import Rows, gather
from labeltree.kernels.types import F32, I8, I32, I64, U8, U16, U32

Problem = SquaredHingeProblem | LogisticProblem
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
    child: U8 | U16
    """Child of each entry, (n_entries,)."""
    value: F32
    """(n_entries,)"""
    bias: F32
    """(n_children,)"""


@kernel
def signs(node: Node, children: I64, width: int) -> I8:
    """Return (n, width): +1 at each child's positive rows, else -1."""
    sign = np.full((len(node.rows), width), -1, np.int8)
    for k in range(len(children)):
        for j in range(node.ptr[children[k]], node.ptr[children[k] + 1]):
            sign[node.positive[j], k] = 1
    return sign


@kernel
def spread(cost: F32, node: Node, children: I64, width: int) -> F32:
    """Return the costs (n, width): those given for the positive rows, else 1.

    Without rows where none are given.
    """
    out = np.ones((len(node.rows) if len(cost) else 0, width), np.float32)
    if not len(cost):
        return out
    for k in range(len(children)):
        for j in range(node.ptr[children[k]], node.ptr[children[k] + 1]):
            out[node.positive[j], k] = cost[j]
    return out


def _by_its_solver(
    problem: Problem, rows: Rows, sign: I8, n_siblings: int, cost: F32, n_columns: int,
    state: np.uint64, like: Lanes,
) -> F32:  # fmt: skip
    raise NotImplementedError("for compiled code")


def _solver(problem, rows, sign, n_siblings, cost, n_columns, state, like):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Return the solver of a type of problem: that of the other is not even compiled.

    numba compares the parameters with those of what is returned: no annotations.
    """
    if problem.instance_class is SquaredHingeProblem:
        return lambda problem, rows, sign, n_siblings, cost, n_columns, state, like: squared_hinge(
            problem, rows, sign, n_siblings, cost, n_columns, state, like
        )
    return lambda problem, rows, sign, n_siblings, cost, n_columns, state, like: logistic(
        problem, rows, sign, n_siblings, cost, n_columns, state, like
    )


numba.extending.overload(_by_its_solver)(_solver)


@kernel
def solve(
    problem: Problem, rows: Rows, sign: I8, n_siblings: int, cost: F32, n_columns: int,
    state: np.uint64,
) -> F32:  # fmt: skip
    """Train siblings in lockstep; `sign` is as wide as `lanes_for(n_siblings)`.

    Parameters and result as in `squared_hinge`.
    """
    if sign.shape[1] == PAIR:
        return _by_its_solver(problem, rows, sign, n_siblings, cost, n_columns, state, pair())
    if sign.shape[1] == LINE:
        return _by_its_solver(problem, rows, sign, n_siblings, cost, n_columns, state, line())
    return _by_its_solver(problem, rows, sign, n_siblings, cost, n_columns, state, widest())


@kernel
def solve_node(
    documents: Rows, node: Node, cost: F32, problem: Problem, threshold: float, seen: I32,
    seed: np.uint64,
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
    first = 0
    while first < len(open_children):
        width = lanes_for(len(open_children) - first)
        block = open_children[first : first + width]
        state = seed + np.uint64(first)
        sign, costs = signs(node, block, width), spread(cost, node, block, width)
        W = solve(problem, rows, sign, len(block), costs, n_columns, state)
        kept = with_weights(kept, W, block, threshold, bias)
        first += width
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
    goal = LogisticProblem(problem.C, problem.eps, problem.max_iter)
    W = softmax(rows, right, len(children), len(features), goal, seed)
    kept = with_weights(no_entries(), W, children, threshold, bias)
    return by_row(kept, features, bias)


@kernel
def no_entries() -> Entries:
    """Return an empty list with room."""
    return Entries(0, np.empty(64, np.uint32), np.empty(64, np.uint16), np.empty(64, np.float32))


@kernel
def with_weights(kept: Entries, W: F32, block: I64, threshold: float, bias: F32) -> Entries:
    """Append the weights W (n_columns + 1, any) of children `block` above the threshold.

    The last row goes to `bias`.
    """
    n_columns, n = W.shape[0] - 1, kept.n
    for k in range(len(block)):
        b = W[n_columns, k]
        bias[block[k]] = b if abs(b) > threshold else 0
    needed = n + count_above(W[:n_columns, : len(block)], threshold)
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
def count_above(W: F32, threshold: float) -> int:
    """Count the entries whose size is above the threshold."""
    n = 0
    for c in range(W.shape[0]):
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
