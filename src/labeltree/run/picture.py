"""What is drawn of a tree: its nodes, what they are called, and where they stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from labeltree.core.arrays import Doubles, Ints, Longs
from labeltree.core.errors import ParameterError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.core.tree import LabelTree
from labeltree.run.names import node_name


@dataclass(frozen=True)
class Picture:
    """A tree with what is known about its nodes."""

    tree: LabelTree
    name: Callable[[int], str]
    """What a node is called."""
    documents: Longs | None
    """Training documents at or below each node, (n_nodes,); None if there are no data."""
    counted: str
    """What `documents` counts, in words."""
    further: Ints
    """(2, n): further parents above, their children below; a tree shows one parent only."""
    title: str
    hidden: Longs
    """Nodes below each node that were cut off, (n_nodes,)."""

    @cached_property
    def leaves(self) -> Longs:
        """Number of leaves at or below each node, (n_nodes,)."""
        count = np.ones(self.tree.n_nodes, np.int64)
        count[self.tree.inner] = 0
        return summed_up(self.tree, count)

    @cached_property
    def start(self) -> Longs:
        """Number of leaves before those of each node, in depth-first order, (n_nodes,)."""
        parent = self.tree.parent.astype(np.int64)
        before = np.cumsum(self.leaves) - self.leaves  # of all earlier nodes of the level
        start = np.zeros(self.tree.n_nodes, np.int64)
        for first, last in zip(self.tree.level_ptr[1:], self.tree.level_ptr[2:], strict=False):
            nodes = np.arange(first, last)
            eldest = self.tree.child_ptr[parent[nodes]]
            start[nodes] = start[parent[nodes]] + before[nodes] - before[eldest]
        return start

    @property
    def middle(self) -> Doubles:
        """Height at which each node stands: the middle of its leaves, (n_nodes,)."""
        return np.asarray(self.start + self.leaves / 2)

    def cut(self, depth: int) -> Picture:
        """Return the picture down to a level.

        Raises
        ------
        ParameterError
            If depth is below 1.
        """
        if depth < 1:
            raise ParameterError("--depth must be 1 or more")
        if depth >= self.tree.depth:
            return self
        n = int(self.tree.level_ptr[depth + 1])
        below = summed_up(self.tree, np.ones(self.tree.n_nodes, np.int64)) - 1
        ends = np.arange(n) >= self.tree.level_ptr[depth]
        source = None if self.tree.source is None else self.tree.source[:n]
        return Picture(
            LabelTree(self.tree.parent[:n], self.tree.label[:n], source), self.name,
            None if self.documents is None else self.documents[:n], self.counted,
            self.further[:, (self.further < n).all(axis=0)], self.title,
            np.where(ends, below[:n], 0),
        )  # fmt: skip


def of_taxonomy(hierarchy: Hierarchy, labels: Labels | None, title: str) -> Picture:
    """Return the picture of a taxonomy; a node with several parents stands below a deepest one.

    Parameters
    ----------
    labels
        The labels of the training data, for names and counts; None draws the edges only.
    """
    deepest = hierarchy.parent_idx[hierarchy.parent_ptr[2:] - 1]  # parents stand in level order
    tree = LabelTree.from_parents(
        np.concatenate(([-1], deepest)), hierarchy.label, np.arange(hierarchy.n_nodes)
    )
    assert tree.source is not None
    place = np.argsort(tree.source)
    parent, child = hierarchy.edges
    more = np.flatnonzero(np.diff(child, append=-1) == 0)
    further = place[np.stack([parent[more], child[more]])].astype(np.int32)
    source = tree.source

    def name(node: int) -> str:
        column = int(tree.label[node])
        return hierarchy.ids[source[node]] if labels is None or column < 0 else labels.names[column]

    hidden = np.zeros(tree.n_nodes, np.int64)
    return Picture(tree, name, *_documents(tree, labels), further, title, hidden)


def of_tree(tree: LabelTree, labels: Labels, title: str) -> Picture:
    """Return the picture of a model's tree; grown nodes are called by the labels below them."""
    none = np.zeros((2, 0), np.int32)
    hidden = np.zeros(tree.n_nodes, np.int64)

    def name(node: int) -> str:
        said = node_name(tree, node, labels)
        return said if tree.label[node] >= 0 else said.partition(" labels: ")[2] or said

    return Picture(tree, name, *_documents(tree, labels), none, title, hidden)


def summed_up(tree: LabelTree, value: Longs) -> Longs:
    """Return the sum of `value` (n_nodes,) over each node and all below it."""
    total = value.copy()
    for first, last in zip(tree.level_ptr[-2:0:-1], tree.level_ptr[:0:-1], strict=False):
        np.add.at(total, tree.parent[first:last], total[first:last])
    return total


def _documents(tree: LabelTree, labels: Labels | None) -> tuple[Longs | None, str]:
    """Return how often each node occurs in training, and what is counted.

    Where label sets are closed, a label's own documents. Elsewhere the label occurrences at or
    below a node, where a document counts once a label.
    """
    if labels is None or not labels.n_train:
        return None, ""
    own = np.where(tree.label >= 0, labels.counts[np.maximum(tree.label, 0)], 0)
    total = summed_up(tree, own)
    if labels.closed and (tree.label[1:] >= 0).all():
        return own, "training documents"
    return total, "label occurrences in training, at or below a node"
