import networkx as nx
import numpy as np
import pytest
from scipy.sparse import csr_array

from labeltree.core.arrays import from_rows
from labeltree.core.errors import DataError
from labeltree.core.hierarchy import Hierarchy
from labeltree.metrics import augmented, hierarchical_quality, macro_f1, micro_f1

IDS = tuple("012345")
TREE = Hierarchy.from_edges([("0", "2"), ("0", "3"), ("1", "4"), ("2", "5")], IDS)
TRUTH = from_rows([[5], [3], [4]], 6)
DECIDED = from_rows([[3], [3, 4], [1]], 6)


def sets(Y):
    return [set(Y.indices[a:b].tolist()) for a, b in zip(Y.indptr, Y.indptr[1:], strict=False)]


def random_dag(seed, n=30, n_labels=20):
    """A graph over `n` nodes of which some are no labels, and its networkx twin."""
    rng = np.random.default_rng(seed)
    edges = [(str(a), str(b)) for b in range(1, n) for a in rng.integers(0, b, rng.integers(0, 4))]
    labels = [str(i) for i in rng.permutation(n)[:n_labels]]
    return Hierarchy.from_edges(edges, labels), nx.DiGraph(edges), labels


def naive(truth, decided, graph, labels):
    """The definition, one document after another, over ids; outside labels are ("out", column)."""

    def an(row):
        ids = {labels[c] if c < len(labels) else ("out", c) for c in row}
        return ids.union(*(nx.ancestors(graph, i) for i in ids if i in graph))

    T, D = [an(row) for row in truth], [an(row) for row in decided]
    common = sum(len(t & d) for t, d in zip(T, D, strict=True))
    p, r = common / sum(map(len, D)), common / sum(map(len, T))
    sample = [2 * len(t & d) / max(1, len(t) + len(d)) for t, d in zip(T, D, strict=True)]
    return p, r, 2 * p * r / (p + r), float(np.mean(sample)), T, D


def test_the_worked_example():
    found = hierarchical_quality(TRUTH, DECIDED, TREE)
    assert tuple(found)[:3] == pytest.approx((0.571429,) * 3, abs=5e-7)
    assert found.sample_f1 == pytest.approx(0.577778, abs=5e-7)
    assert found.macro_f1 == pytest.approx(0.388889, abs=5e-7)


def test_equals_hiclass():
    # hiclass 5: precision, recall, f1 (micro) and the mean of examples, on these sets of paths.
    x = 7

    def draw(n):
        nonlocal x
        x = (1103515245 * x + 12345) % 2**31
        return (x >> 16) % n

    def sample():
        return [sorted({draw(6) for _ in range(1 + draw(3))}) for _ in range(40)]

    truth, decided = sample(), sample()
    found = hierarchical_quality(from_rows(truth, 6), from_rows(decided, 6), TREE)
    expected = (0.5862068965517241, 0.5811965811965812, 0.5836909871244635, 0.5491269841269842)
    assert tuple(found)[:4] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_equals_the_definition_on_graphs_with_meta_labels(seed):
    h, graph, labels = random_dag(seed)
    rng = np.random.default_rng(seed)
    Y = csr_array((rng.random((50, 23)) < 0.08).astype(np.float32))  # three columns are outside
    D = csr_array((rng.random((50, 20)) < 0.08).astype(np.float32))
    *expected, T, A = naive(sets(Y), sets(D), graph, labels)
    found = hierarchical_quality(Y, D, h)
    assert tuple(found)[:4] == pytest.approx(expected, abs=1e-12)
    nodes = [*h.ids[1:], *(("out", c) for c in range(20, 23))]
    per_node = []
    for node in nodes:
        t, d = np.array([node in s for s in T]), np.array([node in s for s in A])
        per_node.append(2 * (t & d).sum() / max(1, t.sum() + d.sum()))
    assert found.macro_f1 == pytest.approx(np.mean(per_node), abs=1e-12)


def test_augmented_sets_hold_no_root_and_no_node_twice():
    diamond = Hierarchy.from_edges([("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")], list("abcd"))
    found = augmented(from_rows([[3], [1, 3], []], 4), diamond)
    assert [len(s) for s in sets(found)] == [4, 4, 0]
    assert found.has_canonical_format
    assert (found.data == 1).all()


def test_closed_sets_give_the_flat_f1():
    Y, D = TREE.close(TRUTH), TREE.close(DECIDED)
    found = hierarchical_quality(Y, D, TREE)
    assert found.f1 == pytest.approx(micro_f1(Y, D), abs=1e-15)
    assert found.macro_f1 == pytest.approx(macro_f1(Y, D), abs=1e-15)


def test_a_near_miss_costs_less_than_a_far_one():
    near, far = from_rows([[3]], 6), from_rows([[4]], 6)
    truth = from_rows([[2]], 6)
    assert hierarchical_quality(truth, near, TREE).f1 == pytest.approx(0.5)
    assert hierarchical_quality(truth, far, TREE).f1 == 0


def test_labels_outside_are_missed():
    found = hierarchical_quality(from_rows([[2, 7]], 8), from_rows([[2]], 6), TREE)
    assert tuple(found)[:3] == pytest.approx((1, 2 / 3, 4 / 5))


def test_nothing_is_zero():
    nothing = from_rows([[], []], 6)
    assert hierarchical_quality(nothing, nothing, TREE) == (0, 0, 0, 0, 0)
    assert hierarchical_quality(nothing[:0], nothing[:0], TREE) == (0, 0, 0, 0, 0)


def test_a_wider_hierarchy_is_refused():
    with pytest.raises(DataError, match="6 labels, the matrix 3 columns"):
        hierarchical_quality(from_rows([[0]], 3), from_rows([[0]], 3), TREE)
