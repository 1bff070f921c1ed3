"""The label graph as data: a directed acyclic graph over labels and meta-labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from labeltree.core.arrays import (
    CSR,
    Bools,
    Ints,
    Longs,
    as_binary,
    as_csr,
    binarised_product,
)
from labeltree.core.dag import closure, longest_paths, parent_csr
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

    def __post_init__(self) -> None:
        problem = _problem(self)
        if problem:
            raise DataError(f"This is no hierarchy: {problem}.", "Build it with from_edges.")

    @classmethod
    def from_edges(
        cls, edges: Iterable[tuple[str, str]], label_ids: Sequence[str] | None = None
    ) -> Hierarchy:
        """Build from (parent id, child id) pairs.

        Parameters
        ----------
        edges
            Duplicates are dropped. The empty id is the virtual root.
        label_ids
            The label of each column of Y. Nodes not listed are meta-labels; labels without an
            edge hang below the root. None: every node is a label, in topological order.

        Raises
        ------
        DataError
            If the edges form a cycle (the message shows it), or a label id is empty or repeats.
        """
        number: dict[str, int] = {}
        pairs: dict[tuple[int, int], None] = {}
        for parent, child in edges:
            up = number.setdefault(parent, len(number))
            pairs[up, number.setdefault(child, len(number))] = None
        return cls._build(number, np.array(list(pairs), np.int64).reshape(-1, 2), label_ids)

    @classmethod
    def from_networkx(cls, graph: nx.DiGraph, label_ids: Sequence[str] | None = None) -> Hierarchy:
        """Build from a networkx digraph whose edges point from parent to child.

        All nodes are kept; those without edges hang below the root. See `from_edges`.
        """
        number = {str(node): i for i, node in enumerate(graph.nodes)}
        if not graph.is_directed() or len(number) != len(graph):
            raise DataError(
                "The graph is undirected, or two of its nodes have the same name.",
                "Pass a DiGraph with edges from parent to child.",
            )
        pairs = {(number[str(p)], number[str(c)]) for p, c in graph.edges()}
        return cls._build(number, np.array(sorted(pairs), np.int64).reshape(-1, 2), label_ids)

    @classmethod
    def _build(
        cls, number: dict[str, int], arcs: Longs, label_ids: Sequence[str] | None
    ) -> Hierarchy:
        """Build from numbered nodes and the distinct arcs (n_arcs, 2) between them."""
        column = None if label_ids is None else _columns(label_ids)
        for label in column or ():
            number.setdefault(label, len(number))
        if "" in number and (arcs[:, 1] == number[""]).any():
            raise DataError("The empty id stands for the root.", "It cannot have a parent.")
        names = list(number)
        absorbed = number[ROOT] if _absorbs_root(number, arcs, column) else -1
        arcs = arcs[(arcs[:, 0] != absorbed) & (arcs[:, 0] != number.get("", -1))]
        level = longest_paths(len(names), arcs, names)
        order = np.argsort(level, kind="stable")
        order = order[(order != absorbed) & (order != number.get("", -1))]
        rank = np.full(len(names), -1, np.int64)
        rank[order] = np.arange(1, len(order) + 1)
        ids = ("", *(names[i] for i in order))
        if column is None:
            labels = np.arange(-1, len(order), dtype=np.int32)
        else:
            labels = np.array([-1, *(column.get(i, -1) for i in ids[1:])], np.int32)
        return cls(ids, labels, *parent_csr(rank[arcs], len(ids)))

    def renamed(self, new_ids: Mapping[str, str]) -> Hierarchy:
        """Return the hierarchy with other ids for some nodes."""
        return replace(self, ids=tuple(new_ids.get(i, i) for i in self.ids))

    def with_edges(
        self, edges: Iterable[tuple[str, str]], label_ids: Sequence[str] | None = None
    ) -> Hierarchy:
        """Return the hierarchy with more (parent id, child id) edges; see `from_edges`."""
        own = ((self.ids[p], self.ids[c]) for p, c in self.edges.T.tolist())
        return Hierarchy.from_edges([*own, *edges], label_ids)

    def to_networkx(self) -> nx.DiGraph:
        """Return a networkx digraph over node ids, with the column of Y as attribute `label`."""
        import networkx as nx

        graph = nx.DiGraph()
        labels = zip(self.ids, self.label.tolist(), strict=True)
        graph.add_nodes_from((name, {"label": column}) for name, column in labels)
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
        arcs = self.edges.T.astype(np.int64)
        return longest_paths(self.n_nodes, arcs, self.ids).astype(np.int32)

    @cached_property
    def ancestors(self) -> CSR:
        """Closure, (n_nodes, n_nodes): ones in row v mark the strict ancestors of v, root too."""
        return closure(self.parent_ptr, self.parent_idx, self.level)

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
    def label_ids(self) -> tuple[str, ...]:
        """Id of each column of Y, (n_labels,)."""
        return tuple(self.ids[v] for v in self.node_of_label.tolist())

    @cached_property
    def label_ancestors(self) -> CSR:
        """(n_labels, n_labels): row l marks the strict ancestors of label l that are labels."""
        nodes = self.node_of_label
        return as_csr(self.ancestors[nodes][:, nodes], "ancestors")

    @cached_property
    def is_leaf(self) -> Bools:
        """Whether a node has no children, (n_nodes,)."""
        ptr, _ = self.children
        return np.asarray(np.diff(ptr) == 0)

    def close(self, Y: CSR) -> CSR:
        """Return Y (n_samples, n_labels) with all ancestors of its labels added."""
        Y = self._checked(Y)
        return as_binary(Y + Y @ self.label_ancestors, "Y")

    def most_specific(self, Y: CSR) -> CSR:
        """Return Y (n_samples, n_labels) without labels that have a descendant in the row."""
        Y = self._checked(Y)
        return as_csr(Y - Y.multiply(binarised_product(Y, self.label_ancestors)), "Y")

    def is_closed(self, Y: CSR) -> bool:
        """Whether every row of Y (n_samples, n_labels) holds all ancestors of its labels."""
        Y = self._checked(Y)
        return bool(self.close(Y).nnz == Y.nnz)

    def _checked(self, Y: CSR) -> CSR:
        if Y.shape[1] != self.n_labels:
            raise DataError(
                f"Y has {Y.shape[1]} columns, the hierarchy {self.n_labels} labels.",
                "Build it with the ids of the columns: Hierarchy.from_edges(edges, label_ids).",
            )
        return as_binary(Y, "Y")


def _problem(h: Hierarchy) -> str:
    """Return what is wrong with the arrays of a hierarchy, or an empty string."""
    n = len(h.ids)
    if n == 0 or len(h.label) != n or len(h.parent_ptr) != n + 1:
        return f"{n} ids, {len(h.label)} labels, {len(h.parent_ptr)} pointers to parents"
    at = np.sort(h.label[h.label >= 0])
    if h.label[0] != -1 or (at != np.arange(len(at))).any():
        return "labels must be 0, 1, 2 ..., each at one node, none at the root"
    counts = np.diff(h.parent_ptr)
    if h.parent_ptr[0] != 0 or h.parent_ptr[-1] != len(h.parent_idx) or (counts < 0).any():
        return "the pointers to parents do not fit"
    child = np.repeat(np.arange(n), counts)
    if counts[0] or (counts[1:] == 0).any() or (h.parent_idx < 0).any():
        return "every node but the root has a parent"
    if (h.parent_idx >= child).any():
        return "a node stands before its parent"
    return ""


def _columns(label_ids: Sequence[str]) -> dict[str, int]:
    """Return the column of each label."""
    column = {label: c for c, label in enumerate(label_ids)}
    if len(column) != len(label_ids):
        twice = next(label for c, label in enumerate(label_ids) if column[label] != c)
        raise DataError(f"Label id {twice!r} occurs twice.", "Ids must be unique.")
    if "" in column:
        raise DataError("A label id is empty.", "The empty id stands for the root.")
    return column


def _absorbs_root(number: dict[str, int], arcs: Longs, column: dict[str, int] | None) -> bool:
    """Whether the only source is called `Root` and is no label."""
    if ROOT not in number or (column is not None and ROOT in column):
        return False
    sources = np.setdiff1d(arcs[arcs[:, 0] != number.get("", -1), 0], arcs[:, 1])
    return bool(sources.tolist() == [number[ROOT]])
