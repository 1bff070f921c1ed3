"""A graft: the taxonomy on top, grown sub-trees below its wide nodes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import csr_array

from labeltree.core.arrays import CSR, Ints
from labeltree.core.labels import Labels
from labeltree.core.params import Params, whole
from labeltree.core.pool import Pool
from labeltree.core.tree import LabelTree
from labeltree.grow.given import Given
from labeltree.grow.grown import Clusterer
from labeltree.grow.k_means import TwoMeans
from labeltree.grow.pifa import pifa


@dataclass
class Graft(Params):
    """Unfold the taxonomy, then cluster the children of each node that has too many.

    A child is represented by all documents at or below it. The nodes put in between carry no
    label, so they never appear in an answer.
    """

    taxonomy: Given = field(default_factory=Given)
    """How the taxonomy is unfolded."""
    clusterer: Clusterer = field(default_factory=lambda: TwoMeans(max_leaf=30))
    """How the children of a wide node are clustered."""
    max_children: int = whole(2, 30)
    """A node with more children is split."""

    def build(self, X: CSR, Y: CSR, labels: Labels, *, seed: int, pool: Pool) -> LabelTree:
        """Return the taxonomy with grown nodes in between."""
        tree = self.taxonomy.build(X, Y, labels, seed=seed, pool=pool)
        assert tree.source is not None
        Z = pifa(X, csr_array(tree.node_targets(Y)), pool=pool)
        parent, label, source = [tree.parent.copy()], [tree.label], [tree.source]
        n_nodes = tree.n_nodes
        for v in tree.inner[tree.fan_out > self.max_children]:
            children = np.arange(tree.child_ptr[v], tree.child_ptr[v + 1], dtype=np.int32)
            grown = self.clusterer.cluster(
                Z, children, seed=seed + int(v), pool=pool, max_leaf=self.max_children
            )
            n_new = attach(grown, int(v), n_nodes, parent)
            label.append(np.full(n_new, -1, np.int32))
            source.append(np.full(n_new, -1, np.int32))
            n_nodes += n_new
        return LabelTree.from_parents(*map(np.concatenate, (parent, label, source)))


def attach(grown: LabelTree, at: int, n_nodes: int, parent: list[Ints]) -> int:
    """Put the inner nodes of `grown` between node `at` and its children; return their number.

    Leaves of `grown` carry the children as labels. New nodes are numbered from `n_nodes` on.
    """
    inner = grown.inner[grown.inner > 0]
    number = np.full(grown.n_nodes, -1, np.int64)
    number[0] = at
    number[inner] = n_nodes + np.arange(len(inner))
    leaves = np.flatnonzero(grown.label >= 0)
    parent[0][grown.label[leaves]] = number[grown.parent[leaves]]
    parent.append(number[grown.parent[inner]].astype(np.int32))
    return len(inner)
