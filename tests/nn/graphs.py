"""Small hierarchies that tests of networks share."""

import numpy as np

from labeltree.core.hierarchy import Hierarchy
from labeltree.nn.graph import LabelGraph

TREE = [("a", "b"), ("a", "c"), ("b", "d"), ("b", "e"), ("f", "g")]
DIAMOND = [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("e", "d"), ("c", "f")]
"""d has three parents, and paths of different length to the root."""
HIERARCHIES = {
    "tree": Hierarchy.from_edges(TREE),
    "diamond": Hierarchy.from_edges(DIAMOND),
    "one branch": Hierarchy.from_edges([("a", "b"), ("b", "c")]),
    "flat": Hierarchy.from_edges([], ["a", "b", "c"]),
    "meta": Hierarchy.from_edges([("m", "a"), ("a", "n"), ("n", "b"), ("m", "c")], ["a", "b", "c"]),
    "one label": Hierarchy.from_edges([], ["only"]),
}


def graph(name, **options):
    return LabelGraph.of(HIERARCHIES[name], **options)


def random_dag(seed, n=12):
    rng = np.random.default_rng(seed)
    edges = [(f"{rng.integers(0, c):02}", f"{c:02}") for c in range(1, n) for _ in range(2)
             if rng.random() < 0.7]  # fmt: skip
    return LabelGraph.of(Hierarchy.from_edges(edges, [f"{c:02}" for c in range(n)]))


def below(g):
    """Return (n_labels, n_labels): whether column B is A or a descendant of A."""
    reach = np.eye(g.n_nodes, dtype=bool)
    for parent, child in g.edges.T[::-1]:
        reach[parent] |= reach[child]
    return reach[np.ix_(g.node_of_label, g.node_of_label)]
