"""The given taxonomy as the search tree."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from labeltree.core.arrays import CSR, Doubles, Ints
from labeltree.core.errors import DataError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.core.params import Params, positive, whole
from labeltree.core.pool import Pool
from labeltree.core.tree import LabelTree

logger = logging.getLogger(__name__)


@dataclass
class Given(Params):
    """Unfold the taxonomy: one tree node for each path; a label's copies combine by maximum.

    Where label sets contain all ancestors (measured, not assumed), inner nodes are labels
    themselves. Where they do not, an inner label gets a leaf of its own below its node, which
    learns "this and nothing below it".
    """

    max_growth: float = positive(4.0)
    """Unfold only to this many times the nodes of the taxonomy ..."""
    max_copies: int = whole(1, 16)
    """... and this many copies of a node; beyond, each node keeps its primary parent only."""

    def build(self, X: CSR, Y: CSR, labels: Labels, *, seed: int, pool: Pool) -> LabelTree:
        """Return the unfolded taxonomy.

        Raises
        ------
        DataError
            If the labels have no hierarchy.
        """
        hierarchy = labels.hierarchy
        if hierarchy is None:
            raise DataError(
                "tree=given needs a taxonomy, the data has none.",
                "Put a taxonomy.tsv (parent<TAB>child) beside it, or grow the tree.",
            )
        edges = hierarchy.edges
        copies = count_paths(hierarchy)
        if copies.sum() > self.max_growth * hierarchy.n_nodes or copies.max() > self.max_copies:
            logger.warning(
                "the taxonomy unfolds to %.10g nodes (%.10g copies of one): keeping the primary"
                " parent of each of the %d nodes with several",
                copies.sum(), copies.max(), (np.diff(hierarchy.parent_ptr) > 1).sum(),
            )  # fmt: skip
            edges = primary_edges(hierarchy, Y)
        parent, node = unfold(edges, hierarchy.n_nodes)
        label = hierarchy.label[node]
        if not hierarchy.is_closed(Y):
            parent, node, label = self_leaves(parent, node, label)
        return LabelTree.from_parents(parent, label, node)


def count_paths(hierarchy: Hierarchy) -> Doubles:
    """Return the number of paths from the root to each node, (n_nodes,).

    Floats, because it doubles with every diamond: deep taxonomies overflow any integer.
    """
    copies = np.zeros(hierarchy.n_nodes)
    copies[0] = 1
    parent, child = hierarchy.edges
    level = hierarchy.level[child]
    for t in range(1, int(hierarchy.level.max()) + 1):
        at = level == t
        np.add.at(copies, child[at], copies[parent[at]])
    return copies


def primary_edges(hierarchy: Hierarchy, Y: CSR) -> Ints:
    """Return the edges (2, n_nodes - 1) to the parent with most documents in common.

    Ties keep the first parent.
    """
    parent, child = hierarchy.edges
    labels = hierarchy.label
    both = np.zeros(parent.shape[0])
    known = (labels[parent] >= 0) & (labels[child] >= 0)
    columns = Y.tocsc()
    together = columns[:, labels[child[known]]].multiply(columns[:, labels[parent[known]]])
    both[known] = np.asarray(together.sum(axis=0)).ravel()
    order = np.lexsort((np.arange(len(both)), -both, child))
    first = order[np.r_[True, np.diff(child[order]) > 0]]
    return np.stack([parent[first], child[first]])


def unfold(edges: Ints, n_nodes: int) -> tuple[Ints, Ints]:
    """Return (parent, node) of the tree of all paths; entry 0 is the root."""
    order = np.argsort(edges[0], kind="stable")
    above, below = edges[0][order], edges[1][order]
    ptr = np.searchsorted(above, np.arange(n_nodes + 1))
    parents, nodes = [np.array([-1])], [np.array([0])]
    start = 0
    while len(nodes[-1]):
        front = nodes[-1]
        counts = ptr[front + 1] - ptr[front]
        ends = np.cumsum(counts)
        within = np.arange(counts.sum()) - np.repeat(ends - counts, counts)
        parents.append(np.repeat(np.arange(start, start + len(front)), counts))
        nodes.append(below[np.repeat(ptr[front], counts) + within])
        start += len(front)
    return np.concatenate(parents), np.concatenate(nodes)


def self_leaves(parent: Ints, node: Ints, label: Ints) -> tuple[Ints, Ints, Ints]:
    """Move the label of each inner tree node to a new leaf below it."""
    inner = np.zeros(len(parent), bool)
    inner[parent[1:]] = True
    moved = np.flatnonzero(inner & (label >= 0))
    kept = np.where(inner, -1, label)
    return (
        np.concatenate([parent, moved]),
        np.concatenate([node, node[moved]]),
        np.concatenate([kept, label[moved]]),
    )
