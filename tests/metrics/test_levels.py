import numpy as np
import pytest
from sklearn.metrics import f1_score

from labeltree.core.arrays import from_rows
from labeltree.core.errors import DataError
from labeltree.core.hierarchy import Hierarchy
from labeltree.metrics import by_level, by_position, leaf_labels, level_of_label

TREE = Hierarchy.from_edges([("0", "2"), ("0", "3"), ("1", "4"), ("2", "5")], tuple("012345"))
TRUTH = from_rows([[5], [3], [4]], 6)
DECIDED = from_rows([[3], [3, 4], [1]], 6)
# x stands both right below the root's child a and below b: its longest path has three steps.
DAG = Hierarchy.from_edges([("a", "b"), ("a", "x"), ("b", "x"), ("m", "y")], ["x", "a", "b", "y"])


def test_the_worked_example_over_leaves():
    leaf, inner = by_position(TRUTH, DECIDED, TREE)
    assert leaf.name == "leaf"
    assert leaf.n_labels == 3
    assert leaf.micro.f1 == pytest.approx(0.333333, abs=5e-7)
    assert leaf.macro.f1 == pytest.approx(0.222222, abs=5e-7)
    assert (inner.n_labels, inner.n_true, inner.n_decided, inner.micro.f1) == (3, 0, 1, 0)


def test_the_worked_example_by_level():
    found = by_level(TRUTH, DECIDED, TREE)
    assert [(g.name, g.n_labels, g.n_documents) for g in found] == [
        ("level 1", 2, 0), ("level 2", 3, 2), ("level 3", 1, 1)
    ]  # fmt: skip
    assert found[1].micro == pytest.approx((1 / 3, 1 / 2, 2 / 5))  # 3 and 4 true, 3, 3, 4 decided


@pytest.mark.parametrize("seed", range(3))
def test_levels_equal_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    edges = [(str(a), str(b)) for b in range(4, 40) for a in set(rng.integers(0, b, 2).tolist())]
    h = Hierarchy.from_edges(edges, [str(i) for i in range(40)])
    truth, decided = rng.random((2, 100, 40)) < 0.1
    level = h.level[h.node_of_label]
    rows = [np.flatnonzero(r).tolist() for r in truth]
    found = by_level(
        from_rows(rows, 40), from_rows([np.flatnonzero(r).tolist() for r in decided], 40), h
    )
    assert [g.name for g in found] == [f"level {i}" for i in range(1, level.max() + 1)]
    for i, g in enumerate(found, start=1):
        t, d = truth[:, level == i], decided[:, level == i]
        assert g.micro.f1 == pytest.approx(f1_score(t, d, average="micro", zero_division=0))
        assert g.macro.f1 == pytest.approx(f1_score(t, d, average="macro", zero_division=0))


def test_the_level_is_the_longest_path():
    assert level_of_label(DAG, 4).tolist() == [3, 1, 2, 2]


def test_levels_of_meta_labels_only_are_left_out():
    h = Hierarchy.from_edges([("m", "x"), ("m", "y")], ["x", "y"])
    assert [g.name for g in by_level(from_rows([[0]], 2), from_rows([[0]], 2), h)] == ["level 2"]


def test_labels_outside_belong_nowhere():
    Y, D = from_rows([[0, 5]], 6), from_rows([[0]], 4)
    assert level_of_label(DAG, 6).tolist() == [3, 1, 2, 2, -1, -1]
    assert leaf_labels(DAG, 6).tolist() == [True, False, False, True, False, False]
    assert sum(g.n_true for g in by_level(Y, D, DAG)) == 1
    assert [g.n_labels for g in by_position(Y, D, DAG)] == [2, 2]
    assert sum(g.n_labels for g in by_level(Y, D, DAG)) == 4


def test_a_document_without_a_label_there_is_no_class():
    # Nobody has a label of level 2, and nobody is given one: nothing is right there.
    found = by_level(from_rows([[1], [1]], 6), from_rows([[1], [1]], 6), TREE)
    assert found[0].micro.f1 == 1
    assert (found[1].micro.f1, found[1].n_documents) == (0, 0)


def test_a_wider_hierarchy_is_refused():
    with pytest.raises(DataError, match="6 labels, the matrix 3 columns"):
        by_level(from_rows([[0]], 3), from_rows([[0]], 3), TREE)
