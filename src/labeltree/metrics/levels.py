"""Decisions by depth: at which level of the taxonomy answers go wrong.

The level of a label is that of its node: the LONGEST path from the root (`Hierarchy.level`), so
that a parent always lies above all its children. On a tree that is the depth; on a graph with
several parents other tools count the shortest path, and their levels differ.
"""

from __future__ import annotations

import numpy as np

from labeltree.core.arrays import CSR, Bools, Longs
from labeltree.core.errors import DataError
from labeltree.core.hierarchy import Hierarchy
from labeltree.metrics.counts import Group, by_group


def by_level(Y: CSR, decisions: CSR, hierarchy: Hierarchy) -> list[Group]:
    """Return precision, recall and F1 over the labels of each level, from the top.

    A document without a label at a level is an empty set there, never a class "none": it raises
    no figure. Levels without labels (all meta-labels) are left out, and so are labels outside the
    hierarchy, whose level nobody knows.

    Parameters
    ----------
    Y
        Truth, (n_samples, n_true_labels).
    decisions
        Decided labels, (n_samples, n_labels): the first columns of Y.
    hierarchy
        Over the first columns of Y.
    """
    level = level_of_label(hierarchy, Y.shape[1])
    present = np.unique(level[level > 0])
    number = np.where(level > 0, np.searchsorted(present, level), -1)
    return by_group(Y, decisions, number, [f"level {i}" for i in present.tolist()])


def by_position(Y: CSR, decisions: CSR, hierarchy: Hierarchy) -> list[Group]:
    """Return precision, recall and F1 over leaves, and over labels with others below them.

    A label is a leaf if its node has no children. Labels outside the hierarchy are in neither.
    """
    leaf = leaf_labels(hierarchy, Y.shape[1])
    inside = np.arange(Y.shape[1]) < hierarchy.n_labels
    return by_group(Y, decisions, np.where(inside, np.where(leaf, 0, 1), -1), ("leaf", "inner"))


def level_of_label(hierarchy: Hierarchy, n_columns: int) -> Longs:
    """Return the level of each column, (n_columns,): 1 below the root, -1 outside."""
    _covers(hierarchy, n_columns)
    level = np.full(n_columns, -1, np.int64)
    level[: hierarchy.n_labels] = hierarchy.level[hierarchy.node_of_label]
    return level


def leaf_labels(hierarchy: Hierarchy, n_columns: int) -> Bools:
    """Return whether the node of each column has no children, (n_columns,); False outside."""
    _covers(hierarchy, n_columns)
    leaf = np.zeros(n_columns, np.bool_)
    leaf[: hierarchy.n_labels] = hierarchy.is_leaf[hierarchy.node_of_label]
    return leaf


def _covers(hierarchy: Hierarchy, n_columns: int) -> None:
    if hierarchy.n_labels > n_columns:
        raise DataError(
            f"The hierarchy has {hierarchy.n_labels} labels, the matrix {n_columns} columns.",
            "Build it with the ids of the columns: Hierarchy.from_edges(edges, label_ids).",
        )
