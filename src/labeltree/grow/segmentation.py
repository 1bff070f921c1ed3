"""Cutting a tree into pieces of a bounded number of nodes, for models that read labels as tokens.

Li, Kang, De Bie, "Your Next State-of-the-Art Could Come from Another Domain: A Cross-Domain
Analysis of Hierarchical Text Classification" (2024): root-to-leaf paths in depth-first order are
gathered until a piece is full. Ancestors are repeated in every piece that needs them.
"""

from __future__ import annotations

import numpy as np

from labeltree.core.arrays import Ints
from labeltree.core.errors import ParameterError
from labeltree.core.tree import LabelTree


def segments(tree: LabelTree, limit: int) -> list[Ints]:
    """Return the nodes of each piece, ascending; the root is in none, as it needs no token.

    Every leaf is in exactly one piece, and a piece holds all ancestors of its nodes. Pieces are
    filled in depth-first order, so siblings stay together unless a family exceeds the limit.

    Parameters
    ----------
    limit
        Nodes of a piece at most.

    Raises
    ------
    ParameterError
        If a single path is longer than the limit.
    """
    if tree.depth > limit:
        deep = int(tree.level_ptr[tree.depth])
        raise ParameterError(
            f"A piece holds {limit} nodes, but the path to node {deep} alone has {tree.depth}."
        )
    pieces: list[Ints] = []
    path: list[int] = []  # of the leaf before, which the piece holds
    piece: list[int] = []
    for leaf in depth_first_leaves(tree).tolist():
        up = tree.path(leaf)
        shared = _common(path, up)
        if len(piece) + len(up) - shared > limit:
            pieces.append(np.sort(np.array(piece, np.int32)))
            piece, shared = [], 0
        piece += up[shared:]
        path = up
    if piece:
        pieces.append(np.sort(np.array(piece, np.int32)))
    return pieces


def depth_first_leaves(tree: LabelTree) -> Ints:
    """Return the leaves in depth-first order, children in the tree's order."""
    n_leaves = (np.diff(tree.child_ptr) == 0).astype(np.int64)
    is_leaf = n_leaves.astype(bool)
    for t in range(tree.depth, 0, -1):  # leaves below each node, bottom up
        of_level = slice(tree.level_ptr[t], tree.level_ptr[t + 1])
        np.add.at(n_leaves, tree.parent[of_level], n_leaves[of_level])
    before = np.zeros(tree.n_nodes, np.int64)  # leaves that come before the node's first one
    for t in range(1, tree.depth + 1):
        a, b = int(tree.level_ptr[t]), int(tree.level_ptr[t + 1])
        running = np.cumsum(n_leaves[a:b]) - n_leaves[a:b]
        up = tree.parent[a:b]
        first = running[tree.child_ptr[up] - a]
        before[a:b] = before[up] + running - first
    leaves = np.flatnonzero(is_leaf)
    order: Ints = leaves[np.argsort(before[leaves], kind="stable")].astype(np.int32)
    return order[order > 0]


def _common(first: list[int], second: list[int]) -> int:
    """Return how many nodes two paths share from the root."""
    n = 0
    for a, b in zip(first, second, strict=False):
        if a != b:
            break
        n += 1
    return n
