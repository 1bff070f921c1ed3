"""A directed acyclic graph as arrays: longest paths, cycles, parents, closure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labeltree.core.arrays import CSR, Ints, Longs, from_parts, ranges
from labeltree.core.errors import DataError

SHOWN = 20
"""Nodes of a cycle shown at most."""


def longest_paths(n_nodes: int, arcs: Longs, names: Sequence[str]) -> Longs:
    """Return the longest path from any source to each node (Kahn's order, level by level)."""
    waiting = np.bincount(arcs[:, 1], minlength=n_nodes)
    order = np.argsort(arcs[:, 0], kind="stable")
    parent, child = arcs[order, 0], arcs[order, 1]
    ptr = np.searchsorted(parent, np.arange(n_nodes + 1))
    level = np.zeros(n_nodes, np.int64)
    front, depth = np.flatnonzero(waiting == 0), 0
    while len(front):
        level[front] = depth
        below = child[ranges(ptr[front], ptr[front + 1] - ptr[front])]
        np.subtract.at(waiting, below, 1)
        front = np.unique(below[waiting[below] == 0])
        depth += 1
    if (waiting > 0).any():
        loop = [names[v] for v in _find_cycle(np.flatnonzero(waiting > 0), parent, child)]
        if len(loop) > SHOWN:
            loop[SHOWN // 2 : -SHOWN // 2] = [f"... ({len(loop) - SHOWN} more) ..."]
        raise DataError(
            f"The taxonomy has a cycle: {' > '.join(loop)}.",
            "A label cannot be its own ancestor: remove one of these edges.",
        )
    return level


def _find_cycle(stuck: Longs, parent: Longs, child: Longs) -> list[int]:
    """Walk upwards among nodes that never became free until one repeats."""
    inside = np.isin(parent, stuck) & np.isin(child, stuck)
    above = dict(zip(child[inside].tolist(), parent[inside].tolist(), strict=True))
    path: dict[int, None] = {}
    node = int(stuck[0])
    while node not in path:
        path[node] = None
        node = above[node]
    loop = list(path)
    return [*loop[loop.index(node) :], node][::-1]


def parent_csr(arcs: Longs, n_nodes: int) -> tuple[Ints, Ints]:
    """Return (ptr, idx) of the parents of each node; nodes without a parent get the root."""
    sources = np.setdiff1d(np.arange(1, n_nodes), arcs[:, 1])
    arcs = np.vstack([arcs, np.stack([np.zeros_like(sources), sources], axis=1)])
    arcs = arcs[np.lexsort((arcs[:, 0], arcs[:, 1]))]
    ptr = np.searchsorted(arcs[:, 1], np.arange(n_nodes + 1))
    return ptr.astype(np.int32), arcs[:, 0].astype(np.int32)


def closure(ptr: Ints, idx: Ints, level: Ints) -> CSR:
    """Return the strict ancestors, level by level: those of a node are its parents and theirs."""
    n = len(level)
    by_level = np.argsort(level, kind="stable")
    found = np.empty(4 * len(idx), np.int32)
    start, count, used = np.zeros(n, np.int64), np.zeros(n, np.int64), 0
    for nodes in np.split(by_level, np.flatnonzero(np.diff(level[by_level])) + 1)[1:]:
        n_parents = ptr[nodes + 1] - ptr[nodes]
        parents = idx[ranges(ptr[nodes], n_parents)]
        below = np.repeat(nodes, n_parents)
        above = found[ranges(start[parents], count[parents])]
        keys = np.concatenate([below * n + parents, np.repeat(below, count[parents]) * n + above])
        below, above = np.divmod(np.unique(keys), n)
        if used + len(above) > len(found):  # doubling: a deep chain is quadratic by nature
            found = np.concatenate([found[:used], np.empty(used + 2 * len(above), np.int32)])
        found[used : used + len(above)] = above
        count[nodes] = np.searchsorted(below, nodes, "right") - np.searchsorted(below, nodes)
        start[nodes] = used + np.searchsorted(below, nodes)
        used += len(above)
    ones = np.ones(used, np.float32)
    indptr = np.concatenate(([0], np.cumsum(count)))
    return from_parts(ones, found[ranges(start, count)], indptr, (n, n))
