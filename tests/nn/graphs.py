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


SIZES = 18, 54, 12, 17, 10, 10, 20
"""Labels of the branches of WOS."""


def wos():
    """Return a hierarchy of the shape of WOS: 7 branches of two levels, 141 labels."""
    edges = [(f"b{i}", f"b{i}.{j}") for i, n in enumerate(SIZES) for j in range(1, n)]
    return LabelGraph.of(Hierarchy.from_edges(edges))


RCV1 = (
    "i000021000400003000000030000100100a0102003000200300010300000n90000000000000000000000000000"
    "0004002003000"
)
NYT = (
    "31f00000000000000001110a3101010100002001103000226000000702000040000400002060000200000d5100"
    "0000001106000000010512000101010107000005000000221001060009000000000001300200"
)
"""How many labels are right below each (a to z: 10 to 35), of the public taxonomies by name."""


def taxonomy(counts):
    """Return vertices and edges of a forest, given the children of each in depth-first order."""
    edges, waiting = [], []
    for v, count in enumerate(int(c, 36) for c in counts):
        if waiting:
            edges.append((waiting.pop(), v))
        waiting += [v] * count
    return len(counts), np.array(edges, np.int32).T


def public(counts):
    """Return a public taxonomy."""
    n, edges = taxonomy(counts)
    names = [f"{v:03}" for v in range(n)]
    return LabelGraph.of(Hierarchy.from_edges([(names[a], names[b]) for a, b in edges.T], names))


def grown(n_labels=5000, leaf=50):
    """Return labels below meta-labels, as grown trees have them: binary down to small leaves."""
    edges, todo = [], [("m", 0, n_labels)]
    while todo:
        name, low, high = todo.pop()
        if high - low <= leaf:
            edges += [(name, f"{label:05}") for label in range(low, high)]
            continue
        middle = (low + high) // 2
        for part in ((f"{name}0", low, middle), (f"{name}1", middle, high)):
            if name != "m":  # the root is no node
                edges.append((name, part[0]))
            todo.append(part)
    return LabelGraph.of(Hierarchy.from_edges(edges, [f"{label:05}" for label in range(n_labels)]))


def texts(n=4, width=12, n_tokens=5, seed=0):
    """Return what an encoder might make of some texts."""
    import torch

    from labeltree.nn.fusion import TextFeatures

    numbers = torch.Generator().manual_seed(seed)
    mask = torch.ones(n, n_tokens, dtype=torch.bool)
    mask[0, 3:] = False
    tokens = torch.randn(n, n_tokens, width, generator=numbers)
    return TextFeatures(torch.randn(n, width, generator=numbers), tokens, mask)


def label_sets(g, n=4, seed=0, share=0.3):
    """Return random label sets with all ancestors, (n, n_labels) of 0 and 1."""
    import torch

    drawn = np.random.default_rng(seed).random((n, g.n_labels)) < share
    reach = below(g)
    return torch.from_numpy(((drawn @ reach.T) > 0).astype("float32"))


def n_weights(module):
    """Return how many numbers are learned."""
    return sum(p.numel() for p in module.parameters())
