"""Growing a CRAFTML tree: k-means over hashed labels splits a node, feature centroids learn it.

Siblini, Kuntz, Meyer, "CRAFTML, an Efficient Clustering-based Random Forest for Extreme Multi-label
Learning" (ICML 2018), algorithm 1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from labeltree.kernels.compile import kernel
from labeltree.kernels.instance_tree import (
    Tree,
    finished,
    leaf_labels,
    no_ragged,
    only_root,
    partition,
    put,
    with_children,
)
from labeltree.kernels.k_means import assign, recentre
from labeltree.kernels.random import advanced, mixed, shuffle
from labeltree.kernels.sparse import Rows, gather
from labeltree.kernels.types import F32, F64, I32, U32


class CentroidGrowth(NamedTuple):
    """How a tree is grown."""

    max_leaf: int
    """Nodes of so many documents are leaves."""
    labels_per_leaf: int
    """A leaf keeps its most frequent labels."""
    branching: int
    """Children of a node at most."""
    sample: int
    """Documents of a node that are clustered."""
    n_rounds: int
    """Of k-means."""
    kept: float
    """Share of a centroid's weights that is kept, the largest ones."""
    min_kept: int
    """So many are kept in any case."""


NEARLY_ZERO = 1e-6
"""Rows whose distances add up to less are the same."""


@kernel
def hashed_column(c: int, seed: np.uint64, n_buckets: int) -> tuple[np.uint32, np.float32]:
    """Return the bucket and the sign of a column; drawn anew from the seed, so never stored."""
    drawn = mixed(seed + np.uint64(0x9E3779B97F4A7C15) * np.uint64(c + 1))
    bucket = ((drawn >> np.uint64(32)) * np.uint64(n_buckets)) >> np.uint64(32)
    return np.uint32(bucket), np.float32(1 if drawn & np.uint64(1) else -1)


@kernel
def hashed_columns(columns: U32, seed: np.uint64, n_buckets: int) -> tuple[U32, F32]:
    """Return the bucket and the sign of each of some columns."""
    bucket, sign = np.empty(len(columns), np.uint32), np.empty(len(columns), np.float32)
    for j in range(len(columns)):
        bucket[j], sign[j] = hashed_column(columns[j], seed, n_buckets)
    return bucket, sign


@kernel
def hashed(rows: Rows, seed: np.uint64, total: F32) -> Rows:
    """Return the rows with columns added up in buckets, with random signs, at length 1.

    NOTE: `total` (n_buckets,) is all zero, and again on return.
    """
    n, n_buckets = len(rows.indptr) - 1, len(total)
    ptr = np.zeros(n + 1, np.int64)
    indices, data = np.empty(rows.indptr[n], np.uint32), np.empty(rows.indptr[n], np.float32)
    to = 0
    for i in range(n):
        start = to
        for j in range(rows.indptr[i], rows.indptr[i + 1]):
            bucket, sign = hashed_column(rows.indices[j], seed, n_buckets)
            if total[bucket] == 0:
                indices[to] = bucket
                to += 1
            total[bucket] += sign * rows.data[j]
        to = unit_row(indices, data, total, start, to)
        ptr[i + 1] = to
    return Rows(ptr, indices[:to].copy(), data[:to].copy())


@kernel
def unit_row(indices: U32, data: F32, total: F32, start: int, end: int) -> int:
    """Move the totals of some buckets to a row at length 1; return its end.

    A bucket whose values cancelled may be listed twice, and is empty the second time.
    """
    squared = 0.0
    for j in range(start, end):
        squared += float(total[indices[j]]) ** 2
    to, scale = start, 1 / np.sqrt(squared) if squared > 0 else 0.0
    for j in range(start, end):
        value = total[indices[j]]
        total[indices[j]] = 0
        if value != 0:
            indices[to], data[to] = indices[j], value * scale
            to += 1
    return to


@kernel
def spread_centres(rows: Rows, centres: F32, state: np.uint64) -> int:
    """Choose rows as centres, each far from those before (k-means++); return how many there are.

    Arthur, Vassilvitskii (SODA 2007), with 1 - cosine as half the squared distance.
    """
    n, k = len(rows.indptr) - 1, int(centres.shape[1])
    far, newest = np.full(n, 2.0), np.zeros(len(centres), np.float32)
    state = advanced(state)
    chosen = drawn_row(far, 2.0 * n, state)
    for c in range(k):
        start, end = rows.indptr[chosen], rows.indptr[chosen + 1]
        for j in range(start, end):
            centres[rows.indices[j], c] = newest[rows.indices[j]] = rows.data[j]
        total = shrink_distances(rows, newest, far)
        newest[rows.indices[start:end]] = 0
        state = advanced(state)
        chosen = drawn_row(far, total, state)
        if chosen < 0:
            return c + 1
    return k


@kernel
def shrink_distances(rows: Rows, centre: F32, far: F64) -> float:
    """Lower each row's distance from the nearest centre to that from a new one; return the sum."""
    total = 0.0
    for i in range(len(far)):
        similarity = 0.0
        for j in range(rows.indptr[i], rows.indptr[i + 1]):
            similarity += rows.data[j] * centre[rows.indices[j]]
        far[i] = min(far[i], max(0.0, 1.0 - similarity))
        total += far[i]
    return total


@kernel
def drawn_row(weight: F64, total: float, state: np.uint64) -> int:
    """Return a row drawn in proportion to its weight; -1 if there is nothing left to draw."""
    if total < NEARLY_ZERO:
        return -1
    left = float(mixed(state) >> np.uint64(11)) / 9007199254740992.0 * total
    last = -1
    for i in range(len(weight)):
        if weight[i] > 0:
            last = i
            left -= weight[i]
            if left < 0:
                return i
    return last


