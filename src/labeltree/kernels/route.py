"""Documents on their way down trees over documents, and the votes of the leaves they reach."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from labeltree.kernels.centroid_tree import hashed
from labeltree.kernels.compile import kernel
from labeltree.kernels.heap import push, sort_heap
from labeltree.kernels.instance_tree import Tree, partition
from labeltree.kernels.sparse import Rows
from labeltree.kernels.types import F32, F64, I32, U64

FEW = 4
"""So many rows at a node go on together."""


class Votes(NamedTuple):
    """Scratch for the votes of one document."""

    total: F32
    """0 for each label, and again on return, (n_labels,)."""
    met: I32
    """Room for labels, (n_labels,)."""


@kernel
def reached_leaves(X: Rows, trees: Tree, roots: I32, x: F32) -> I32:
    """Return the leaf of each row in each tree, (n, n_trees).

    NOTE: `x` (n_features,) is all zero, and again on return. The features of a row ascend.
    """
    leaf = np.empty((len(X.indptr) - 1, len(roots)), np.int32)
    for t in range(len(roots)):
        leaf[:, t] = reached_together(X, trees, roots[t], x)
    return leaf


@kernel
def reached_together(X: Rows, trees: Tree, root: int, x: F32) -> I32:
    """Return the leaf of each row in a tree, (n,).

    Rows go node by node: near the root a node has thousands of weights, which are looked through
    once for all rows that meet there. Few rows go on alone. Either way the same terms are added in
    the same order.
    """
    n = len(X.indptr) - 1
    members, leaf = np.arange(n).astype(np.int32), np.empty(n, np.int32)
    waiting = [(np.int64(root), np.int64(0), np.int64(n))]
    while len(waiting):
        v, start, end = waiting.pop()
        here = members[start:end]
        if len(here) < FEW:
            for i in here:
                leaf[i] = reached_leaf(X, i, trees, int(v), x)
        elif trees.child[v] < 0:
            leaf[here] = v
        else:
            middle = start + partition(here, sides(X, here, trees, int(v), x), 2)[0]
            child = np.int64(trees.child[v])
            waiting.append((child, start, middle))
            waiting.append((child + 1, middle, end))
    return leaf


@kernel
def sides(X: Rows, members: I32, trees: Tree, v: int, x: F32) -> I32:
    """Return 0 for each of some rows on the positive side of a node's hyperplane, 1 for others."""
    side = np.empty(len(members), np.int32)
    for j in range(trees.ptr[v], trees.ptr[v + 1]):
        x[trees.feature[j]] = trees.weight[j]
    for m in range(len(members)):
        margin = float(trees.bias[v])
        for j in range(X.indptr[members[m]], X.indptr[members[m] + 1]):
            margin += float(x[X.indices[j]]) * float(X.data[j])
        side[m] = 0 if margin >= 0 else 1
    for j in range(trees.ptr[v], trees.ptr[v + 1]):
        x[trees.feature[j]] = 0
    return side


@kernel
def reached_leaf(X: Rows, i: int, trees: Tree, root: int, x: F32) -> int:
    """Return the leaf that row i reaches from a root."""
    start, end = X.indptr[i], X.indptr[i + 1]
    for j in range(start, end):
        x[X.indices[j]] = X.data[j]
    v = root
    while trees.child[v] >= 0:
        margin = float(trees.bias[v])
        for j in range(trees.ptr[v], trees.ptr[v + 1]):
            margin += float(trees.weight[j]) * float(x[trees.feature[j]])
        v = trees.child[v] + (0 if margin >= 0 else 1)
    for j in range(start, end):
        x[X.indices[j]] = 0
    return v


@kernel
def nearest_leaves(X: Rows, trees: Tree, roots: I32, seeds: U64, x: F32) -> I32:
    """Return the leaf of each row in each tree of centroids, (n, n_trees).

    Parameters
    ----------
    seeds
        Of the hash of each tree's features, (n_trees,).
    x
        Scratch (n_buckets,), all zero, and again on return.
    """
    leaf = np.empty((len(X.indptr) - 1, len(roots)), np.int32)
    for t in range(len(roots)):
        short = hashed(X, seeds[t], x)
        for i in range(len(leaf)):
            leaf[i, t] = nearest_leaf(short, i, trees, roots[t], x)
    return leaf


@kernel
def nearest_leaf(X: Rows, i: int, trees: Tree, root: int, x: F32) -> int:
    """Return the leaf that row i reaches by the nearest centroid at every node."""
    start, end = X.indptr[i], X.indptr[i + 1]
    for j in range(start, end):
        x[X.indices[j]] = X.data[j]
    v = root
    while trees.child[v] >= 0:
        best, highest = trees.child[v], -np.inf
        for c in range(trees.child[v], trees.child[v] + trees.n_children[v]):
            found = 0.0
            for j in range(trees.ptr[c], trees.ptr[c + 1]):
                found += float(trees.weight[j]) * float(x[trees.feature[j]])
            if found > highest:
                best, highest = c, found
        v = best
    for j in range(start, end):
        x[X.indices[j]] = 0
    return v


@kernel
def best_votes(trees: Tree, leaf: I32, votes: Votes, k: int) -> tuple[I32, F64]:
    """Return the labels with the largest mean share over the leaves reached.

    Parameters
    ----------
    leaf
        (n, n_trees)

    Returns
    -------
    (label, score): (n, k), best first; -1 and 0 where leaves hold fewer labels.
    """
    n, n_trees = leaf.shape
    label, score = np.full((n, k), -1, np.int32), np.zeros((n, k))
    sure = np.zeros(k, np.float32)
    for i in range(n):
        n_met, size = 0, 0
        for t in range(n_trees):
            n_met = add_votes(trees, leaf[i, t], votes, n_met)
        for m in range(n_met):
            met = votes.met[m]
            mean = float(votes.total[met]) / n_trees
            size = push(score[i], sure, label[i], size, (mean, np.float32(0), met))
            votes.total[met] = 0
        sort_heap(score[i], sure, label[i], size)
    return label, score


@kernel
def add_votes(trees: Tree, leaf: int, votes: Votes, n_met: int) -> int:
    """Add the shares of a leaf; return how many labels have votes."""
    for j in range(trees.leaf_ptr[leaf], trees.leaf_ptr[leaf + 1]):
        label = trees.label[j]
        if votes.total[label] == 0:
            votes.met[n_met] = label
            n_met += 1
        votes.total[label] += trees.share[j]
    return n_met
