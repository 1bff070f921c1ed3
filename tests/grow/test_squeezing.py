"""Squeezing, against a plain search for the node that costs least."""

from math import log2

import numpy as np
import pytest

from labeltree.grow.merging import GAINS, Graph, merged
from labeltree.grow.squeezing import squeezed


def plainly(tree, n, height):
    """Remove the cheapest node above a vertex that is too deep, until there is none."""
    parent = [*tree.parent]

    def children(v):
        return [c for c, p in enumerate(parent) if p == v]

    def depth(v):
        return 0 if v == tree.root else 1 + depth(parent[v])

    def deepest(v):
        return max(map(deepest, children(v)), default=depth(v))

    def price(v):
        within = sum(tree.leaving[c] for c in children(v)) - tree.leaving[v]
        own, above = tree.volume[v], tree.volume[parent[v]]
        return within / tree.total * log2(above / own) if own else 0.0

    while deepest(tree.root) > height:
        inner = [v for v in range(n, tree.root) if parent[v] >= 0 and deepest(v) > height]
        a = min(inner, key=lambda v: (price(v), v))
        for c in children(a):
            parent[c] = parent[a]
        parent[a] = -1
    return parent


@pytest.mark.parametrize("height", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", range(25))
def test_the_cheapest_node_goes_first(seed, height):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 25))
    graph = Graph.of_edges(n, rng.integers(0, n, (2, 2 * n)).astype(np.int32))
    tree = merged(graph, GAINS["combine"])
    assert squeezed(tree, n, height) == plainly(tree, n, height)
