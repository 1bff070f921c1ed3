"""Forests over documents: what FastXML and its kin share.

A tree over labels (`linear.tree`) sends a document to labels; a tree over documents sends it to
training documents that are like it, whose labels vote.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from labeltree.core.arrays import (
    CSR,
    Doubles,
    Floats,
    Ints,
    Longs,
    for_kernel,
    ranges,
)
from labeltree.core.pool import Pool, scratch
from labeltree.core.seeds import derived
from labeltree.core.store import storable
from labeltree.grow.pifa import Words
from labeltree.kernels.centroid_tree import CentroidGrowth, centroid_tree, hashed, hashed_columns
from labeltree.kernels.compile import announce
from labeltree.kernels.instance_tree import Tree
from labeltree.kernels.ranking_tree import Growth, ranking_tree
from labeltree.kernels.route import Votes, best_votes, nearest_leaves, reached_leaves
from labeltree.kernels.sparse import Rows


@storable
@dataclass(frozen=True, eq=False)
class InstanceForest:
    """Trees over documents, their nodes one after the other; see `kernels.instance_tree.Tree`."""

    root: Ints
    """Node of each tree's root, (n_trees,)."""
    child: Ints
    n_children: Ints
    ptr: Longs
    feature: Words
    weight: Floats
    bias: Floats
    leaf_ptr: Longs
    label: Words
    share: Floats
    n_features: int
    seeds: NDArray[np.uint64]
    """Of the hashes that documents pass before a tree of centroids, (n_trees,), or none at all."""
    n_buckets: int = 0
    """Of these hashes."""

    @classmethod
    def joined(
        cls, trees: Sequence[Tree], n_features: int, seeds: Sequence[int] = (), n_buckets: int = 0
    ) -> Self:
        """Return the forest of some trees."""
        first = np.cumsum([0, *(len(tree.child) for tree in trees)])
        child = [
            np.where(t.child < 0, -1, t.child + at) for t, at in zip(trees, first, strict=False)
        ]
        return cls(
            first[:-1].astype(np.int32),
            np.concatenate(child).astype(np.int32),
            np.concatenate([t.n_children for t in trees]),
            _joined_ptr([t.ptr for t in trees]),
            np.concatenate([t.feature for t in trees]),
            np.concatenate([t.weight for t in trees]),
            np.concatenate([t.bias for t in trees]),
            _joined_ptr([t.leaf_ptr for t in trees]),
            np.concatenate([t.label for t in trees]),
            np.concatenate([t.share for t in trees]),
            n_features,
            np.array(seeds, np.uint64),
            n_buckets,
        )

    @cached_property
    def arrays(self) -> Tree:
        """The forest as the kernels take it."""
        return Tree(
            self.child, self.n_children, self.ptr, self.feature, self.weight, self.bias,
            self.leaf_ptr, self.label, self.share,
        )  # fmt: skip

    @cached_property
    def parent(self) -> Ints:
        """Parent of each node, -1 for roots, (n_nodes,)."""
        parent = np.full(len(self.child), -1, np.int32)
        inner = np.flatnonzero(self.child >= 0)
        below = ranges(self.child[inner].astype(np.int64), self.n_children[inner].astype(np.int64))
        parent[below] = np.repeat(inner, self.n_children[inner])
        return parent

    def path(self, node: int) -> list[int]:
        """Return the nodes from a tree's root to a node, both included."""
        path = [node]
        while self.parent[path[-1]] >= 0:
            path.append(int(self.parent[path[-1]]))
        return path[::-1]

    def vector_of(self, node: int) -> tuple[Words, Floats]:
        """Return features (ascending) and weights of a node: its hyperplane, or its centre."""
        at = slice(self.ptr[node], self.ptr[node + 1])
        return self.feature[at], self.weight[at]

    def shares_of(self, leaf: int) -> tuple[Words, Floats]:
        """Return labels and shares of a leaf, the largest first."""
        at = slice(self.leaf_ptr[leaf], self.leaf_ptr[leaf + 1])
        return self.label[at], self.share[at]

    def reweighted(self, factor: Doubles) -> Self:
        """Return the forest with the shares of each label times its factor, (n_labels,)."""
        share = (self.share * factor[self.label]).astype(np.float32)
        leaf = np.repeat(np.arange(len(self.child)), np.diff(self.leaf_ptr))
        order = np.lexsort((self.label, -share, leaf))
        return replace(self, label=self.label[order], share=share[order])

    def hashed(self, x: CSR, tree: int) -> tuple[Words, Doubles]:
        """Return (bucket, value) of each entry of one document, as a tree of centroids sees it.

        Entries that share a bucket stay apart: what they add to a product with a centroid adds up
        to the cosine.
        """
        bucket, sign = hashed_columns(for_kernel(x)[1], self.seeds[tree], self.n_buckets)
        signed = x.data * sign.astype(np.float64)
        length = float(np.linalg.norm(np.bincount(bucket, signed, minlength=1)))
        return bucket, signed / (length or 1.0)

    def leaves(self, rows: Rows) -> Ints:
        """Return the leaf of each document in each tree, (n, n_trees)."""
        if len(self.seeds):
            x = scratch("buckets", self.n_buckets, np.float32)
            return nearest_leaves(rows, self.arrays, self.root, self.seeds, x)
        x = scratch("features", self.n_features, np.float32)
        return reached_leaves(rows, self.arrays, self.root, x)

    def best(self, rows: Rows, k: int, n_labels: int) -> tuple[Ints, Doubles]:
        """Return (label, mean share) of the k best labels of each document, see `best_votes`."""
        total = scratch("votes", n_labels, np.float32)
        votes = Votes(total, scratch("voted", n_labels, np.int32))
        return best_votes(self.arrays, self.leaves(rows), votes, k)