@kernel
def clustered(rows: Rows, n_columns: int, growth: CentroidGrowth, state: np.uint64) -> I32:
    """Return the cluster of each row, by spherical k-means; numbers have no gaps."""
    n = len(rows.indptr) - 1
    centres = np.zeros((n_columns, growth.branching), np.float32)
    n_centres = spread_centres(rows, centres, state)
    centres = centres[:, :n_centres].copy()
    cluster, every = np.zeros(n, np.int32), np.ones(n_centres, np.bool_)
    assign(rows, centres, every, cluster)
    for _ in range(growth.n_rounds):
        recentre(rows, cluster, centres)
        assign(rows, centres, every, cluster)
    number = np.cumsum(np.bincount(cluster, minlength=n_centres) > 0) - 1
    return number[cluster].astype(np.int32)


@kernel
def prune(centres: F32, growth: CentroidGrowth) -> None:
    """Keep the largest weights of each centre, and bring it back to length 1."""
    for k in range(centres.shape[1]):
        size = np.abs(centres[:, k])
        n_filled = (size > 0).sum()
        n_kept = max(growth.min_kept, int(growth.kept * n_filled))
        if n_kept < n_filled:
            cut = np.partition(size, len(size) - n_kept)[len(size) - n_kept]
            for c in range(len(size)):
                if size[c] < cut:
                    centres[c, k] = 0
        squared = 0.0
        for c in range(len(size)):
            squared += float(centres[c, k]) ** 2
        if squared > 0:
            for c in range(len(size)):
                centres[c, k] /= np.sqrt(squared)


@kernel
def sample_of(members: I32, most: int, state: np.uint64) -> U32:
    """Return the positions of at most so many of the documents, drawn without replacement."""
    order = np.arange(len(members)).astype(np.uint32)
    if len(members) <= most:
        return order
    shuffle(order, len(order), state)
    return np.sort(order[:most])


@kernel
def split_by_centroids(
    X: Rows, Y: Rows, members: I32, growth: CentroidGrowth, seen: tuple[I32, I32],
    state: np.uint64,
) -> tuple[I32, F32, U32]:  # fmt: skip
    """Split a node.

    Returns
    -------
    The child of each document, the centres (n_used, n_children) and the features of their rows;
    no child at all if the node cannot be split.
    """
    drawn = sample_of(members, growth.sample, state)
    labels, used = gather(Y, members[drawn], seen[1])
    cluster = clustered(labels, len(used), growth, advanced(state))
    rows, features = gather(X, members, seen[0])
    n_centres = cluster.max() + 1
    centres = np.zeros((len(features), n_centres), np.float32)
    group = np.full(len(members), -1, np.int32)
    group[drawn] = cluster
    add_members(rows, group, centres)
    prune(centres, growth)
    child = np.empty(len(members), np.int32)
    assign(rows, centres, np.ones(n_centres, np.bool_), child)
    sizes = np.bincount(child, minlength=n_centres)
    open_ones = np.flatnonzero(sizes)
    if len(open_ones) < 2:
        return child[:0], centres, features
    number = (np.cumsum(sizes > 0) - 1).astype(np.int32)
    return number[child], centres[:, open_ones].copy(), features


@kernel
def add_members(rows: Rows, group: I32, centres: F32) -> None:
    """Add each row to the centre of its group; -1 is in none."""
    for i in range(len(group)):
        if group[i] >= 0:
            for j in range(rows.indptr[i], rows.indptr[i + 1]):
                centres[rows.indices[j], group[i]] += rows.data[j]


@kernel
def centroid_tree(
    X: Rows, Y: Rows, relevance: Rows, growth: CentroidGrowth, seen: tuple[I32, I32],
    seed: np.uint64,
) -> Tree:  # fmt: skip
    """Grow a tree.

    Parameters
    ----------
    X, Y
        Features and labels of the documents, hashed; see `hashed`.
    relevance
        The labels themselves.
    seen
        Scratch of `gather` for features and for labels, hashed or not.
    """
    n = len(X.indptr) - 1
    members, nodes = np.arange(n).astype(np.int32), only_root(n)
    vectors, leaves = no_ragged(1), no_ragged(1)
    vectors = put(vectors, 0, np.zeros(0, np.uint32), np.zeros(0, np.float32))
    n_nodes, v = 1, 0
    while v < n_nodes:
        here = members[nodes.start[v] : nodes.end[v]]
        child, centres, features = here[:0], np.zeros((0, 0), np.float32), np.zeros(0, np.uint32)
        if len(here) > growth.max_leaf:
            seed = advanced(seed)
            child, centres, features = split_by_centroids(X, Y, here, growth, seen, mixed(seed))
        if len(child):
            n_children = centres.shape[1]
            nodes = with_children(nodes, n_nodes, v, partition(here, child, n_children))
            order = np.argsort(features)
            for c in range(n_children):
                kept = order[np.flatnonzero(centres[order, c])]
                vectors = put(vectors, n_nodes + c, features[kept], centres[kept, c])
            n_nodes += n_children
            leaves = put(leaves, v, np.zeros(0, np.uint32), np.zeros(0, np.float32))
        else:
            label, share = leaf_labels(relevance, here, growth.labels_per_leaf, seen[1])
            leaves = put(leaves, v, label, share)
        v += 1
    return finished(nodes, n_nodes, vectors, np.zeros(n_nodes, np.float32), leaves)
