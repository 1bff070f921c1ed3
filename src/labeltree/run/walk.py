"""One document's way down a linear tree, kept level by level so that it can be told afterwards."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from labeltree.core.arrays import CSR, Doubles, Floats, Longs, for_kernel
from labeltree.core.errors import DataError
from labeltree.core.params import snake
from labeltree.core.pool import scratch
from labeltree.kernels.beam import level_margins
from labeltree.kernels.found import Pairs
from labeltree.kernels.sparse import Rows
from labeltree.kernels.transform import certainty, log_transform
from labeltree.linear.tree import LinearTree


class Searched(NamedTuple):
    """A tree and how its model searches it."""

    linear: LinearTree
    beam: int
    exact: bool


def trees_of(model: Any) -> list[Searched]:
    """Return the trees of a fitted model, or of the members of an ensemble.

    Raises
    ------
    DataError
        If there are none.
    """
    found = _searched(model)
    if not found:
        raise DataError(
            f"This {snake(type(model).__name__)} model cannot be explained.",
            "Linear trees can (parabel, bonsai, one_vs_rest and their kin), in an ensemble too;"
            " outside of one also forests over documents, label embeddings, mach, bloom, sleec and"
            " annexml.",
        )
    return found


def _searched(model: Any) -> list[Searched]:
    if hasattr(model, "members_"):
        return [tree for member in model.members_ for tree in _searched(member)]
    trees = getattr(model, "trees_", ())
    exact = getattr(model, "search", "beam") == "exact"
    return [Searched(t, model.beam, exact) for t in trees if isinstance(t, LinearTree)]


class Level(NamedTuple):
    """The inner nodes of one level that the document met, best first."""

    nodes: Longs
    """(n_met,)"""
    log_scores: Doubles
    """Log of the product of the conditional scores on the path, (n_met,)."""
    n_kept: int
    """The first so many were followed further."""

    @classmethod
    def empty(cls) -> Level:
        """Return a level that the document did not reach."""
        return cls(np.zeros(0, np.int64), np.zeros(0), 0)


class Opened(NamedTuple):
    """What a document sees at a node: its children, as the search scores them."""

    first: int
    """Node of the first child."""
    margins: Floats
    """(n_children,)"""
    log_scores: Doubles
    """Logs of the conditional scores, (n_children,); -inf for a child that is never right."""


def open_node(linear: LinearTree, x: CSR, node: int) -> Opened:
    """Return the children of a node as the document x (1, n_features) meets them."""
    pairs = Pairs(
        np.zeros(1, np.int32), np.array([node], np.int32), np.zeros(1), np.zeros(1, np.float32)
    )
    table = scratch("table", linear.n_features, np.int32)
    _, margins = level_margins(Rows(*for_kernel(x)), linear.arrays, pairs, table)
    transform = int(linear.transform[node])
    logs = [log_transform(margin, transform) for margin in margins.tolist()]
    return Opened(int(linear.tree.child_ptr[node]), margins, np.array(logs))


def walk(linear: LinearTree, x: CSR, beam: int) -> list[Level]:
    """Follow the document x (1, n_features) as `kernels.beam.beam_search` does.

    Returns
    -------
    Levels 1, 2, ... of the tree, as far as the document gets.
    """
    inner = np.diff(linear.tree.child_ptr) > 0
    front, scores, sure = np.zeros(1, np.int64), np.zeros(1), np.zeros(1, np.float32)
    levels = []
    while len(front):
        met = [_below(linear, x, int(v), s, c) for v, s, c in zip(front, scores, sure, strict=True)]
        nodes, scores, sure = (np.concatenate(part) for part in zip(*met, strict=True))
        at = np.flatnonzero(inner[nodes] & (scores > -np.inf))
        at = at[np.lexsort((nodes[at], -sure[at], -scores[at]))]
        kept = at[:beam]
        levels.append(Level(nodes[at], scores[at], len(kept)))
        front, scores, sure = nodes[kept], scores[kept], sure[kept]
    return levels[:-1]


def _below(
    linear: LinearTree, x: CSR, node: int, score: float, sure: np.float32
) -> tuple[Longs, Doubles, Floats]:
    """Return the children of a node with the scores and certainties of their paths."""
    opened = open_node(linear, x, node)
    nodes = opened.first + np.arange(len(opened.margins))
    sures = [np.float32(float(sure) + certainty(margin)) for margin in opened.margins.tolist()]
    return nodes, score + opened.log_scores, np.array(sures, np.float32)
