"""The label graph as data: a directed acyclic graph over labels and meta-labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_array

from labeltree.core.arrays import CSR, Bools, Ints, binarised_product
from labeltree.core.errors import DataError
from labeltree.core.store import storable

if TYPE_CHECKING:
    import networkx as nx

ROOT = "Root"
"""A single source of this name that no document carries is absorbed by the virtual root."""


@storable
@dataclass(frozen=True, eq=False)
class Hierarchy:
    """A directed acyclic graph over labels; node 0 is a virtual root above all sources.

    Nodes stand in topological order: a parent always comes before its children. Each label is
    at exactly one node; nodes that are no label (meta-labels, the root) have `label` -1.

    Examples
    --------
    >>> h = Hierarchy.from_edges([("animal", "cat"), ("animal", "dog"), ("pet", "dog")])
    >>> h.ids
    ('', 'animal', 'pet', 'cat', 'dog')
    >>> h.level.tolist()
    [0, 1, 1, 2, 2]
    """

    ids: tuple[str, ...]
    """Node ids, (n_nodes,); the root's is empty."""
    label: Ints
    """Column of Y that the node stands for, (n_nodes,), -1 for none."""
    parent_ptr: Ints
    """Parents of node v are `parent_idx[parent_ptr[v]:parent_ptr[v + 1]]`, (n_nodes + 1,)."""
    parent_idx: Ints
    """Parent nodes, ascending within each node, (n_edges,)."""

    @classmethod
    def from_edges(
        cls, edges: Iterable[tuple[str, str]], label_ids: Sequence[str] | None = None
    ) -> Hierarchy:
        """Build from (parent id, child id) pairs.

        Parameters
        ----------
        edges
            Duplicates are dropped.
        label_ids
            The label of each column of Y. Nodes not listed are meta-labels; labels without an
            edge hang below the root. None: every node is a label, in topological order.

        Raises
        ------
        DataError
            If the edges form a cycle; the message shows it.
        """
        number: dict[str, int] = {}
        pairs: dict[tuple[int, int], None] = {}
        for parent, child in edges:
            pairs[number.setdefault(parent, len(number)), number.setdefault(child, len(number))] = None
        for label in label_ids or ():
            number.setdefault(label, len(number))
        names = list(number)
        arcs = np.array(list(pairs), np.int64).reshape(-1, 2)
        absorbed = _absorbed_root(names, arcs, label_ids)
        if absorbed >= 0:
            arcs = arcs[arcs[:, 0] != absorbed]
        level = _longest_paths(len(names), arcs, names)
        order = np.argsort(level, kind="stable")
        order = order[order != absorbed]
        rank = np.full(len(names), -1, np.int64)
        rank[order] = np.arange(1, len(order) + 1)
        ids = ("", *(names[i] for i in order))
        if label_ids is None:
            label = np.arange(-1, len(order), dtype=np.int32)
        else:
            column = {label: c for c, label in enumerate(label_ids)}
            label = np.array([-1, *(column.get(i, -1) for i in ids[1:])], np.int32)
        return cls(ids, label, *_parent_csr(rank[arcs], len(ids)))

    @classmethod
    def from_networkx(cls, graph: nx.DiGraph, label_ids: Sequence[str] | None = None) -> Hierarchy:
        """Build from a networkx digraph whose edges point from parent to child."""
        lone = [str(v) for v in graph.nodes if graph.degree(v) == 0]
        edges = [(str(p), str(c)) for p, c in graph.edges]
        if label_ids is None and lone:
            label_ids = [str(v) for v in graph.nodes]
        return cls.from_edges(edges, label_ids)

    def to_networkx(self) -> nx.DiGraph:
        """Return a networkx digraph over node ids, with the column of Y as attribute `label`."""
        import networkx as nx

        graph = nx.DiGraph()
        graph.add_nodes_from((i, {"label": int(c)}) for i, c in zip(self.ids, self.label, strict=True))
        graph.add_edges_from((self.ids[p], self.ids[c]) for p, c in self.edges.T)
        return graph

    @property
    def n_nodes(self) -> int:
        """Number of nodes, the virtual root included."""
        return len(self.ids)

    @cached_property
    def edges(self) -> Ints:
        """(2, n_edges): parents above, children below, in order of the children."""
        child = np.repeat(np.arange(self.n_nodes, dtype=np.int32), np.diff(self.parent_ptr))
        return np.stack([self.parent_idx, child])

    @cached_property
    def children(self) -> tuple[Ints, Ints]:
        """(ptr, idx): the children of node v are `idx[ptr[v]:ptr[v + 1]]`, ascending."""
        parent, child = self.edges
        order = np.argsort(parent, kind="stable")
        ptr = np.searchsorted(parent[order], np.arange(self.n_nodes + 1))
        return ptr.astype(np.int32), child[order]

    @cached_property
    def level(self) -> Ints:
        """Longest path from the root, (n_nodes,)."""
        return _longest_paths(self.n_nodes, self.edges.T.astype(np.int64), self.ids).astype(np.int32)

    @cached_property
    def ancestors(self) -> CSR:
        """Boolean closure, (n_nodes, n_nodes): row v marks the strict ancestors of v, root too."""
        ones = np.ones(len(self.parent_idx), np.float32)
        up = csr_array((ones, self.parent_idx, self.parent_ptr), shape=(self.n_nodes, self.n_nodes))
        reach, grown = up, -1
        while reach.nnz != grown:
            grown = reach.nnz
            reach = binarised_product(reach + csr_array(reach @ up), _identity(self.n_nodes))
        return reach

    @cached_property
    def branches(self) -> Ints:
        """Children of the root."""
        ptr, idx = self.children
        return idx[: ptr[1]]

    @cached_property
    def n_labels(self) -> int:
        """Number of labels, that is, of columns that stand at a node."""
        return int((self.label >= 0).sum())

    @cached_property
    def node_of_label(self) -> Ints:
        """Node of each column of Y, (n_labels,)."""
        nodes = np.full(int(self.label.max(initial=-1)) + 1, -1, np.int32)
        at = np.flatnonzero(self.label >= 0)
        nodes[self.label[at]] = at
        return nodes

    @cached_property
    def label_ancestors(self) -> CSR:
        """(n_labels, n_labels): row l marks the strict ancestors of label l that are labels."""
        nodes = self.node_of_label
        return csr_array(self.ancestors[nodes][:, nodes])

    @cached_property
    def is_leaf(self) -> Bools:
        """Whether a node has no children, (n_nodes,)."""
        ptr, _ = self.children
        return np.diff(ptr) == 0

    def close(self, Y: CSR) -> CSR:
        """Return Y (n_samples, n_labels) with all ancestors of its labels added."""
        return binarised_product(csr_array(Y + Y @ self.label_ancestors), _identity(Y.shape[1]))

    def most_specific(self, Y: CSR) -> CSR:
        """Return Y without the labels that have a descendant in the same row."""
        implied = binarised_product(Y, self.label_ancestors)
        kept = csr_array(Y - Y.multiply(implied))
        kept.eliminate_zeros()
        return kept

    def is_closed(self, Y: CSR) -> bool:
        """Whether every row of Y holds all ancestors of its labels."""
        return bool(self.close(Y).nnz == Y.nnz)


