"""Coding trees: hierarchies of a graph's vertices that minimise its structural entropy.

Li, Pan, "Structural Information and Dynamical Complexity of Networks" (IEEE Transactions on
Information Theory 2016); as the input of a network, Zhu et al., "HiTIN: Hierarchy-aware Tree
Isomorphism Network for Hierarchical Text Classification" (ACL 2023), algorithm 1.

    H(T) = - sum over nodes a but the root of  g_a / vol(G) log2(vol(a) / vol(parent of a))

vol(a) is the sum of degrees of the vertices below a, g_a the number of edges that leave them. A
binary tree is built bottom up, merging neighbours; then the nodes that cost least are removed until
no leaf is deeper than wanted. The authors' code does so for two layers, and adds others one by one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labeltree.core.arrays import Doubles, Ints
from labeltree.core.errors import ParameterError
from labeltree.grow.merging import GAINS, Gain, Graph, merged
from labeltree.grow.squeezing import squeezed

METHODS = ("squeeze", "grow")


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


def coding_tree(
    n: int, edges: Ints, height: int, gain: str = "combine", method: str = "squeeze"
) -> CodingTree:
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
    method
        `squeeze`: a binary tree is made as low as wanted, algorithm 1; `grow`: one of two layers
        gets others, as in the authors' code. Up to two layers they are the same.
    """
    if height < 1 or n < 1:
        raise ParameterError(
            f"A coding tree needs vertices and a height of 1 or more, found {n} and {height}."
        )
    for value, known, name in ((gain, tuple(GAINS), "gain"), (method, METHODS, "method")):
        if value not in known:
            raise ParameterError(f"{name} must be one of {', '.join(known)}, found {value!r}.")
    graph, by = Graph.of_edges(n, edges), GAINS[gain]
    if method == "squeeze":
        return _squeezed(graph, height, by)
    tree = _squeezed(graph, min(height, 2), by)
    while tree.height < height:
        tree = _grown(graph, tree, by)
    return tree


def entropy(n: int, edges: Ints, tree: CodingTree) -> float:
    """Return the structural entropy of a graph under a coding tree, in bits."""
    return _entropy(Graph.of_edges(n, edges), tree)


def _entropy(graph: Graph, tree: CodingTree) -> float:
    if not graph.total:
        return 0.0
    found, below = 0.0, np.arange(len(graph.volume), dtype=np.int32)
    volume: Doubles = np.array(graph.volume)
    for layer, up in enumerate(tree.up):
        above = np.bincount(up, volume, minlength=tree.sizes[layer + 1]).astype(np.float64)
        leaving = np.array(graph.of_modules(below.tolist(), tree.sizes[layer]).leaving)
        has = volume > 0
        found -= float((leaving[has] * np.log2(volume[has] / above[up][has])).sum())
        below, volume = up[below], above
    return found / graph.total


# ---- squeezed -----------------------------------------------------------------------------------


def _squeezed(graph: Graph, height: int, gain: Gain) -> CodingTree:
    """Return a binary tree made as low as wanted."""
    tree = merged(graph, gain)
    n = len(graph.volume)
    return _layered(squeezed(tree, n, height), n, height)


def _layered(parent: list[int], n: int, height: int) -> CodingTree:
    """Return the nodes by layer; vertices nearer to the root get copies in between."""
    depth = {len(parent) - 1: 0}
    for v in range(len(parent) - 2, -1, -1):  # parents come later
        if parent[v] >= 0:
            depth[v] = depth[parent[v]] + 1
    layers: list[dict[int, int]] = [{} for _ in range(height + 1)]
    for v in sorted(depth):
        last = 0 if v < n else height - depth[v]
        for layer in range(last, height - depth[v] + 1):
            layers[layer][v] = len(layers[layer])
    up = []
    for layer in range(height):
        above = layers[layer + 1]
        parents = np.empty(len(layers[layer]), np.int32)
        for v, number in layers[layer].items():
            parents[number] = above[v] if v in above else above[parent[v]]
        up.append(parents)
    return CodingTree(tuple(up))


# ---- grown --------------------------------------------------------------------------------------

FEWEST = 3
"""Nodes among which a layer in between can make a difference."""


def _grown(graph: Graph, tree: CodingTree, gain: Gain) -> CodingTree:
    """Return the tree with a layer more: above the vertices or below the root, as saves more.

    Savings are counted for each vertex, and for each child of the root.
    """
    split, before = _split(graph, tree, gain), _entropy(graph, tree)
    saved = (before - _entropy(graph, split)) / tree.sizes[0]
    if tree.sizes[-2] < FEWEST:
        return split
    grouped = _grouped(graph, tree, gain)
    return grouped if (before - _entropy(graph, grouped)) / tree.sizes[-2] > saved else split


def _split(graph: Graph, tree: CodingTree, gain: Gain) -> CodingTree:
    """Split each module of the lowest layer, by the edges inside it."""
    own, n_modules = tree.up[0], tree.sizes[1]
    members = np.split(np.argsort(own, kind="stable"), np.cumsum(np.bincount(own))[:-1])
    part: Ints = np.empty(len(own), np.int32)
    above: list[int] = []
    for module in range(n_modules):
        vertices = members[module].tolist()
        found = np.arange(len(vertices), dtype=np.int32)
        if len(vertices) >= FEWEST:
            found = _squeezed(_inside(graph, vertices), 2, gain).up[0]
        part[vertices] = found + len(above)
        above += [module] * (int(found.max()) + 1)
    return CodingTree((part, np.array(above, np.int32), *tree.up[1:]))


def _inside(graph: Graph, vertices: list[int]) -> Graph:
    """Return some vertices and the edges between them, as if there were no others."""
    number = {v: i for i, v in enumerate(vertices)}
    cuts = [{number[b]: cut for b, cut in graph.cuts[v].items() if b in number} for v in vertices]
    degree = [sum(c.values()) for c in cuts]
    return Graph(degree, [*degree], cuts, sum(degree))


def _grouped(graph: Graph, tree: CodingTree, gain: Gain) -> CodingTree:
    """Put the root's children into groups."""
    tops = graph.of_modules(tree.modules(tree.height - 1).tolist(), tree.sizes[-2])
    return CodingTree((*tree.up[:-1], *_squeezed(tops, 2, gain).up))
