"""Checks of the taxonomy: cycles, edges too many, chains, label sets that are not closed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from labeltree.core.hierarchy import Hierarchy
from labeltree.run.checks.material import N_EXAMPLES, Finding, Material, counted

MOSTLY = 0.5
"""From this share of closed label sets on, the others look like an accident."""


def cycles(material: Material) -> Iterator[Finding]:
    """Labels that are their own ancestors, one cycle for each knot of them."""
    number: dict[str, int] = {}
    arcs = np.array(
        [[number.setdefault(name, len(number)) for name in edge] for edge in material.edges],
        np.int64,
    ).reshape(-1, 2)
    n = len(number)
    graph = csr_array((np.ones(len(arcs), np.int8), (arcs[:, 0], arcs[:, 1])), shape=(n, n))
    _, knot = connected_components(graph, connection="strong")
    sizes = np.bincount(knot, minlength=1)
    loops = knot[arcs[arcs[:, 0] == arcs[:, 1], 0]]
    tied = np.union1d(np.flatnonzero(sizes > 1), loops)
    if not len(tied):
        return
    names = list(number)
    inside = arcs[(knot[arcs[:, 0]] == knot[arcs[:, 1]]) & np.isin(knot[arcs[:, 0]], tied)]
    shown = [_loop(inside[knot[inside[:, 0]] == k], names) for k in tied[:N_EXAMPLES]]
    yield Finding(
        "error", "cycles",
        f"taxonomy: {counted(len(tied), 'cycle')} (labels that are their own ancestors).",
        len(tied), tuple(shown),
        "The data cannot be used with it: remove one edge of each cycle.",
    )  # fmt: skip


def _loop(arcs: np.ndarray[tuple[int, int], np.dtype[np.int64]], names: list[str]) -> str:
    import networkx as nx

    path = nx.find_cycle(nx.DiGraph(arcs.tolist()))
    return " > ".join(names[v] for v in [path[0][0], *(edge[1] for edge in path)])


def redundant_edges(material: Material) -> Iterator[Finding]:
    """Edges a > c where a > ... > c is there too."""
    h = material.hierarchy
    if h is None:
        return
    parents = _parents(h)
    through = csr_array(parents @ h.ancestors)
    through.data[:] = 1
    child, parent = parents.multiply(through).nonzero()
    child, parent = child[parent > 0], parent[parent > 0]
    if len(child):
        shown = [f"{h.ids[p]} > {h.ids[c]}" for p, c in zip(parent[:3], child[:3], strict=True)]
        yield Finding(
            "note", "redundant_edges",
            f"taxonomy: {counted(len(child), 'edge skips', 'edges skip')} a level that another"
            " path takes.",
            len(child), tuple(shown),
            "Remove them: they add paths to the tree, no ancestors.",
        )  # fmt: skip


def chains(material: Material) -> Iterator[Finding]:
    """Nodes with a single child."""
    h = material.hierarchy
    if h is None:
        return
    ptr, idx = h.children
    at = np.flatnonzero(np.diff(ptr[1:]) == 1) + 1
    if len(at):
        shown = [f"{h.ids[v]} > {h.ids[idx[ptr[v]]]}" for v in at[:N_EXAMPLES].tolist()]
        yield Finding(
            "note", "single_children",
            f"taxonomy: {counted(len(at), 'node has', 'nodes have')} a single child.",
            len(at), tuple(shown),
            "There is nothing to choose there: join the two, or leave it if more will come.",
        )  # fmt: skip


def unclosed(material: Material) -> Iterator[Finding]:
    """Label sets without all ancestors where most others have them."""
    h = material.hierarchy
    if h is None:
        return
    above = np.diff(h.label_ancestors.indptr) > 0
    for part in material.parts:
        Y = csr_array(part.data.Y[:, : h.n_labels])
        missing = np.diff(h.close(Y).indptr) - np.diff(Y.indptr)
        concerned = csr_array(Y[:, : len(above)]) @ above.astype(np.float32) > 0
        at = np.flatnonzero(missing)
        share = 1 - len(at) / max(1, int(concerned.sum()))
        if len(at) and share >= MOSTLY:
            shown = tuple(_lacking(material, h, Y, int(i), part.name) for i in at[:N_EXAMPLES])
            yield Finding(
                "warning", "unclosed_sets",
                f"{part.name}: {counted(len(at), 'label set lacks', 'label sets lack')} ancestors,"
                f" where {share:.0%} have them all.",
                len(at), shown,
                "Close them with --close-labels, or remove the ancestors everywhere.",
            )  # fmt: skip


def _lacking(material: Material, h: Hierarchy, Y: csr_array, row: int, part: str) -> str:
    own = csr_array(Y[[row]])
    lacking = np.setdiff1d(h.close(own).indices, own.indices)
    return f"{part} {row + 1} lacks {', '.join(material.names(lacking))}"


def _parents(h: Hierarchy) -> csr_array:
    """Return the parents of each node as a matrix (n_nodes, n_nodes)."""
    ones = np.ones(len(h.parent_idx), np.float32)
    return csr_array((ones, h.parent_idx, h.parent_ptr), shape=(h.n_nodes, h.n_nodes))
