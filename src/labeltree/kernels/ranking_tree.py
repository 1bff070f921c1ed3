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
from labeltree.kernels.l1_logistic import L1Logistic, l1_logistic
from labeltree.kernels.ndcg_split import coin_flips, discounts, ndcg_split
from labeltree.kernels.random import advanced, mixed
from labeltree.kernels.sparse import Rows, gather, gather_columns
from labeltree.kernels.types import F32, F64, I8, I32, U32, Bools

NEGLIGIBLE = 1e-16
"""Weights of this size are dropped."""


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
    """Those with a weight, ascending."""
    weight: F32
    bias: np.float32


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
    if not mixed_sides(sign > 0):
        return no_hyperplane()
    columns, features = gather_columns(X, members, seen[0], growth.bias)
    w = l1_logistic(columns, sign, balanced(sign, growth.C), growth.separator, seed)
    return hyperplane(columns, features, w, len(members), growth.bias)


@kernel
def balanced(sign: I8, C: float) -> F64:
    """Return what each document costs: C divided by the share of its side, which balances trees."""
    n, n_plus = len(sign), (sign > 0).sum()
    cost = np.empty(n)
    for i in range(n):
        cost[i] = C * n / (n_plus if sign[i] > 0 else n - n_plus)
    return cost


@kernel
def hyperplane(columns: Rows, features: U32, w: F64, n: int, constant: float) -> Hyperplane:
    """Return what is stored of the weights, and the sides of the n documents by just that.

    Sums are in the order of prediction: a training document ends in the leaf that counts it.
    """
    kept = np.flatnonzero(np.abs(w[:-1]) > NEGLIGIBLE)
    kept = kept[np.argsort(features[kept])]
    weight, bias = w[kept].astype(np.float32), np.float32(w[len(w) - 1] * constant)
    margin = np.full(n, np.float64(bias))
    for k in range(len(kept)):
        for j in range(columns.indptr[kept[k]], columns.indptr[kept[k] + 1]):
            margin[columns.indices[j]] += float(weight[k]) * float(columns.data[j])
    if not mixed_sides(margin >= 0):
        return no_hyperplane()
    return Hyperplane((margin < 0).astype(np.int32), features[kept], weight, bias)


@kernel
def mixed_sides(plus: Bools) -> bool:
    """Whether documents stand on both sides."""
    return bool(plus.any() and not plus.all())


@kernel
def no_hyperplane() -> Hyperplane:
    """Return what says that a node is not split."""
    nothing = np.zeros(0, np.uint32)
    return Hyperplane(np.zeros(0, np.int32), nothing, np.zeros(0, np.float32), np.float32(0))


@kernel
def ranking_tree(X: Rows, Y: Rows, growth: Growth, seen: tuple[I32, I32], seed: np.uint64) -> Tree:
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
        plane = no_hyperplane()
        if len(here) > growth.max_leaf:
            seed = advanced(seed)
            plane = split(X, Y, here, growth, seen, mixed(seed))
        vectors = put(vectors, v, plane.feature, plane.weight)
        bias = with_room(bias, v + 1)
        bias[v] = plane.bias
        if len(plane.side):
            nodes = with_children(nodes, n_nodes, v, partition(here, plane.side, 2))
            n_nodes += 2
            leaves = put(leaves, v, plane.feature[:0], plane.weight[:0])
        else:
            label, share = leaf_labels(Y, here, growth.labels_per_leaf, seen[1])
            leaves = put(leaves, v, label, share)
        v += 1
    return finished(nodes, n_nodes, vectors, bias, leaves)
