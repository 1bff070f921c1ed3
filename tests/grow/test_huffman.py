import heapq
from math import log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeltree.core.arrays import as_csr
from labeltree.core.labels import Labels
from labeltree.core.pool import ThreadPool
from labeltree.grow import Huffman


def build(counts, branching=2):
    Y = np.zeros((max(1, *counts), len(counts)))
    for label, n in enumerate(counts):
        Y[:n, label] = 1
    Y = as_csr(Y, "Y")
    labels = Labels.numbered(len(counts))
    return Huffman(branching=branching).build(Y, Y, labels, seed=0, pool=ThreadPool(1))


def cost(tree, counts):
    """Nodes visited by all positives together."""
    at = np.flatnonzero(tree.label >= 0)
    return int((tree.level[at] * np.array(counts)[tree.label[at]]).sum())


def best_cost(counts, branching):
    """Huffman's algorithm with a heap; empty labels fill the first merge up."""
    heap = [*counts]
    while (len(heap) - 1) % (branching - 1):
        heap.append(0)
    heapq.heapify(heap)
    total = 0
    while len(heap) > 1:
        merged = sum(heapq.heappop(heap) for _ in range(branching))
        total += merged
        heapq.heappush(heap, merged)
    return total


@settings(deadline=None)  # the first example compiles
@given(
    counts=st.lists(st.integers(0, 30), min_size=2, max_size=40),
    branching=st.sampled_from([2, 3, 8]),
)
def test_no_tree_is_cheaper(counts, branching):
    tree = build(counts, branching)
    assert sorted(tree.label[tree.label >= 0]) == list(range(len(counts)))
    assert (tree.fan_out <= branching).all()
    if len(counts) > branching:
        assert (tree.fan_out < branching).sum() <= 1
    assert cost(tree, counts) == best_cost(counts, branching)


def test_known_answer():
    """The book's: frequencies 5 9 12 13 16 45 have code lengths 4 4 3 3 3 1."""
    counts = [5, 9, 12, 13, 16, 45]
    tree = build(counts)
    depth = {int(tree.label[v]): int(tree.level[v]) for v in np.flatnonzero(tree.label >= 0)}
    assert [depth[label] for label in range(6)] == [4, 4, 3, 3, 3, 1]


@pytest.mark.parametrize("branching", [2, 4])
def test_mean_depth_is_within_one_of_the_entropy(branching):
    counts = [*np.random.default_rng(0).zipf(1.5, 200).clip(1, 500)]
    p = np.array(counts) / sum(counts)
    entropy = -(p * np.log2(p)).sum() / log2(branching)
    mean = cost(build(counts, branching), counts) / sum(counts)
    assert entropy <= mean + 1e-9
    assert mean <= entropy + 1


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_labels(n):
    tree = build([3] * n, branching=4)
    assert tree.level_sizes == [1, n]
