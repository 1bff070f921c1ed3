"""Coding trees: hierarchies of a graph's vertices that minimise its structural entropy.

Li, Pan, "Structural Information and Dynamical Complexity of Networks" (IEEE Transactions on
Information Theory 2016); as the input of a network, Zhu et al., "HiTIN: Hierarchy-aware Tree
Isomorphism Network for Hierarchical Text Classification" (ACL 2023), algorithm 1.

    H(T) = - sum over nodes a but the root of  g_a / vol(G) log2(vol(a) / vol(parent of a))

vol(a) is the sum of degrees of the vertices below a, g_a the number of edges that leave them. A
binary tree is built bottom up, merging neighbours; then the nodes that cost least are removed until
no leaf is deeper than wanted.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import log2

import numpy as np

from labeltree.core.arrays import Doubles, Ints
from labeltree.core.errors import ParameterError
from labeltree.grow.depths import Depths

GONE = -2
"""The parent of a node that was removed."""
Cuts = list[dict[int, float]]
"""For each vertex its neighbours and the edges between them."""


@dataclass(frozen=True, eq=False)
class CodingTree:
    """Layers 0 (the vertices) to the height (the root); every leaf is equally deep."""

    up: tuple[Ints, ...]
    """For each layer but the last, the number of each node's parent in the next, (n_i,)."""

    @property
    def height(self) -> int:
        """Layers above the vertices."""
        return len(self.up)

    @property
    def sizes(self) -> list[int]:
        """Nodes of each layer, the vertices' first."""
        return [*(len(up) for up in self.up), 1]

    def modules(self, layer: int) -> Ints:
        """Return the node of a layer that each vertex is below, (n_vertices,)."""
        found = np.arange(len(self.up[0]), dtype=np.int32)
        for up in self.up[:layer]:
            found = up[found]
        return found


@dataclass(frozen=True, eq=False)
class Graph:
    """Vertices, or modules of vertices, and the edges between them."""

    volume: list[float]
    """Sum of degrees, ends of inner edges included, (n,)."""
    leaving: list[float]
    """Edges that leave, inner ones excluded, (n,)."""
    cuts: Cuts
    total: float
    """Volume of the whole graph, which these may be a part of."""

    @classmethod
    def of_edges(cls, n: int, edges: Ints) -> Graph:
        """Return the undirected graph of edges (2, n_edges); loops and repetitions are dropped."""
        low, high = np.sort(edges, axis=0)
        pairs = np.unique(np.stack([low, high])[:, low != high], axis=1).T.tolist()
        cuts: Cuts = [{} for _ in range(n)]
        for a, b in pairs:
            cuts[a][b] = cuts[b][a] = 1.0
        degree = [float(len(c)) for c in cuts]
        return cls(degree, [*degree], cuts, 2.0 * len(pairs))


def coding_tree(n: int, edges: Ints, height: int, gain: str = "combine") -> CodingTree:
    """Return a coding tree of a graph.

    Parameters
    ----------
    n
        Vertices.
    edges
        (2, n_edges), undirected.
    height
        Layers above the vertices, 1 or more; 1 is the root alone.
    gain
        What neighbours are merged by: `combine`, as the authors' code does, takes both as
        dissolved into one module; `merge` keeps them as parts of it.
    """
    if height < 1 or n < 1:
        raise ParameterError(
            f"A coding tree needs vertices and a height of 1 or more, found {n} and {height}."
        )
    if gain not in GAINS:
        raise ParameterError(f"gain must be one of {', '.join(GAINS)}, found {gain!r}.")
    graph = Graph.of_edges(n, edges)
    tree = _binary(graph, GAINS[gain])
    _squeeze(tree, n, height)
    return _layered(tree, n, height)


def entropy(n: int, edges: Ints, tree: CodingTree) -> float:
    """Return the structural entropy of a graph under a coding tree, in bits."""
    graph = Graph.of_edges(n, edges)
    if not graph.total:
        return 0.0
    found, below = 0.0, np.arange(n, dtype=np.int32)
    volume: Doubles = np.array(graph.volume)
    for layer, up in enumerate(tree.up):
        above = np.bincount(up, volume, minlength=tree.sizes[layer + 1]).astype(np.float64)
        leaving = _leaving(graph, below, tree.sizes[layer])
        has = volume > 0
        found -= float((leaving[has] * np.log2(volume[has] / above[up][has])).sum())
        below, volume = up[below], above
    return found / graph.total


def _leaving(graph: Graph, module: Ints, n_modules: int) -> Doubles:
    """Return the edges that leave each module."""
    leaving = np.zeros(n_modules)
    for a, neighbours in enumerate(graph.cuts):
        for b, weight in neighbours.items():
            if module[a] != module[b]:
                leaving[module[a]] += weight
    return leaving


# ---- merging ------------------------------------------------------------------------------------


def _merge_gain(graph: Graph, a: tuple[float, float], b: tuple[float, float], cut: float) -> float:
    """Return what a new node above both saves, both staying what they are."""
    return 2 * cut / graph.total * log2(graph.total / (a[0] + b[0]))


def _combine_gain(
    graph: Graph, a: tuple[float, float], b: tuple[float, float], cut: float
) -> float:
    """Return what one module instead of two saves."""
    both = a[0] + b[0]
    lost = sum((volume - leaving) * log2(both / volume) for volume, leaving in (a, b))
    return (2 * cut * log2(graph.total / both) - lost) / graph.total


