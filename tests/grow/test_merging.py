"""Merging, against a plain search for the best pair, and its books against counting again."""

import numpy as np
import pytest

from labeltree.grow.merging import GAINS, Graph, merged


def random_edges(rng, n):
    """Return a forest with wide nodes, or a graph, by chance."""
    if rng.random() < 0.5:
        parent = (rng.integers(0, n, n) * rng.random(n) ** 3).astype(int)
        return np.array([(p, v) for v, p in enumerate(parent) if p < v], np.int32).reshape(-1, 2).T
    return rng.integers(0, n, (2, int(rng.integers(0, 3 * n)))).astype(np.int32)


def plainly(graph, gain):
    """Merge the best pair of all, until none are neighbours; return pairs in their order."""
    volume, leaving = dict(enumerate(graph.volume)), dict(enumerate(graph.leaving))
    cuts = {a: dict(c) for a, c in enumerate(graph.cuts)}
    pairs = []
    while any(cuts.values()):
        _, a, b = min(
            (-gain(graph.total, (volume[a], leaving[a]), (volume[b], leaving[b]), cut), a, b)
            for a in cuts for b, cut in cuts[a].items() if a < b
        )  # fmt: skip
        new = len(graph.volume) + len(pairs)
        pairs.append([a, b])
        volume[new] = volume[a] + volume[b]
        leaving[new] = leaving[a] + leaving[b] - 2 * cuts[a][b]
        one, other = cuts.pop(a), cuts.pop(b)
        cuts[new] = {}
        for v in {*one, *other} - {a, b}:
            cuts[new][v] = cuts[v][new] = one.get(v, 0.0) + other.get(v, 0.0)
            cuts[v].pop(a, None)
            cuts[v].pop(b, None)
    return pairs


@pytest.mark.parametrize("gain", GAINS)
@pytest.mark.parametrize("seed", range(40))
def test_the_best_pair_goes_first(seed, gain):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 25))
    edges = random_edges(rng, n)
    graph = Graph.of_edges(n, edges)
    tree = merged(graph, GAINS[gain])
    pairs = plainly(graph, GAINS[gain])
    assert [sorted(c) for c in tree.children[n : n + len(pairs)]] == pairs
    assert len(tree.parent) - n - len(pairs) <= 1  # a root, where there are several components


@pytest.mark.parametrize("seed", range(20))
def test_volumes_and_edges_are_those_of_the_vertices_below(seed):
    rng = np.random.default_rng(seed)
    edges = random_edges(rng, 20)
    graph = Graph.of_edges(20, edges)
    tree = merged(graph, GAINS["combine"])
    below = [{v} for v in range(20)]
    for node in range(20, len(tree.parent)):
        below.append(set().union(*(below[c] for c in tree.children[node])))
    for node, vertices in enumerate(below):
        assert tree.volume[node] == sum(graph.volume[v] for v in vertices)
        away = sum(w for v in vertices for u, w in graph.cuts[v].items() if u not in vertices)
        assert tree.leaving[node] == away


def test_modules_of_a_graph():
    edges = np.array([[0, 1, 2, 3, 0], [1, 2, 3, 0, 2]], np.int32)
    graph = Graph.of_edges(4, edges).of_modules([0, 0, 1, 1], 2)
    assert graph.volume == [5, 5]
    assert graph.leaving == [3, 3]
    assert graph.cuts == [{1: 3}, {0: 3}]
    assert graph.total == 10