def ranking_forest(
    X: CSR, Y: CSR, growth: Growth, seeds: Sequence[int], pool: Pool
) -> InstanceForest:
    """Grow a FastXML tree for each seed.

    Parameters
    ----------
    X
        Features, (n_samples, n_features).
    Y
        Relevance of the labels of each document, (n_samples, n_labels).
    """
    announce()
    rows, relevance = Rows(*for_kernel(X)), Rows(*for_kernel(Y))

    def grow(seed: int) -> Tree:
        seen = scratch("seen", X.shape[1], np.int32), scratch("seen labels", Y.shape[1], np.int32)
        return Tree(*ranking_tree(rows, relevance, growth, seen, np.uint64(seed)))

    trees = pool.map(grow, seeds, what="growing trees")
    return InstanceForest.joined(trees, int(X.shape[1]))


def centroid_forest(
    X: CSR, Y: CSR, growth: CentroidGrowth, n_buckets: int, seeds: Sequence[int], pool: Pool
) -> InstanceForest:
    """Grow a CRAFTML tree for each seed; features and labels are hashed to `n_buckets` each."""
    announce()
    rows, relevance = Rows(*for_kernel(X)), Rows(*for_kernel(Y))

    def grow(seed: int) -> Tree:
        x = scratch("buckets", n_buckets, np.float32)
        features = Rows(*hashed(rows, np.uint64(seed), x))
        labels = Rows(*hashed(relevance, derived(seed, 1), x))
        widest = max(n_buckets, Y.shape[1])
        seen = (
            scratch("seen buckets", n_buckets, np.int32),
            scratch("seen labels", widest, np.int32),
        )
        tree = centroid_tree(features, labels, relevance, growth, seen, derived(seed, 2))
        return Tree(*tree)

    trees = pool.map(grow, seeds, what="growing trees")
    return InstanceForest.joined(trees, int(X.shape[1]), seeds, n_buckets)


def _joined_ptr(ptrs: Sequence[Longs]) -> Longs:
    ends = np.cumsum([0, *(ptr[-1] for ptr in ptrs)])
    parts = [ptr[1:] + end for ptr, end in zip(ptrs, ends, strict=False)]
    return np.concatenate([np.zeros(1, np.int64), *parts])