def _identity(n: int) -> CSR:
    ones = np.ones(n, np.float32)
    return csr_array((ones, np.arange(n, dtype=np.int32), np.arange(n + 1)), shape=(n, n))


def _absorbed_root(names: list[str], arcs: Any, label_ids: Sequence[str] | None) -> int:
    """Return the number of a lone source called `Root` that is no label, else -1."""
    sources = np.setdiff1d(arcs[:, 0], arcs[:, 1])
    if len(sources) == 1 and names[sources[0]] == ROOT and ROOT not in set(label_ids or ()):
        return int(sources[0])
    return -1


def _longest_paths(n_nodes: int, arcs: Any, names: Sequence[str]) -> Any:
    """Return the longest path from any source to each node (Kahn's order, level by level)."""
    waiting = np.bincount(arcs[:, 1], minlength=n_nodes)
    order = np.argsort(arcs[:, 0], kind="stable")
    parent, child = arcs[order, 0], arcs[order, 1]
    ptr = np.searchsorted(parent, np.arange(n_nodes + 1))
    level = np.zeros(n_nodes, np.int64)
    front, depth = np.flatnonzero(waiting == 0), 0
    while len(front):
        level[front] = depth
        out = np.concatenate([child[ptr[v] : ptr[v + 1]] for v in front])
        np.subtract.at(waiting, out, 1)
        front = np.unique(out[waiting[out] == 0])
        depth += 1
    if (waiting > 0).any():
        loop = " > ".join(names[v] for v in _find_cycle(np.flatnonzero(waiting > 0), parent, child))
        raise DataError(
            f"The taxonomy has a cycle: {loop}.",
            "A label cannot be its own ancestor: remove one of these edges.",
        )
    return level


def _find_cycle(stuck: Any, parent: Any, child: Any) -> list[int]:
    """Walk upwards among nodes that never became free until one repeats."""
    inside = set(stuck.tolist())
    above = {int(c): int(p) for p, c in zip(parent, child, strict=True) if p in inside and c in inside}
    path: list[int] = []
    node = int(stuck[0])
    while node not in path:
        path.append(node)
        node = above[node]
    return [*path[path.index(node) :], node][::-1]


def _parent_csr(arcs: Any, n_nodes: int) -> tuple[Ints, Ints]:
    """Return (ptr, idx) of the parents of each node; nodes without a parent get the root."""
    sources = np.setdiff1d(np.arange(1, n_nodes), arcs[:, 1])
    arcs = np.vstack([arcs, np.stack([np.zeros_like(sources), sources], axis=1)])
    arcs = arcs[np.lexsort((arcs[:, 0], arcs[:, 1]))]
    ptr = np.searchsorted(arcs[:, 1], np.arange(n_nodes + 1))
    return ptr.astype(np.int32), arcs[:, 0].astype(np.int32)
