"""The edges of a hierarchy as files of taxonomies hold them: below a node called `Root`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from labeltree.core.errors import DataError
from labeltree.core.hierarchy import ROOT, Hierarchy
from labeltree.readers.taxonomy import Edge


def taxonomy_edges(hierarchy: Hierarchy) -> list[Edge]:
    """Return (parent, child), in such an order that reading numbers the nodes the same way.

    Raises
    ------
    DataError
        If the hierarchy cannot be written.
    """
    ids, named = hierarchy.ids, _names_root(hierarchy)
    return [
        (ids[parent] if parent else ROOT, ids[child])
        for parent, child in hierarchy.edges.T.tolist()
        if parent or named
    ]


def families(hierarchy: Hierarchy) -> Iterator[list[str]]:
    """Yield each parent with all its children."""
    ptr, children = hierarchy.children
    for parent in np.flatnonzero(np.diff(ptr)).tolist():
        if parent or _names_root(hierarchy):
            below = children[ptr[parent] : ptr[parent + 1]].tolist()
            yield [hierarchy.ids[parent] if parent else ROOT, *(hierarchy.ids[c] for c in below)]


def _names_root(hierarchy: Hierarchy) -> bool:
    """Whether the root may be written under its name, because no node has that name.

    Raises
    ------
    DataError
        If it may not, and a node that is no label hangs on no other edge.
    """
    if ROOT not in hierarchy.ids:
        return True
    ptr, _ = hierarchy.children
    alone = (np.diff(ptr) == 0) & (hierarchy.label < 0)
    alone[0] = False
    lost = [v for v in hierarchy.branches.tolist() if alone[v]]
    if lost:
        raise DataError(
            f"The node {hierarchy.ids[lost[0]]!r} is no label and has no edge but that from the"
            f" root, which cannot be written because a node is called {ROOT!r}.",
            "Rename that node.",
        )
    return False
