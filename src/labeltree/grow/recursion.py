"""Growing downwards: split a set of labels, then split the parts, until few are left."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from labeltree.core.arrays import Ints
from labeltree.core.pool import Pool
from labeltree.core.tree import LabelTree


class Split(Protocol):
    """Divides labels into clusters."""

    def __call__(self, members: Ints, number: int) -> list[Ints]:
        """Return the non-empty clusters of `members`; `number` is the node's, for its seed."""


def split_down(
    labels: Ints, split: Split, *, max_leaf: int, pool: Pool, max_depth: int = 0
) -> LabelTree:
    """Return the tree whose nodes with more than `max_leaf` labels are split.

    The labels themselves stand below the last clusters, no deeper than `max_depth` (0: no limit).
    A cluster that a split leaves in one piece is a last one. Nodes are numbered breadth first, so
    the tree does not depend on the order in which the pool works.
    """
    parent, label = [np.array([-1])], [np.array([-1])]
    front, n_nodes, depth = [(labels, 0)], 1, 1
    while front:
        wide = [item for item in front if len(item[0]) > max_leaf and depth != max_depth]
        clusters = pool.map(lambda item: split(*item), wide, what="growing the tree")
        parts_of = {node: c for (_, node), c in zip(wide, clusters, strict=True) if len(c) > 1}
        below = [(part, node) for node, parts in parts_of.items() for part in parts]
        for members, node in (item for item in front if item[1] not in parts_of):
            parent.append(np.full(len(members), node))
            label.append(members)
            n_nodes += len(members)
        depth += 1
        parent.append(np.array([up for _, up in below], np.int64))
        label.append(np.full(len(below), -1))
        front = [(members, n_nodes + j) for j, (members, _) in enumerate(below)]
        n_nodes += len(below)
    return LabelTree.from_parents(np.concatenate(parent), np.concatenate(label))


def spread(tree: LabelTree, labels: Ints) -> LabelTree:
    """Hang labels that nothing is known about below the smallest leaf clusters, one at a time.

    Together they would make a cluster that means nothing.
    """
    if not len(labels):
        return tree
    parents, sizes = np.unique(tree.parent[tree.label >= 0], return_counts=True)
    if not len(parents):  # nothing is known about any label: the root is the only cluster
        parents, sizes = np.zeros(1, np.int32), np.zeros(1, np.intp)
    by_size = parents[np.argsort(sizes, kind="stable")]
    homes = by_size[np.arange(len(labels)) % len(by_size)]
    return LabelTree.from_parents(
        np.concatenate([tree.parent, homes]), np.concatenate([tree.label, labels])
    )
