"""A place in a finished tree for labels that it does not hold yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from labeltree.core.arrays import Ints
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.core.tree import LabelTree


class Extended(NamedTuple):
    """A tree made from another one."""

    tree: LabelTree
    origin: Ints
    """Node of the old tree, -1 for new nodes, (n_nodes,)."""


def below_clusters(tree: LabelTree, homes: Ints, labels: Ints) -> Extended:
    """Hang each label below the node `homes` says, (n_new,) both."""
    return _with_nodes(tree, tree.label, homes, labels, np.full(len(labels), -1, np.int32))


def smallest_clusters(tree: LabelTree, n: int) -> Ints:
    """Return the homes of n labels that nothing is known about: the smallest clusters in turn."""
    clusters, sizes = np.unique(tree.parent[tree.label >= 0], return_counts=True)
    by_size = clusters[np.argsort(sizes, kind="stable")]
    return np.asarray(by_size[np.arange(n) % len(by_size)], np.int32)


def by_taxonomy(tree: LabelTree, old: Labels, new: Labels) -> Extended:
    """Hang new labels below every node of their parents in the taxonomy.

    Parameters
    ----------
    tree
        An unfolded taxonomy, or a graft: its `source` counts the nodes of the old hierarchy.
    old, new
        The labels before and after; new ones come behind the old ones.
    """
    before, after = old.hierarchy, new.hierarchy
    assert before is not None
    assert after is not None
    assert tree.source is not None
    number = {name: v for v, name in enumerate(after.ids)}
    moved = np.array([number[name] for name in before.ids], np.int32)
    source = np.where(tree.source >= 0, moved[tree.source], -1).astype(np.int32)
    found = Extended(replace(tree, source=source), np.arange(tree.n_nodes, dtype=np.int32))
    column = np.where(after.label >= len(old), after.label, -1)
    for level in range(1, int(after.level.max()) + 1):  # parents first: they may be new too
        nodes = np.flatnonzero((after.level == level) & (column >= 0))
        if len(nodes):
            found = _one_level(found, after, nodes.tolist(), closed=old.closed is not False)
    return found


def _one_level(
    found: Extended, hierarchy: Hierarchy, nodes: Sequence[int], *, closed: bool
) -> Extended:
    """Add hierarchy nodes below all tree nodes of their parents."""
    tree = found.tree
    assert tree.source is not None
    ptr, idx = hierarchy.parent_ptr, hierarchy.parent_idx
    pairs = [
        (int(home), v)
        for v in nodes
        for up in idx[ptr[v] : ptr[v + 1]]
        for home in np.flatnonzero((tree.source == up) & ~_is_self_leaf(tree))
    ]
    homes = np.array([home for home, _ in pairs], np.int32)
    source = np.array([v for _, v in pairs], np.int32)
    label, is_leaf = tree.label.copy(), np.diff(tree.child_ptr) == 0
    labels = hierarchy.label[source]
    if not closed:  # a leaf that gets children answers for itself through a leaf of its own
        opened = np.unique(homes[is_leaf[homes] & (tree.label[homes] >= 0)])
        homes, source = np.r_[homes, opened], np.r_[source, tree.source[opened]]
        labels = np.r_[labels, tree.label[opened]]
        label[opened] = -1
    more = _with_nodes(tree, label, homes, labels, source)
    origin = np.where(more.origin >= 0, found.origin[more.origin], -1).astype(np.int32)
    return Extended(more.tree, origin)


def _is_self_leaf(tree: LabelTree) -> np.ndarray:
    """Whether a node stands for the same taxonomy node as the one above it, (n_nodes,)."""
    assert tree.source is not None
    same = tree.source == tree.source[np.maximum(tree.parent, 0)]
    same[0] = False
    return np.asarray(same & (tree.source >= 0))


def _with_nodes(tree: LabelTree, label: Ints, homes: Ints, labels: Ints, source: Ints) -> Extended:
    """Return the tree with leaves added behind the children of their homes."""
    n_new = len(homes)
    rank = np.concatenate([np.arange(tree.n_nodes), np.full(n_new, -1)])
    parent = np.concatenate([tree.parent, homes])
    traced = LabelTree.from_parents(parent, np.concatenate([label, labels]), rank)
    assert traced.source is not None
    origin = traced.source
    if tree.source is None:
        return Extended(replace(traced, source=None), origin)
    kept = LabelTree.from_parents(
        parent, np.concatenate([label, labels]), np.concatenate([tree.source, source])
    )
    return Extended(kept, origin)
