import networkx as nx
import numpy as np
import pytest
from scipy.sparse import csr_array

from labeltree.core.arrays import from_rows
from labeltree.core.errors import DataError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.scores import with_ancestors
from labeltree.metrics import (
    close_up,
    hierarchical_quality,
    label_parents,
    prune_down,
    score_violations,
    violations,
)

A, B, C, D, E = range(5)
DAG = Hierarchy.from_edges([("a", "c"), ("b", "c"), ("a", "d"), ("c", "e")], list("abcde"))


def rows_of(Y):
    return [Y.indices[a:b].tolist() for a, b in zip(Y.indptr, Y.indptr[1:], strict=False)]


def random_case(seed, n=25, n_labels=18):
    rng = np.random.default_rng(seed)
    edges = [(str(a), str(b)) for b in range(1, n) for a in rng.integers(0, b, rng.integers(0, 4))]
    labels = [str(i) for i in rng.permutation(n)[:n_labels]]
    decided = csr_array((rng.random((60, n_labels + 2)) < 0.3).astype(np.float32))
    graph = nx.DiGraph(edges)
    graph.add_nodes_from(labels)
    return Hierarchy.from_edges(edges, labels), graph, labels, decided


def nearest(graph, label, labels):
    """Labels above, by walking up and stopping at each label."""
    found, front = set(), list(graph.predecessors(label))
    while front:
        node = front.pop()
        if node in labels:
            found.add(node)
        else:
            front.extend(graph.predecessors(node))
    return found


def test_by_hand():
    decided = from_rows([[A, C], [C], [D, E], [A, B, C, E], []], 5)
    # c misses b | c misses a and b | d misses a, e misses c | nothing | nothing
    found = violations(decided, DAG)
    assert found.pairs == pytest.approx(4 / 9)
    assert found.soft == pytest.approx(1 / 9)
    assert found.hard == pytest.approx(3 / 9)
    assert found.rows == pytest.approx(3 / 5)
    assert rows_of(close_up(decided, DAG)) == [
        [A, B, C], [A, B, C], [A, B, C, D, E], [A, B, C, E], []
    ]  # fmt: skip
    assert rows_of(prune_down(decided, DAG)) == [[A], [], [], [A, B, C, E], []]


@pytest.mark.parametrize("seed", range(6))
def test_equals_naive_loops_on_graphs_with_meta_labels(seed):
    h, graph, labels, decided = random_case(seed)
    above = {c: {labels.index(p) for p in nearest(graph, i, set(labels))}
             for c, i in enumerate(labels)}  # fmt: skip
    parents = label_parents(h)
    assert [set(row) for row in rows_of(parents)] == [above[c] for c in range(len(labels))]
    hard = soft = n_rows = 0
    for row in map(set, rows_of(decided)):
        missing = [(above.get(c, set()) - row, above.get(c, set()) & row) for c in row]
        hard += sum(bool(m) and not p for m, p in missing)
        soft += sum(bool(m) and bool(p) for m, p in missing)
        n_rows += any(m for m, _ in missing)
    n = decided.nnz
    assert hard
    assert soft
    assert tuple(violations(decided, h)) == pytest.approx(
        ((hard + soft) / n, hard / n, soft / n, n_rows / 60)
    )


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("repair", [close_up, prune_down])
def test_after_a_repair_nothing_violates(seed, repair):
    h, _, _, decided = random_case(seed)
    repaired = repair(decided, h)
    assert tuple(violations(repaired, h)) == (0, 0, 0, 0)
    assert repaired.shape == decided.shape
    before, after = ([set(r) for r in rows_of(m)] for m in (decided, repaired))
    if repair is close_up:
        assert all(b <= a for b, a in zip(before, after, strict=True))
    else:
        assert all(a <= b for b, a in zip(before, after, strict=True))
    assert rows_of(repair(repaired, h)) == rows_of(repaired)


def test_prune_down_keeps_all_that_may_stay():
    h, graph, labels, decided = random_case(9)
    for before, after in zip(rows_of(decided), rows_of(prune_down(decided, h)), strict=True):
        for c in set(before) - set(after):
            ids = nx.ancestors(graph, labels[c]) & set(labels)
            assert not {labels.index(i) for i in ids} <= set(before)


def test_closing_up_never_lowers_hierarchical_recall():
    h, _, _, decided = random_case(3)
    truth = csr_array((np.random.default_rng(1).random((60, 20)) < 0.1).astype(np.float32))
    before, after = (hierarchical_quality(truth, d, h) for d in (decided, close_up(decided, h)))
    assert after == pytest.approx(before)  # ancestors are counted either way


def test_scores_by_hand():
    S = csr_array(np.array([[0.5, 0.9, 0.7, 0.4, 0], [0, 0, 0, 0.2, 0.2]], np.float32))
    # c > a, c < b, d < a | d without a, e without c
    assert score_violations(S, DAG) == pytest.approx(3 / 5)
    assert score_violations(with_ancestors(S, DAG), DAG) == 0


def test_rounding_is_no_violation():
    S = csr_array(np.array([[0.5, 0, 0, 0.5 + 5e-7, 0]]))
    assert score_violations(S, DAG) == 0
    assert score_violations(csr_array(np.array([[0.5, 0, 0, 0.5 + 3e-6, 0]])), DAG) == 1


def test_nothing_violates_nothing():
    nothing = csr_array((3, 5), dtype=np.float32)
    assert tuple(violations(nothing, DAG)) == (0, 0, 0, 0)
    assert score_violations(nothing, DAG) == 0
    assert close_up(nothing, DAG).nnz == prune_down(nothing, DAG).nnz == 0


def test_columns_outside_the_hierarchy_have_no_parents():
    decided = from_rows([[A, 5], [6]], 7)
    assert violations(decided, DAG).pairs == 0
    assert rows_of(prune_down(decided, DAG)) == [[A, 5], [6]]
    assert rows_of(close_up(from_rows([[C, 6]], 7), DAG)) == [[A, B, C, 6]]
    assert score_violations(csr_array(np.array([[0, 0, 0, 0, 0, 0.3]])), DAG) == 0


def test_a_wider_hierarchy_is_refused():
    for repair in (close_up, prune_down):
        with pytest.raises(DataError, match="5 labels, the matrix 3 columns"):
            repair(from_rows([[0]], 3), DAG)
