"""Where the nodes of a picture stand, checked against plain recursion."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeltree.core.errors import ParameterError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.core.tree import LabelTree
from labeltree.readers import repair_cafe
from labeltree.run.picture import of_taxonomy, of_tree, summed_up


@st.composite
def trees(draw):
    n = draw(st.integers(1, 30))
    parent = [-1, *(draw(st.integers(0, i - 1)) for i in range(1, n))]
    return LabelTree.from_parents(parent, [-1] * n)


def picture(tree):
    return of_tree(tree, Labels.numbered(1), "")


@given(trees())
def test_leaves_stand_in_rows_and_parents_in_their_middle(tree):
    drawn = picture(tree)
    rows = iter(range(10**6))

    def visit(node):
        children = range(tree.child_ptr[node], tree.child_ptr[node + 1])
        if not children:
            row = next(rows)
            return row, row + 1
        ends = [visit(child) for child in children]
        return ends[0][0], ends[-1][1]

    def check(node):
        for child in range(tree.child_ptr[node], tree.child_ptr[node + 1]):
            check(child)
        assert drawn.start[node] == spans[node][0]
        assert drawn.leaves[node] == spans[node][1] - spans[node][0]
        assert drawn.middle[node] == sum(spans[node]) / 2

    spans = {}
    plain = visit

    def visit(node):
        spans[node] = plain(node)
        return spans[node]

    visit(0)
    check(0)


@given(trees())
def test_sums_from_below(tree):
    value = np.arange(tree.n_nodes)
    total = summed_up(tree, value)
    for node in range(tree.n_nodes):
        below = [v for v in range(tree.n_nodes) if node == v or node in tree.path(v)]
        below = range(tree.n_nodes) if node == 0 else below
        assert total[node] == sum(below)


def test_a_taxonomy_with_names_counts_and_further_parents():
    labels = repair_cafe().labels
    drawn = of_taxonomy(labels.hierarchy, labels, "corpus")
    names = {drawn.name(v): v for v in range(1, drawn.tree.n_nodes)}
    assert len(names) == 111
    assert drawn.documents[names["Kettle"]] == labels.counts[labels.column["kettle"]]
    parents = np.diff(labels.hierarchy.parent_ptr)
    assert drawn.further.shape == (2, int((parents - 1).clip(0).sum()))
    shown = {(drawn.name(int(p)), drawn.name(int(c))) for p, c in drawn.further.T}
    up = drawn.name(int(drawn.tree.parent[names["Clock radio"]]))
    both = {"Lamps and clocks", "Sound and picture"}
    assert up in both
    assert {(other, "Clock radio") for other in both - {up}} <= shown
    assert (up, "Clock radio") not in shown


def test_a_node_stands_below_its_deepest_parent():
    drawn = of_taxonomy(Hierarchy.from_edges([("a", "b"), ("b", "c"), ("a", "c")]), None, "")
    assert [drawn.name(v) for v in range(1, 4)] == ["a", "b", "c"]
    assert drawn.tree.parent.tolist() == [-1, 0, 1, 2]


def test_own_documents_where_label_sets_are_closed():
    ids = ("a", "b", "c")
    hierarchy = Hierarchy.from_edges([("a", "b"), ("a", "c")], ids)
    labels = Labels(ids, counts=np.array([5, 4, 3]), n_train=6, hierarchy=hierarchy, closed=True)
    drawn = of_taxonomy(hierarchy, labels, "")
    assert drawn.counted == "training documents"
    assert drawn.documents[1:].tolist() == [5, 4, 3]


def test_without_data_ids_are_shown_and_nothing_is_counted():
    drawn = of_taxonomy(Hierarchy.from_edges([("a", "b"), ("a", "c")]), None, "")
    assert sorted(drawn.name(v) for v in range(1, 4)) == ["a", "b", "c"]
    assert drawn.documents is None


def test_occurrences_below_where_label_sets_are_not_closed(seven_nodes):
    labels = Labels(("w", "x", "y", "z"), counts=np.array([1, 2, 3, 4]), n_train=8)
    drawn = of_tree(seven_nodes, labels, "")
    assert drawn.documents.tolist() == [10, 3, 7, 1, 2, 3, 4]
    assert drawn.counted.startswith("label occurrences")
    assert drawn.name(1) == "x, w"
    assert drawn.name(3) == "w"


def test_cutting_counts_what_is_hidden(seven_nodes):
    drawn = of_tree(seven_nodes, Labels.numbered(4), "")
    top = drawn.cut(1)
    assert top.tree.n_nodes == 3
    assert top.hidden.tolist() == [0, 2, 2]
    assert drawn.cut(2) is drawn
    assert drawn.cut(99) is drawn
    with pytest.raises(ParameterError, match="--depth"):
        drawn.cut(0)


def test_cutting_drops_edges_to_what_is_hidden():
    edges = [("a", "b"), ("b", "c"), ("d", "c"), ("d", "b")]
    drawn = of_taxonomy(Hierarchy.from_edges(edges), None, "")
    assert drawn.further.shape == (2, 2)
    top = drawn.cut(2)
    assert [(top.name(int(p)), top.name(int(c))) for p, c in top.further.T] == [("a", "b")]
