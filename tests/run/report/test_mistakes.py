from collections import Counter

import networkx as nx
import numpy as np
import pytest
from scipy.sparse import csr_array

from labeltree.core.arrays import from_rows
from labeltree.core.hierarchy import Hierarchy
from labeltree.run.report.mistakes import (
    SNIPPET,
    confident_mistakes,
    confusions,
    overlooked,
    relation,
)

THING, KETTLE, TOASTER, SPOUT, LID, FAULT, GHOST = range(7)


def test_confusions_by_hand(evaluation):
    tree = evaluation.labels.hierarchy
    found = confusions(evaluation.Y, evaluation.decided, tree, 10)
    assert [(c.decided, c.missed, c.n_documents, c.relation) for c in found] == [
        (KETTLE, SPOUT, 1, "broader"),
        (TOASTER, KETTLE, 1, "sibling"),
        (LID, SPOUT, 1, "sibling"),
    ]
    assert len(confusions(evaluation.Y, evaluation.decided, tree, 2)) == 2
    assert {c.relation for c in confusions(evaluation.Y, evaluation.decided, None, 9)} == {""}


@pytest.mark.parametrize("block", [1, 7, 1 << 20])
def test_confusions_equal_naive_loops(monkeypatch, block):
    monkeypatch.setattr("labeltree.run.report.mistakes.BLOCK", block)
    rng = np.random.default_rng(0)
    truth, decided = rng.random((50, 12)) < 0.2, rng.random((50, 9)) < 0.3
    decided = np.pad(decided, ((0, 0), (0, 3)))
    naive = Counter(
        (a, b)
        for t, d in zip(truth, decided, strict=True)
        for a in np.flatnonzero(d & ~t).tolist()
        for b in np.flatnonzero(t & ~d).tolist()
    )
    Y, D = csr_array(truth.astype(np.float32)), csr_array(decided[:, :9].astype(np.float32))
    found = confusions(Y, D, None, 1000)
    assert {(c.decided, c.missed): c.n_documents for c in found} == naive
    assert [c.n_documents for c in found] == sorted(naive.values(), reverse=True)


def test_relations_on_a_graph():
    edges = [("r1", "a"), ("r1", "b"), ("a", "c"), ("b", "c"), ("b", "d"), ("a", "e"), ("r2", "f")]
    ids = ["r1", "a", "b", "c", "d", "e", "f", "r2"]
    h, graph = Hierarchy.from_edges(edges, ids), nx.DiGraph(edges)
    for i, x in enumerate(ids):
        for j, y in enumerate(ids):
            if x == y:
                continue
            parents = [set(graph.predecessors(n)) for n in (x, y)]
            above = [nx.ancestors(graph, n) for n in (x, y)]
            expected = (
                "broader" if x in above[1]
                else "narrower" if y in above[0]
                else "sibling" if parents[0] & parents[1]
                else "same branch" if above[0] & above[1]
                else "other branch"
            )  # fmt: skip
            assert relation(h, i, j) == expected, (x, y)
    assert relation(h, 0, 8) == "outside"
    assert relation(None, 0, 1) == ""


def test_the_surest_wrong_answers(evaluation, dataset):
    found = confident_mistakes(evaluation.Y, evaluation.S, dataset.texts, 10)
    assert [c.row for c in found] == [1, 0, 3, 4]  # 0.95, 0.9 is right: 0.8, 0.6, 0.4
    first = found[0]
    assert first.answers == [
        (TOASTER, pytest.approx(0.95), False), (LID, pytest.approx(0.6), True),
        (THING, pytest.approx(0.2), False),
    ]  # fmt: skip
    assert first.truth == [(LID, pytest.approx(0.6)), (KETTLE, None)]
    assert first.n_true == 2
    assert len(first.text) <= SNIPPET + 2
    assert first.text.endswith("…")
    assert found[-1].truth == []


def test_true_labels_with_the_lowest_scores(evaluation, dataset):
    found = overlooked(evaluation.Y, evaluation.S, dataset.texts, 10)
    assert [c.row for c in found] == [2, 1, 0, 3]  # best true score 0.05, 0.6, 0.9, 0.9
    assert found[0].truth == [(FAULT, pytest.approx(0.05)), (TOASTER, None), (GHOST, None)]
    assert len(overlooked(evaluation.Y, evaluation.S, None, 1)) == 1
    assert overlooked(evaluation.Y, evaluation.S, None, 1)[0].text == ""


def test_documents_without_any_ranked_label_come_first_by_surest_wrong_answer():
    Y = from_rows([[0], [0], [0]], 3)
    S = csr_array(np.array([[0.1, 0, 0], [0, 0.2, 0], [0, 0, 0.9]], np.float32))
    assert [c.row for c in overlooked(Y, S, None, 5)] == [2, 1, 0]


def test_nothing_goes_wrong_where_all_is_right():
    Y = from_rows([[0, 1], [2]], 3)
    assert confusions(Y, Y, None, 5) == []
    assert confident_mistakes(Y, Y, None, 5) == []
    nothing = csr_array((0, 3), dtype=np.float32)
    assert overlooked(nothing, nothing, [], 5) == confident_mistakes(nothing, nothing, [], 5) == []