GAINS: dict[str, Callable[[Graph, tuple[float, float], tuple[float, float], float], float]] = {
    "combine": _combine_gain,
    "merge": _merge_gain,
}


@dataclass(eq=False)
class _Tree:
    """A tree under construction: nodes 0 to n - 1 are the vertices, the last one is the root."""

    parent: list[int]
    children: list[list[int]]
    volume: list[float]
    leaving: list[float]
    total: float

    @property
    def root(self) -> int:
        return len(self.parent) - 1

    def add(self, children: Iterable[int], leaving: float) -> int:
        node = len(self.parent)
        own = list(children)
        self.parent.append(-1)
        self.children.append(own)
        self.volume.append(sum(self.volume[c] for c in own))
        self.leaving.append(leaving)
        for c in own:
            self.parent[c] = node
        return node


def _binary(graph: Graph, gain: Callable[..., float]) -> _Tree:
    """Merge neighbours, the best pair first, until none are left; a root holds what remains.

    A merged node keeps the neighbours' table of the part with more of them, so that each edge moves
    log n times at most.
    """
    n = len(graph.volume)
    tree = _Tree([-1] * n, [[] for _ in range(n)], [*graph.volume], [*graph.leaving], graph.total)
    cuts, node = [dict(c) for c in graph.cuts], list(range(n))
    heap: list[tuple[float, int, int, int, int]] = []

    def offer(a: int, b: int) -> None:
        first, second = sorted((node[a], node[b]))
        parts = ((tree.volume[v], tree.leaving[v]) for v in (node[a], node[b]))
        heapq.heappush(heap, (-gain(graph, *parts, cuts[a][b]), first, second, a, b))

    for a in range(n):
        for b in cuts[a]:
            if a < b:
                offer(a, b)
    while heap:
        _, first, second, a, b = heapq.heappop(heap)
        if sorted((node[a], node[b])) != [first, second]:
            continue  # one of them has been merged since
        if len(cuts[a]) < len(cuts[b]):
            a, b = b, a
        leaving = tree.leaving[node[a]] + tree.leaving[node[b]] - 2 * cuts[a][b]
        node[a] = tree.add((node[a], node[b]), leaving)
        node[b] = -1
        _take_neighbours(cuts, a, b)
        for other in cuts[a]:
            offer(a, other)
    tops = [v for v in range(len(tree.parent)) if tree.parent[v] < 0]
    if len(tops) > 1 or n == 1:
        tree.add(tops, 0.0)
    return tree


def _take_neighbours(cuts: Cuts, a: int, b: int) -> None:
    """Move the neighbours of b to a."""
    del cuts[a][b], cuts[b][a]
    for other, weight in cuts[b].items():
        del cuts[other][b]
        cuts[a][other] = cuts[other][a] = cuts[a].get(other, 0.0) + weight
    cuts[b] = {}


# ---- removing -----------------------------------------------------------------------------------


def _squeeze(tree: _Tree, n: int, height: int) -> None:
    """Remove the inner nodes that cost least until no vertex is deeper than `height`."""
    depths = Depths(tree.parent, tree.children, tree.root)
    inner = {v: sum(tree.leaving[c] for c in tree.children[v]) for v in range(n, tree.root)}
    heap = [_offer(tree, v, within) for v, within in inner.items()]
    heapq.heapify(heap)
    while heap and depths.deepest() > height:
        _, a, parent, within = heapq.heappop(heap)
        if tree.parent[a] != parent or inner[a] != within:
            continue  # an offer of before
        if depths.deepest(a) <= height:
            continue  # and never deeper again
        depths.lift(a)
        _dissolve(tree, a, parent)
        if parent != tree.root:
            inner[parent] += within - tree.leaving[a]
            heapq.heappush(heap, _offer(tree, parent, inner[parent]))
        for c in tree.children[a]:
            if c >= n and tree.parent[c] == parent:
                heapq.heappush(heap, _offer(tree, c, inner[c]))


def _offer(tree: _Tree, a: int, within: float) -> tuple[float, int, int, float]:
    """Return by how much entropy rises without node a, and what that was computed from.

    `within` is what leaves its children.
    """
    parent, own, rise = tree.parent[a], tree.volume[a], 0.0
    if own:
        above = tree.volume[parent]
        rise = (within - tree.leaving[a]) / tree.total * log2(above / own)
    return rise, a, parent, within


def _dissolve(tree: _Tree, a: int, parent: int) -> None:
    """Hang the children of a below its parent."""
    for c in tree.children[a]:
        if tree.parent[c] == a:
            tree.parent[c] = parent
    tree.children[parent].extend(tree.children[a])
    tree.parent[a] = GONE


def _layered(tree: _Tree, n: int, height: int) -> CodingTree:
    """Return the nodes by layer; vertices nearer to the root get copies in between."""
    depth, order = {tree.root: 0}, [tree.root]
    for v in order:
        for c in tree.children[v]:
            if tree.parent[c] == v:
                depth[c] = depth[v] + 1
                order.append(c)
    layers: list[dict[int, int]] = [{} for _ in range(height + 1)]
    for v in sorted(order):
        last = 0 if v < n else height - depth[v]
        for layer in range(last, height - depth[v] + 1):
            layers[layer][v] = len(layers[layer]) if v >= n or layer else v
    up = []
    for layer in range(height):
        above = layers[layer + 1]
        parents = np.empty(len(layers[layer]), np.int32)
        for v, number in layers[layer].items():
            parents[number] = above[v] if v in above else above[tree.parent[v]]
        up.append(parents)
    return CodingTree(tuple(up))
