"""Graphs merged bottom up: neighbours become one node, the best pair first, down to a root.

The first phase of building a `coding_tree`, O(E log^2 E). What one node hangs on another by, and
on no other, is kept by kind: neighbours that weigh the same are alike, and only the first of them
is offered, so that a star of n vertices does not cost n^2.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import log2

import numpy as np

from labeltree.core.arrays import Ints

Cuts = list[dict[int, float]]
"""For each vertex its neighbours and the edges between them."""
Weight = tuple[float, float]
"""Volume of a node, and the edges that leave it."""


@dataclass(frozen=True, eq=False)
class Graph:
    """Vertices, or modules of vertices, and the edges between them."""

    volume: list[float]
    """Sum of degrees, ends of inner edges included, (n,)."""
    leaving: list[float]
    """Edges that leave, inner ones excluded, (n,)."""
    cuts: Cuts
    total: float
    """Volume of the whole graph."""

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

    def of_modules(self, module: list[int], n_modules: int) -> Graph:
        """Return the graph of modules; `module` is that of each vertex, (n,)."""
        volume, leaving = [0.0] * n_modules, [0.0] * n_modules
        cuts: Cuts = [{} for _ in range(n_modules)]
        for a, neighbours in enumerate(self.cuts):
            own = module[a]
            volume[own] += self.volume[a]
            for b, weight in neighbours.items():
                other = module[b]
                if other != own:
                    leaving[own] += weight
                    cuts[own][other] = cuts[own].get(other, 0.0) + weight
        return Graph(volume, leaving, cuts, self.total)


def merge_gain(total: float, a: Weight, b: Weight, cut: float) -> float:
    """Return what a new node above both saves, both staying what they are."""
    return 2 * cut / total * log2(total / (a[0] + b[0]))


def combine_gain(total: float, a: Weight, b: Weight, cut: float) -> float:
    """Return what one module instead of two saves."""
    both = a[0] + b[0]
    lost = sum((volume - leaving) * log2(both / volume) for volume, leaving in (a, b))
    return (2 * cut * log2(total / both) - lost) / total


Gain = Callable[[float, Weight, Weight, float], float]
GAINS: dict[str, Gain] = {"combine": combine_gain, "merge": merge_gain}


@dataclass(eq=False)
class MergeTree:
    """Nodes 0 to n - 1 are the vertices, later ones their merges, the last one is the root."""

    parent: list[int]
    children: list[list[int]]
    volume: list[float]
    leaving: list[float]
    total: float

    @property
    def root(self) -> int:
        """The last node."""
        return len(self.parent) - 1

    def add(self, children: Iterable[int], leaving: float) -> int:
        """Add a node above others."""
        node, own = len(self.parent), list(children)
        self.parent.append(-1)
        self.children.append(own)
        self.volume.append(sum(self.volume[c] for c in own))
        self.leaving.append(leaving)
        for c in own:
            self.parent[c] = node
        return node


def merged(graph: Graph, gain: Gain) -> MergeTree:
    """Merge neighbours until none are left; a root holds what remains."""
    n = len(graph.volume)
    tree = MergeTree(
        [-1] * n, [[] for _ in range(n)], [*graph.volume], [*graph.leaving], graph.total
    )
    _Merging(tree, gain, [dict(c) for c in graph.cuts]).run()
    tops = [v for v in range(len(tree.parent)) if tree.parent[v] < 0]
    if len(tops) > 1 or n == 1:
        tree.add(tops, 0.0)
    return tree


@dataclass(eq=False)
class _Merging:
    """What is still apart."""

    tree: MergeTree
    gain: Gain
    cuts: Cuts
    """Neighbours of each vertex, but for those that hang on it."""
    node: list[int] = field(init=False)
    """The node that a vertex stands for; -1 once another does."""
    hanging: list[dict[tuple[float, float], list[tuple[int, int]]]] = field(init=False)
    """(node, vertex) of what has no other neighbour than this one: a heap for each kind, the kind
    being volume and edges. May hold vertices that are merged already."""
    heap: list[tuple[float, int, int, int, int]] = field(default_factory=list)
    """Pairs: loss, their nodes in order, their vertices."""

    def __post_init__(self) -> None:
        n = len(self.cuts)
        self.node, self.hanging = list(range(n)), [{} for _ in range(n)]

    def run(self) -> None:
        """Merge the best pair, until there are no neighbours."""
        for v in range(len(self.cuts)):
            self._hang(v)
        for v in range(len(self.cuts)):
            self._offer_all(v)
        while self.heap:
            _, first, second, a, b = heapq.heappop(self.heap)
            if sorted((self.node[a], self.node[b])) == [first, second]:
                self._merge(a, b)  # else one of them has been merged since

    def _merge(self, a: int, b: int) -> None:
        """Let a stand for both: what b hangs on, or has more neighbours."""
        if a not in self.cuts[b] or (b in self.cuts[a] and self._size(a) < self._size(b)):
            a, b = b, a
        cut = self.cuts[b].pop(a)
        self.cuts[a].pop(b, None)
        one, other = self.node[a], self.node[b]
        leaving = self.tree.leaving[one] + self.tree.leaving[other] - 2 * cut
        self.node[a], self.node[b] = self.tree.add((one, other), leaving), -1
        self._take(a, b)
        self._hang(a)
        self._offer_all(a)

    def _take(self, a: int, b: int) -> None:
        """Move the neighbours of b to a."""
        for (_, cut), group in self.hanging[b].items():
            for _, v in group:
                if self.node[v] >= 0:
                    self.cuts[v] = {a: cut}
                    self._hang_on(v, a)
        for v, cut in self.cuts[b].items():
            del self.cuts[v][b]
            self.cuts[a][v] = self.cuts[v][a] = self.cuts[a].get(v, 0.0) + cut
        for v in self.cuts[b]:
            self._hang(v)
        self.cuts[b], self.hanging[b] = {}, {}

    def _hang(self, v: int) -> None:
        """Let a vertex hang on its neighbour if it has one only, unless these two are all."""
        if len(self.cuts[v]) == 1 and not self.hanging[v]:
            (on,) = self.cuts[v]
            if len(self.cuts[on]) > 1 or self.hanging[on]:
                self.cuts[on].pop(v, None)
                self._hang_on(v, on)

    def _hang_on(self, v: int, on: int) -> None:
        kind = self.tree.volume[self.node[v]], self.cuts[v][on]
        heapq.heappush(self.hanging[on].setdefault(kind, []), (self.node[v], v))

    def _offer_all(self, a: int) -> None:
        """Offer a vertex with each neighbour, and with the first of each kind that hangs on it."""
        for b, cut in self.cuts[a].items():
            self._offer(a, b, cut)
        for kind, group in [*self.hanging[a].items()]:
            while group and self.node[group[0][1]] != group[0][0]:
                heapq.heappop(group)
            if group:
                self._offer(a, group[0][1], kind[1])
            else:
                del self.hanging[a][kind]

    def _offer(self, a: int, b: int, cut: float) -> None:
        first, second = sorted((self.node[a], self.node[b]))
        loss = -self.gain(self.tree.total, self._weight(a), self._weight(b), cut)
        heapq.heappush(self.heap, (loss, first, second, a, b))

    def _weight(self, a: int) -> Weight:
        node = self.node[a]
        return self.tree.volume[node], self.tree.leaving[node]

    def _size(self, a: int) -> int:
        return len(self.cuts[a]) + sum(map(len, self.hanging[a].values()))
