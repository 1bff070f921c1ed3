"""A search tree as a hierarchy, for models that read the graph and do not search."""

from __future__ import annotations

from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.core.tree import LabelTree

_META = "cluster {}"


def as_hierarchy(tree: LabelTree, labels: Labels) -> Hierarchy:
    """Return the hierarchy of a tree's nodes; those that are no label are meta-labels.

    Nodes of the same label become one node with several parents, and so do copies of a node of the
    taxonomy; a leaf that stands for a node itself falls together with it. Labels that the tree does
    not hold hang below the root.
    """
    ids, parent = _node_ids(tree, labels), tree.parent.tolist()
    edges = [
        (ids[parent[node]], ids[node])
        for node in range(1, tree.n_nodes)
        if not _is_below_itself(node, ids, parent)
    ]
    return Hierarchy.from_edges(edges, labels.ids)


def _is_below_itself(node: int, ids: list[str], parent: list[int]) -> bool:
    """Whether a node stands for one that is above it."""
    above = parent[node]
    while above > 0 and ids[above] != ids[node]:
        above = parent[above]
    return above > 0


def _node_ids(tree: LabelTree, labels: Labels) -> list[str]:
    """Return an id for each node of the tree; the root's is empty."""
    taken = set(labels.ids)
    given = () if labels.hierarchy is None else labels.hierarchy.ids
    source = [-1] * tree.n_nodes if tree.source is None else tree.source.tolist()
    ids = [""]
    for node, label in enumerate(tree.label.tolist()[1:], 1):
        if label >= 0:
            ids.append(labels.ids[label])
        elif source[node] >= 0:
            ids.append(given[source[node]])
        else:
            name = _META.format(node)
            while name in taken:
                name += "'"
            ids.append(name)
    return ids
