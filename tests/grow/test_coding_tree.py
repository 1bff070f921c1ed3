"""Known entropies, brute force over small graphs, and what every coding tree keeps."""

import time
from math import log2

import numpy as np
import pytest
from graphs import NYT, RCV1, taxonomy

from labeltree.core.errors import ParameterError
from labeltree.grow.coding_tree import CodingTree, coding_tree, entropy

STARS = (18, 54, 12, 17, 10, 10, 20)
"""Labels of the root's branches of Web of Science, each a star."""
TRIANGLES = np.array([[0, 0, 1, 3, 3, 4, 2], [1, 2, 2, 4, 5, 5, 3]], np.int32)
"""Two triangles joined by an edge."""
GAINS = pytest.mark.parametrize("gain", ["combine", "merge"])


def stars(sizes=STARS):
    starts = np.cumsum([0, *sizes])
    edges = [(a, a + i) for a, size in zip(starts, sizes, strict=False) for i in range(1, size)]
    return int(starts[-1]), np.array(edges, np.int32).T


def random_graph(seed, n=8):
    rng = np.random.default_rng(seed)
    return rng.integers(0, n, (2, rng.integers(3, 14))).astype(np.int32)


def two_layers(module):
    """Return the tree of height 2 that puts vertices into modules."""
    _, numbered = np.unique(module, return_inverse=True)
    root = np.zeros(int(numbered.max()) + 1, np.int32)
    return CodingTree((numbered.astype(np.int32), root))


def partitions(n):
    """Yield every way to put n vertices into modules."""

    def extended(start):
        if len(start) == n:
            yield start
            return
        for m in range(max(start, default=-1) + 2):
            yield from extended([*start, m])

    yield from extended([])


@GAINS
@pytest.mark.parametrize(
    ("height", "bits", "sizes"),
    [
        (1, 5.7792, [141, 1]), (2, 3.2869, [141, 7, 1]), (3, 3.0841, [141, 79, 7, 1]),
        (4, 3.0108, None),
    ],
)  # fmt: skip
def test_entropies_of_web_of_science(gain, height, bits, sizes):
    n, edges = stars()
    tree = coding_tree(n, edges, height, gain)
    assert entropy(n, edges, tree) == pytest.approx(bits, abs=5e-5)
    assert sizes is None or tree.sizes == sizes


@pytest.mark.parametrize(
    ("counts", "method", "gain", "bits"),
    [
        (RCV1, "squeeze", "combine", (5.9012, 3.7746, 2.4355, 2.3097)),
        (RCV1, "squeeze", "merge", (5.9012, 3.7746, 2.4355, 2.3097)),
        (RCV1, "grow", "combine", (5.9012, 3.7746, 2.4355, 2.4190)),
        (RCV1, "grow", "merge", (5.9012, 3.7746, 2.4355, 2.4190)),
        (NYT, "squeeze", "combine", (6.8176, 3.5327, 2.6791, 2.4151)),
        (NYT, "squeeze", "merge", (6.8176, 3.5327, 2.6791, 2.4231)),
        (NYT, "grow", "combine", (6.8176, 3.5327, 2.5465, 2.4423)),
        (NYT, "grow", "merge", (6.8176, 3.5327, 2.5545, 2.4503)),
    ],
)  # fmt: skip
def test_entropies_of_public_taxonomies(counts, method, gain, bits):
    """What the authors' code (`grow`) and algorithm 1 (`squeeze`) find."""
    n, edges = taxonomy(counts)
    assert (n, edges.shape[1]) == ((103, 99) if counts is RCV1 else (166, 162))
    trees = [coding_tree(n, edges, height, gain, method) for height in (1, 2, 3, 4)]
    found = [entropy(n, edges, tree) for tree in trees]
    assert found == pytest.approx(bits, abs=6e-5)
    assert trees[1].sizes[1] == (5 if counts is RCV1 else 18)


def test_web_of_science_grown():
    n, edges = stars()
    for height, bits in ((3, 3.0841), (4, 3.0278)):
        tree = coding_tree(n, edges, height, method="grow")
        assert tree.height == height
        assert entropy(n, edges, tree) == pytest.approx(bits, abs=5e-5)


def test_shuffled_edges_are_another_tree():
    n, edges = taxonomy(RCV1)
    shuffled = np.stack([edges[0], np.random.default_rng(0).permutation(edges[1])])
    one, other = coding_tree(n, edges, 2), coding_tree(n, shuffled, 2)
    assert one.up[0].tolist() != other.up[0].tolist()


