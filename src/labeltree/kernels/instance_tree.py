"""Trees over documents: what FastXML and CRAFTML grow, node by node, and how it is stored.

A document goes from the root to a leaf; a leaf keeps how often each label occurs among the training
documents that reached it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from labeltree.kernels.compile import kernel
from labeltree.kernels.sparse import Rows, gather
from labeltree.kernels.types import F32, I32, I64, U32


class Tree(NamedTuple):
    """Trees over documents; the nodes of a tree come breadth first."""

    child: I32
    """First child, the others are the next; -1 at leaves, (n_nodes,)."""
    n_children: I32
    """(n_nodes,)"""
    ptr: I64
    """Node v's sparse vector is `ptr[v]:ptr[v + 1]` of feature and weight, (n_nodes + 1,): the
    hyperplane that splits it, or the centre of its own documents."""
    feature: U32
    """Ascending within a node."""
    weight: F32
    bias: F32
    """Of a hyperplane, (n_nodes,)."""
    leaf_ptr: I64
    """Node v's labels are `leaf_ptr[v]:leaf_ptr[v + 1]` of label and share, (n_nodes + 1,)."""
    label: U32
    """Most frequent first."""
    share: F32
    """Mean relevance of the label among the leaf's documents."""


class Ragged(NamedTuple):
    """Sparse vectors under construction, one after the other."""

    ptr: I64
    column: U32
    value: F32


class Nodes(NamedTuple):
    """Nodes under construction; an array of documents has those of a node at `start:end`."""

    start: I64
    end: I64
    child: I32
    n_children: I32


@kernel
def no_ragged(n_rows: int) -> Ragged:
    """Return vectors without entries."""
    return Ragged(
        np.zeros(n_rows + 1, np.int64), np.empty(1024, np.uint32), np.empty(1024, np.float32)
    )


@kernel
def put(ragged: Ragged, row: int, column: U32, value: F32) -> Ragged:
    """Set a row; all rows before it are set."""
    ptr = with_room(ragged.ptr, row + 2)
    end = ptr[row] + len(column)
    columns, values = with_room(ragged.column, end), with_room(ragged.value, end)
    columns[ptr[row] : end] = column
    values[ptr[row] : end] = value
    ptr[row + 1] = end
    return Ragged(ptr, columns, values)


@kernel
def only_root(n: int) -> Nodes:
    """Return a root over n documents."""
    none, one = np.full(1, -1, np.int32), np.zeros(1, np.int32)
    return Nodes(np.zeros(1, np.int64), np.full(1, n, np.int64), none, one)


@kernel
def with_children(nodes: Nodes, n_nodes: int, v: int, ends: I64) -> Nodes:
    """Give node v children; `ends` counts its documents up to each child's last, (n_children,)."""
    n = n_nodes + len(ends)
    start, end = with_room(nodes.start, n), with_room(nodes.end, n)
    child, n_children = with_room(nodes.child, n), with_room(nodes.n_children, n)
    child[v], n_children[v] = n_nodes, len(ends)
    first = start[v]
    for c in range(len(ends)):
        at = n_nodes + c
        start[at], end[at] = first, start[v] + ends[c]
        child[at], n_children[at] = -1, 0
        first = end[at]
    return Nodes(start, end, child, n_children)


@kernel
def finished(nodes: Nodes, n: int, vectors: Ragged, bias: F32, leaves: Ragged) -> Tree:
    """Return the tree of n nodes."""
    n_weights, n_shares = vectors.ptr[n], leaves.ptr[n]
    return Tree(
        nodes.child[:n].copy(), nodes.n_children[:n].copy(), vectors.ptr[: n + 1].copy(),
        vectors.column[:n_weights].copy(), vectors.value[:n_weights].copy(), bias[:n].copy(),
        leaves.ptr[: n + 1].copy(), leaves.column[:n_shares].copy(),
        leaves.value[:n_shares].copy(),
    )  # fmt: skip


@kernel
def in_order(rows: Rows, used: U32) -> tuple[Rows, U32]:
    """Renumber the columns of gathered rows so that columns ascend with what they stand for."""
    order = np.argsort(used)
    place = np.empty(len(used), np.uint32)
    for new in range(len(order)):
        place[order[new]] = new
    for j in range(len(rows.indices)):
        rows.indices[j] = place[rows.indices[j]]
    return rows, used[order]


@kernel
def leaf_labels(Y: Rows, members: I32, most: int, seen: I32) -> tuple[U32, F32]:
    """Return the labels of a leaf, most frequent first, and their mean relevance."""
    gathered, used = gather(Y, members, seen)
    relevance, labels = in_order(gathered, used)
    total = np.zeros(len(labels))
    for j in range(len(relevance.indices)):
        total[relevance.indices[j]] += relevance.data[j]
    order = np.argsort(-total, kind="mergesort")[:most]  # stable: the lower label first on a tie
    return labels[order], (total[order] / len(members)).astype(np.float32)


@kernel
def partition(members: I32, group: I32, n_groups: int) -> I64:
    """Sort documents by group, each group in its old order; return where each ends."""
    ends = np.cumsum(np.bincount(group, minlength=n_groups))
    to = np.zeros(n_groups, np.int64)
    to[1:] = ends[:-1]
    before = members.copy()
    for i in range(len(before)):
        members[to[group[i]]] = before[i]
        to[group[i]] += 1
    return ends.astype(np.int64)


@kernel
def with_room(array: NDArray[Any], n: int) -> NDArray[Any]:
    """Return the array, or a longer copy if n entries do not fit."""
    if n <= len(array):
        return array
    longer = np.empty(max(n, 2 * len(array)), array.dtype)
    longer[: len(array)] = array
    return longer
