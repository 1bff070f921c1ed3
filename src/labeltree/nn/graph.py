"""A hierarchy as networks see it: nodes without the virtual root, edges by level and by height."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from labeltree.core.arrays import CSR, Doubles, Floats, Ints, from_parts
from labeltree.core.errors import ParameterError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.store import storable

PRIORS = ("share", "sibling", "uniform", "none")


@storable
@dataclass(frozen=True, eq=False)
class LabelGraph:
    """Nodes 0 to n_nodes - 1 are those of a hierarchy without its root, in its order."""

    n_nodes: int
    edges: Ints
    """(2, n_edges): parents above, children below; none from the root."""
    node_of_label: Ints
    """(n_labels,); other nodes are meta-labels: part of the structure, never answered."""
    prior: Floats
    """What is known of each edge before training, (n_edges,), see `of`."""

    @classmethod
    def of(
        cls, hierarchy: Hierarchy, Y: CSR | None = None, *, prior: str = "share", eps: float = 1e-3
    ) -> LabelGraph:
        """Return the graph of a hierarchy.

        Parameters
        ----------
        Y
            Training labels (n_samples, n_labels), which priors are counted from.
        prior
            Of an edge from p to c: `share` n_c / n_p, the documents at or below either (HiAGM, sec.
            3.2); `sibling` the same over the sum of all siblings', as its code does; `uniform` 1 /
            number of siblings; `none` 1.
        eps
            Added to n_c and n_p, so that labels without documents pass something on.
        """
        if prior not in PRIORS:
            raise ParameterError(f"prior must be one of {', '.join(PRIORS)}, found {prior!r}.")
        inner = hierarchy.edges[:, hierarchy.edges[0] > 0] - 1
        count = np.ones(hierarchy.n_nodes - 1) if Y is None else _documents(hierarchy, Y)
        weights = _priors(inner, count, prior, eps).astype(np.float32)
        nodes = (hierarchy.node_of_label - 1).astype(np.int32)
        return cls(hierarchy.n_nodes - 1, inner.astype(np.int32), nodes, weights)

    @property
    def n_labels(self) -> int:
        """Labels that are answered."""
        return len(self.node_of_label)

    @cached_property
    def level(self) -> Ints:
        """Longest path from the root's children, which have 0, (n_nodes,)."""
        level = np.zeros(self.n_nodes, np.int32)
        for parent, child in self.edges.T.tolist():  # in order of the children: parents are done
            level[child] = max(level[child], level[parent] + 1)
        return level

    @cached_property
    def height(self) -> Ints:
        """Longest path to a leaf, which has 0, (n_nodes,)."""
        height = np.zeros(self.n_nodes, np.int32)
        for parent, child in self.edges.T[::-1].tolist():
            height[parent] = max(height[parent], height[child] + 1)
        return height

    @cached_property
    def rising(self) -> list[Ints]:
        """Edges (2, n) by the height of their parent, lowest first.

        What children pass on to parents in this order is complete when it leaves a node.
        """
        height = self.height[self.edges[0]]
        return [self.edges[:, height == h] for h in np.unique(height)]

    @cached_property
    def label_of_node(self) -> Ints:
        """Column of Y, -1 for meta-labels, (n_nodes,)."""
        label = np.full(self.n_nodes, -1, np.int32)
        label[self.node_of_label] = np.arange(self.n_labels)
        return label

    @cached_property
    def label_edges(self) -> Ints:
        """(2, n): the edges between labels, as columns of Y."""
        pairs = self.label_of_node[self.edges]
        return pairs[:, (pairs >= 0).all(axis=0)]


def _documents(hierarchy: Hierarchy, Y: CSR) -> Doubles:
    """Return how many documents have a label at or below each node, without the root."""
    nodes = hierarchy.node_of_label
    ones, one_each = np.ones(len(nodes), np.float32), np.arange(len(nodes) + 1)
    own = from_parts(ones, nodes, one_each, (len(nodes), hierarchy.n_nodes))
    reached = Y @ (hierarchy.ancestors[nodes] + own)
    reached.data[:] = 1
    return np.asarray(reached.sum(axis=0), np.float64).ravel()[1:]


def _priors(edges: Ints, count: Doubles, prior: str, eps: float) -> Doubles:
    parent, child = edges
    if prior == "none":
        return np.ones(len(parent))
    if prior == "uniform":
        count, eps = np.ones(len(count)), 0.0
    share: Doubles = (count[child] + eps) / (count[parent] + eps)
    if prior == "share":
        return share
    total = np.bincount(parent, share, minlength=len(count))
    return np.asarray(share / total[parent])
