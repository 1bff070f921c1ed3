"""The search structure: a rooted tree over labels in breadth-first order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array

from labeltree.core.arrays import CSR, Ints, Longs, as_binary, binarised_product, ranges
from labeltree.core.errors import DataError
from labeltree.core.store import storable


@storable
@dataclass(frozen=True, eq=False)
class LabelTree:
    """A rooted tree whose nodes are labels or meta-labels; one parent array in breadth-first order.

    Node 0 is the root. The children of a node, and each level, are contiguous slices, and
    `parent[v] < v`. A label may stand at several nodes (paths of a taxonomy that is no tree).

    Examples
    --------
    >>> tree = LabelTree.from_parents([-1, 0, 0, 1, 1, 2, 2], [-1, -1, -1, 0, 1, 2, 3])
    >>> tree.level_sizes
    [1, 2, 4]
    """

    parent: Ints
    """Parent of each node, (n_nodes,), -1 at the root."""
    label: Ints
    """Column of Y that the node stands for, (n_nodes,), -1 for none."""
    source: Ints | None = None
    """Node of the `Hierarchy` it came from, (n_nodes,), -1 for grown nodes; None if all grown."""

    def __post_init__(self) -> None:
        n, up = len(self.parent), self.parent
        wrong = n == 0 or up[0] != -1 or (up[1:] < 0).any() or (up >= np.arange(n)).any()
        if wrong or (np.diff(up) < 0).any():
            raise DataError("The nodes are not in breadth-first order.", "Use from_parents.")
        if any(a is not None and len(a) != n for a in (self.label, self.source)):
            raise DataError("Each node has one parent, one label and one source or none.")

    @classmethod
    def from_parents(
        cls, parent: ArrayLike, label: ArrayLike, source: ArrayLike | None = None
    ) -> LabelTree:
        """Build from nodes in any order; the one with parent -1 is the root.

        Raises
        ------
        DataError
            If there is not exactly one root, a node is not connected to it, or lengths disagree.
        """
        up, labels = np.asarray(parent, np.int64), np.asarray(label, np.int32)
        if len(labels) != len(up) or (source is not None and np.shape(source) != up.shape):
            sources = "" if source is None else f", {np.size(source)} sources"
            found = f"{len(up)} parents, {len(labels)} labels{sources}"
            raise DataError(f"A node has one of each, found {found}.")
        roots = np.flatnonzero(up < 0)
        if len(roots) != 1:
            raise DataError(f"A label tree has one root, found {len(roots)}.")
        order = _breadth_first(up, int(roots[0]))
        if len(order) != len(up):
            raise DataError(
                f"{len(up) - len(order)} nodes of the label tree are not connected to its root."
            )
        rank = np.empty(len(up), np.int64)
        rank[order] = np.arange(len(up))
        moved = np.where(up[order] >= 0, rank[up[order]], -1).astype(np.int32)
        origin = None if source is None else np.asarray(source, np.int32)[order]
        return cls(moved, labels[order], origin)

    @property
    def n_nodes(self) -> int:
        """Number of nodes, the root included."""
        return len(self.parent)

    @cached_property
    def child_ptr(self) -> Ints:
        """Children of node v are nodes `child_ptr[v]` to `child_ptr[v + 1]`, (n_nodes + 1,)."""
        return np.searchsorted(self.parent, np.arange(self.n_nodes + 1)).astype(np.int32)

    @cached_property
    def level_ptr(self) -> Ints:
        """Level t is nodes `level_ptr[t]` to `level_ptr[t + 1]`, (depth + 2,)."""
        cuts = [0, 1]
        while cuts[-1] < self.n_nodes:
            cuts.append(int(self.child_ptr[cuts[-1]]))
        return np.array(cuts, np.int32)

    @cached_property
    def level(self) -> Ints:
        """Edges from the root to each node, (n_nodes,)."""
        return np.repeat(np.arange(self.depth + 1), np.diff(self.level_ptr)).astype(np.int32)

    @property
    def depth(self) -> int:
        """Edges on the longest path from the root."""
        return len(self.level_ptr) - 2

    @property
    def level_sizes(self) -> list[int]:
        """Number of nodes of each level, the root's first."""
        return [int(n) for n in np.diff(self.level_ptr)]

    @cached_property
    def inner(self) -> Ints:
        """Nodes with children, ascending."""
        return np.flatnonzero(np.diff(self.child_ptr)).astype(np.int32)

    @property
    def fan_out(self) -> Ints:
        """Number of children of each inner node."""
        return np.diff(self.child_ptr)[self.inner]

    @cached_property
    def has_copies(self) -> bool:
        """Whether a label stands at more than one node."""
        labels = self.label[self.label >= 0]
        return len(np.unique(labels)) < len(labels)

    @cached_property
    def label_nodes(self) -> CSR:
        """(n_labels, n_nodes): row l marks the nodes of label l and all their ancestors."""
        node: Ints = np.flatnonzero(self.label >= 0).astype(np.int32)
        rows, columns = [self.label[node]], [node]
        while len(node):
            up = self.parent[node]
            node = up[up >= 0]
            rows.append(rows[-1][up >= 0])
            columns.append(node)
        pairs = (np.concatenate(rows), np.concatenate(columns))
        shape = (int(self.label.max(initial=-1)) + 1, self.n_nodes)
        ones = np.ones(len(pairs[0]), np.float32)
        return as_binary(csr_array((ones, pairs), shape=shape), "tree")

    def node_targets(self, Y: CSR) -> CSR:
        """Return (n_samples, n_nodes): 1 where a document has a label at or below the node."""
        nodes = self.label_nodes
        if Y.shape[1] > nodes.shape[0]:
            Y = csr_array(Y[:, : nodes.shape[0]])
        return binarised_product(Y, csr_array(nodes[: Y.shape[1]]))

    def without(self, nodes: ArrayLike) -> LabelTree:
        """Return the tree without these inner nodes; their children go to the node above.

        Parameters
        ----------
        nodes
            Mask (n_nodes,). The root, leaves and nodes with a label stay whatever it says.
        """
        gone = np.array(nodes, bool) & (np.diff(self.child_ptr) > 0) & (self.label < 0)
        gone[0] = False
        up = self.parent.copy()
        for t in range(1, self.depth + 1):  # top down: a parent's own parent is known by then
            of_level = np.arange(self.level_ptr[t], self.level_ptr[t + 1])
            above = self.parent[of_level]
            up[of_level] = np.where(gone[above], up[above], above)
        kept = np.flatnonzero(~gone)
        number = np.cumsum(~gone) - 1
        parent = np.where(up[kept] >= 0, number[up[kept]], -1)
        source = None if self.source is None else self.source[kept]
        return LabelTree.from_parents(parent, self.label[kept], source)

    def collapsed(self, levels: int) -> LabelTree:
        """Return the tree without `levels` levels of inner nodes between two that stay.

        The last clusters, whose children are labels, stay on any level (omikuji's
        `collapse_every_n_layers`): a binary tree gets 2^(levels + 1) children a node.
        """
        has_leaf = np.zeros(self.n_nodes, bool)
        has_leaf[self.parent[1:][np.diff(self.child_ptr)[1:] == 0]] = True
        return self.without((self.level % (levels + 1) > 0) & ~has_leaf)

    def level_out(self) -> LabelTree:
        """Return the tree with every leaf on the last level.

        A leaf further up gets a chain of only children above it; they need no classifier, as an
        only child is always right.
        """
        leaf = np.flatnonzero(np.diff(self.child_ptr) == 0)
        missing = self.depth - self.level[leaf]
        leaf, missing = leaf[missing > 0], missing[missing > 0]
        added = self.n_nodes + np.arange(missing.sum())
        first = np.cumsum(missing) - missing
        parent = np.concatenate([self.parent, added - 1])
        parent[self.n_nodes + first] = self.parent[leaf]
        parent[leaf] = self.n_nodes + first + missing - 1
        label = np.concatenate([self.label, np.full(len(added), -1)])
        if self.source is None:
            return LabelTree.from_parents(parent, label)
        source = np.concatenate([self.source, np.full(len(added), -1)])
        return LabelTree.from_parents(parent, label, source)

    def path(self, node: int) -> list[int]:
        """Return the nodes from the root's child down to `node`."""
        found: list[int] = []
        while node > 0:
            found.append(node)
            node = int(self.parent[node])
        return found[::-1]

    def shape(self) -> dict[str, Any]:
        """Return what `labeltree tree` prints: levels, fan-out, sizes."""
        fan = self.fan_out
        n_labelled = int((self.label >= 0).sum())
        n_labels = len(np.unique(self.label[self.label >= 0]))
        return {
            "nodes": self.n_nodes,
            "labels": n_labels,
            "copies": n_labelled - n_labels,
            "depth": self.depth,
            "level sizes": self.level_sizes,
            "fan-out (min, median, max)": [int(fan.min()), float(np.median(fan)), int(fan.max())]
            if len(fan)
            else [0, 0.0, 0],
        }


def _breadth_first(parent: Longs, root: int) -> Longs:
    """Return the nodes level by level, siblings in the order given."""
    by_parent = np.argsort(parent, kind="stable")
    ptr = np.searchsorted(parent[by_parent], np.arange(len(parent) + 1))
    levels: list[Longs] = [np.array([root])]
    while len(levels[-1]):
        first, last = ptr[levels[-1]], ptr[levels[-1] + 1]
        levels.append(by_parent[ranges(first, last - first)])
    return np.concatenate(levels)
