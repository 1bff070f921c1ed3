"""A hierarchy cut at its root, or by chance: parts that can be learned as tasks of their own."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from labeltree.core.arrays import Ints, Longs
from labeltree.nn.graph import LabelGraph


class Branch(NamedTuple):
    """A part of a hierarchy."""

    graph: LabelGraph
    """Its nodes, in their order, and the edges between them with their priors."""
    columns: Longs
    """The column of Y of each of its labels, ascending, (n_labels of the branch,)."""


class Cut(NamedTuple):
    """All labels, by branch. In a graph a label is in each branch that reaches it."""

    branches: list[Branch]
    """Those with two labels or more."""
    single: Longs
    """Columns of labels that are alone in their branch, (n,)."""


def parts(graph: LabelGraph, split: str, seed: int) -> Cut:
    """Return the branches of the `root`, or, if split is `random`, as many groups of labels."""
    cut = root_branches(graph)
    return cut if split == "root" else random_groups(graph, n_branches(cut), seed)


def root_branches(graph: LabelGraph) -> Cut:
    """Return for each node below the root, that node and all its descendants.

    Priors stay what they are: a branch holds all children of its nodes.
    """
    above = np.zeros(graph.n_nodes, bool)
    above[graph.edges[1]] = True
    owners = [frozenset[int]()] * graph.n_nodes
    for number, node in enumerate(np.flatnonzero(~above).tolist()):
        owners[node] = frozenset((number,))
    for parent, child in graph.edges.T.tolist():  # in order of the children: parents are done
        owners[child] = owners[child] | owners[parent]
    members: list[list[int]] = [[] for _ in range(graph.n_nodes - int(above.sum()))]
    for node, branches in enumerate(owners):
        for branch in branches:
            members[branch].append(node)
    return _cut(graph, [np.array(nodes) for nodes in members])


def random_groups(graph: LabelGraph, n_groups: int, seed: int) -> Cut:
    """Return labels dealt out to groups of equal size: the control, as many groups as branches.

    A group keeps the edges between its labels, and the meta-labels above them.
    """
    order = np.random.default_rng(seed).permutation(graph.n_labels)
    n_groups = min(n_groups, graph.n_labels)
    meta = np.ones(graph.n_nodes, bool)
    meta[graph.node_of_label] = False
    members = []
    for labels in np.array_split(order, n_groups):
        kept = np.zeros(graph.n_nodes, bool)
        kept[graph.node_of_label[labels]] = True
        for parent, child in graph.edges.T[::-1].tolist():  # children are done
            kept[parent] |= kept[child] and meta[parent]
        members.append(np.flatnonzero(kept))
    return _cut(graph, members)


def n_branches(cut: Cut) -> int:
    """Return the branches of a cut, those of a single label included."""
    return len(cut.branches) + len(cut.single)


def _cut(graph: LabelGraph, members: list[Longs]) -> Cut:
    """Return the branches of these nodes; labels alone are set aside, branches without left out."""
    label = graph.label_of_node.astype(np.int64)
    branches, single = [], []
    for nodes in members:
        columns = np.sort(label[nodes][label[nodes] >= 0])
        if len(columns) == 1:
            single.append(columns[0])
        elif len(columns):
            branches.append(Branch(_inside(graph, nodes, columns), columns))
    return Cut(branches, np.unique(np.array(single, np.int64)))


def _inside(graph: LabelGraph, nodes: Longs, columns: Longs) -> LabelGraph:
    """Return the graph of some nodes (ascending) and labels."""
    number: Ints = np.full(graph.n_nodes, -1, np.int32)
    number[nodes] = np.arange(len(nodes))
    edges = number[graph.edges]
    kept = (edges >= 0).all(axis=0)
    own = number[graph.node_of_label[columns]]
    return LabelGraph(len(nodes), edges[:, kept], own, graph.prior[kept])
