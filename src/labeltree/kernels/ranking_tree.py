"""Growing a FastXML tree: two rankings of the labels split a node, a sparse hyperplane learns it.

Prabhu, Varma, "FastXML: a fast, accurate and stable tree-classifier for extreme multi-label
learning" (KDD 2014), algorithms 1 to 3.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from labeltree.kernels.compile import kernel
from labeltree.kernels.instance_tree import (
    Tree,
    finished,
    in_order,
    leaf_labels,
    no_ragged,
    only_root,
    partition,
    put,
    with_children,
    with_room,
)
from labeltree.kernels.l1_logistic import L1Logistic, l1_logistic, transposed
from labeltree.kernels.ndcg_split import coin_flips, discounts, ndcg_split
from labeltree.kernels.random import advanced, mixed
from labeltree.kernels.sparse import Rows, gather
from labeltree.kernels.types import F64, I8, I32, U32


class Growth(NamedTuple):
    """How a tree is grown."""

    max_leaf: int
    """Nodes of so many documents are leaves."""
    labels_per_leaf: int
    """A leaf keeps its most frequent labels."""
    C: float
    """Weight of the log loss of the separator."""
    bias: float
    """Value of the constant feature."""
    cutoff: int
    """Ranks that count in nDCG."""
    ideal: bool
    """Whether gains are divided by those of the document's best ranking."""
    separator: L1Logistic


class Hyperplane(NamedTuple):
    """What splits a node."""

    side: I32
    """0 on the positive side, 1 on the other, for each document; none if it cannot be split."""
    feature: U32
    weight: F64
    """One more than features: the constant's, last."""


@kernel
def split(
    X: Rows, Y: Rows, members: I32, growth: Growth, seen: tuple[I32, I32], seed: np.uint64
) -> Hyperplane:
    """Split a node with these documents; `seen` is scratch of `gather`, see `ranking_tree`."""
    gathered, used = gather(Y, members, seen[1])
    relevance, labels = in_order(gathered, used)
    start, seed = coin_flips(len(members), seed)
    discount = discounts(len(labels), growth.cutoff)
    sign = ndcg_split(relevance, start, discount, growth.ideal).sign
    none, n_plus = np.zeros(0, np.int32), (sign > 0).sum()
    if n_plus == 0 or n_plus == len(members):
        return Hyperplane(none, used[:0], np.zeros(1))
    gathered, used = gather(X, members, seen[0])
    rows, features = in_order(gathered, used)
    w = separator(rows, len(features), sign, growth, seed)
    side = sides(rows, w, growth.bias)
    if side.min() == side.max():
        side = none
    return Hyperplane(side, features, w)


@kernel
def separator(X: Rows, n_columns: int, sign: I8, growth: Growth, seed: np.uint64) -> F64:
    """Return the weights that tell the sides apart, (n_columns + 1,), the constant's last.

    Both sides weigh the same, which balances the tree: C is divided by a side's share.
    """
    n, n_plus = len(sign), (sign > 0).sum()
    cost = np.empty(n)
    for i in range(n):
        cost[i] = growth.C * n / (n_plus if sign[i] > 0 else n - n_plus)
    columns = transposed(X, n_columns, growth.bias)
    return l1_logistic(columns, sign, cost, growth.separator, seed)


@kernel
def sides(X: Rows, w: F64, bias: float) -> I32:
    """Return 0 for each row on the positive side of the hyperplane, 1 for the others."""
    out = np.empty(len(X.indptr) - 1, np.int32)
    constant = w[len(w) - 1] * bias
    for i in range(len(out)):
        margin = constant
        for j in range(X.indptr[i], X.indptr[i + 1]):
            margin += w[X.indices[j]] * X.data[j]
        out[i] = 0 if margin >= 0 else 1
    return out


@kernel
def ranking_tree(
    X: Rows, Y: Rows, growth: Growth, seen: tuple[I32, I32], seed: np.uint64
) -> Tree:
    """Grow a tree.

    Parameters
    ----------
    X
        Features of the documents.
    Y
        Relevance of their labels: 1, or 1 / propensity.
    seen
        Scratch of `gather`: (n_features,) and (n_labels,), all zero, and again on return.
    """
    n = len(X.indptr) - 1
    members, nodes = np.arange(n).astype(np.int32), only_root(n)
    vectors, leaves, bias = no_ragged(1), no_ragged(1), np.zeros(1, np.float32)
    n_nodes, v = 1, 0
    while v < n_nodes:
        here = members[nodes.start[v] : nodes.end[v]]
        plane = Hyperplane(here[:0], np.zeros(0, np.uint32), np.zeros(1))
        if len(here) > growth.max_leaf:
            seed = advanced(seed)
            plane = split(X, Y, here, growth, seen, mixed(seed))
        bias = with_room(bias, v + 1)
        if len(plane.side):
            nodes = with_children(nodes, n_nodes, v, partition(here, plane.side, 2))
            n_nodes += 2
            kept = np.flatnonzero(np.abs(plane.weight[:-1]) > 1e-16)
            weight = plane.weight[kept].astype(np.float32)
            vectors = put(vectors, v, plane.feature[kept], weight)
            bias[v] = plane.weight[len(plane.weight) - 1] * growth.bias
            leaves = put(leaves, v, np.zeros(0, np.uint32), np.zeros(0, np.float32))
        else:
            label, share = leaf_labels(Y, here, growth.labels_per_leaf, seen[1])
            vectors = put(vectors, v, np.zeros(0, np.uint32), np.zeros(0, np.float32))
            bias[v] = 0
            leaves = put(leaves, v, label, share)
        v += 1
    return finished(nodes, n_nodes, vectors, bias, leaves)