def test_stars_cost_no_square():
    n = 30_000
    edges = np.array([np.zeros(n - 1), np.arange(1, n)], np.int32)
    began = time.perf_counter()
    tree = coding_tree(n, edges, 2)
    assert time.perf_counter() - began < 120  # offering each pair after each merge takes an hour
    assert tree.sizes[0] == n


def test_the_modules_of_stars_are_the_stars():
    n, edges = stars()
    closed_form = sum(c / (2 * 134) * (1 + log2(2 * c)) for c in (s - 1 for s in STARS))
    tree = coding_tree(n, edges, 2)
    assert entropy(n, edges, tree) == pytest.approx(closed_form)
    star = np.repeat(np.arange(7), STARS)
    assert len(set(zip(star, tree.modules(1).tolist(), strict=True))) == 7


@pytest.mark.parametrize(
    ("gain", "bits", "parts"), [("combine", 2.0211, [4, 2]), ("merge", 1.6995, [3, 3])]
)
def test_two_triangles_tell_the_gains_apart(gain, bits, parts):
    tree = coding_tree(6, TRIANGLES, 2, gain)
    assert entropy(6, TRIANGLES, tree) == pytest.approx(bits, abs=5e-5)
    assert sorted(np.bincount(tree.modules(1)).tolist()) == sorted(parts)


def test_entropy_of_one_layer_is_that_of_the_degrees():
    degree = np.array([2, 2, 3, 3, 2, 2]) / 14
    expected = -(degree * np.log2(degree)).sum()
    assert entropy(6, TRIANGLES, coding_tree(6, TRIANGLES, 1)) == pytest.approx(expected)


@GAINS
@pytest.mark.parametrize("seed", range(8))
def test_no_partition_is_missed_by_much_and_none_is_beaten(seed, gain):
    edges = random_graph(seed, 7)
    best = min(entropy(7, edges, two_layers(np.array(p))) for p in partitions(7))
    found = entropy(7, edges, coding_tree(7, edges, 2, gain))
    assert best - 1e-9 <= found <= entropy(7, edges, coding_tree(7, edges, 1)) + 1e-9


@GAINS
@pytest.mark.parametrize("method", ["squeeze", "grow"])
@pytest.mark.parametrize("seed", range(20))
def test_what_every_coding_tree_keeps(seed, method, gain):
    edges, previous = random_graph(seed, 12), np.inf
    for height in range(1, 6):
        tree = coding_tree(12, edges, height, gain, method)
        assert tree.height == height
        assert len(tree.up[0]) == 12
        for layer, up in enumerate(tree.up):  # every node has children, and all have a parent
            assert set(up.tolist()) == set(range(tree.sizes[layer + 1]))
        bits = entropy(12, edges, tree)
        assert bits <= previous + 1e-9
        previous = bits


def test_isolated_vertices_cost_nothing():
    edges = np.array([[0, 3], [1, 3]], np.int32)  # the second is a loop
    tree = coding_tree(5, edges, 3)
    assert entropy(5, edges, tree) == pytest.approx(1)
    no_edges = np.zeros((2, 0), np.int32)
    assert entropy(4, no_edges, coding_tree(4, no_edges, 2)) == 0
    assert coding_tree(1, no_edges, 3).sizes == [1, 1, 1, 1]


def test_repeated_and_turned_edges_are_one():
    n, edges = stars((4, 3))
    twice = np.concatenate([edges, edges[::-1]], axis=1)
    one, other = coding_tree(n, edges, 2), coding_tree(n, twice, 2)
    assert [u.tolist() for u in one.up] == [u.tolist() for u in other.up]


@pytest.mark.parametrize(("n", "height"), [(3, 0), (0, 2)])
def test_nothing_to_build(n, height):
    with pytest.raises(ParameterError, match="height of 1"):
        coding_tree(n, np.zeros((2, 0), np.int32), height)


def test_unknown_words():
    with pytest.raises(ParameterError, match="combine, merge"):
        coding_tree(3, np.zeros((2, 0), np.int32), 2, "best")
    with pytest.raises(ParameterError, match="squeeze, grow"):
        coding_tree(3, np.zeros((2, 0), np.int32), 2, method="best")
