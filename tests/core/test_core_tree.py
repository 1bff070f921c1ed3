import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from labeltree.core.errors import DataError
from labeltree.core.tree import LabelTree


@st.composite
def random_trees(draw):
    """(parent, label) in random node order; labels repeat, some nodes have none."""
    n = draw(st.integers(1, 15))
    parent = [-1, *(draw(st.integers(0, v - 1)) for v in range(1, n))]
    label = [draw(st.integers(-1, 5)) for _ in range(n)]
    new = draw(st.permutations(range(n)))
    moved, labels = [0] * n, [0] * n
    for old, at in enumerate(new):
        moved[at] = -1 if parent[old] < 0 else new[parent[old]]
        labels[at] = label[old]
    return moved, labels


def way_up(parent, node):
    return [] if node < 0 else [node, *way_up(parent, parent[node])]


@given(random_trees())
def test_nodes_are_breadth_first_whatever_order_they_came_in(case):
    parent, label = case
    n = len(parent)
    tree = LabelTree.from_parents(parent, label, np.arange(n))
    assert sorted(tree.source) == list(range(n))
    assert tree.label.tolist() == [label[v] for v in tree.source]
    up = [-1 if p < 0 else int(tree.source[p]) for p in tree.parent]
    assert up == [parent[v] for v in tree.source], "each node has the parent it had"
    assert (tree.parent[1:] < np.arange(1, n)).all()
    assert (tree.parent.dtype, tree.label.dtype, tree.child_ptr.dtype) == (np.int32,) * 3
    for v in range(n):
        children = range(tree.child_ptr[v], tree.child_ptr[v + 1])
        assert list(children) == np.flatnonzero(tree.parent == v).tolist()
    levels = [len(way_up(tree.parent, v)) - 1 for v in range(n)]
    assert levels == sorted(levels)
    assert np.repeat(np.arange(tree.depth + 1), tree.level_sizes).tolist() == levels
    for v in range(n):
        assert tree.path(v) == way_up(tree.parent, v)[-2::-1]
    assert tree.inner.tolist() == sorted(set(tree.parent[1:].tolist()))
    assert tree.fan_out.tolist() == [(tree.parent == v).sum() for v in tree.inner]
    labels = [c for c in label if c >= 0]
    assert tree.has_copies == (len(set(labels)) < len(labels))


@given(random_trees(), st.integers(0, 8), st.integers(0, 2**32 - 1))
def test_targets_mark_every_node_on_the_way_to_every_copy(case, n_columns, seed):
    tree = LabelTree.from_parents(*case)
    Y = (np.random.default_rng(seed).random((4, n_columns)) < 0.3).astype(float)
    expected = np.zeros((4, tree.n_nodes))
    for i, c in np.argwhere(Y):
        for node in np.flatnonzero(tree.label == c):
            expected[i, way_up(tree.parent, node)] = 1
    targets = tree.node_targets(csr_array(Y))
    np.testing.assert_array_equal(targets.toarray(), expected)
    assert targets.nnz == expected.sum()


@given(random_trees())
def test_label_nodes_are_all_ways_to_a_label(case):
    tree = LabelTree.from_parents(*case)
    assert tree.label_nodes.shape == (max(tree.label) + 1, tree.n_nodes)
    for c in range(max(tree.label) + 1):
        ways = {v for node in np.flatnonzero(tree.label == c) for v in way_up(tree.parent, node)}
        assert tree.label_nodes[[c]].indices.tolist() == sorted(ways)


def test_siblings_keep_their_order():
    tree = LabelTree.from_parents([3, 3, 3, -1], [7, 8, 9, -1])
    assert tree.label.tolist() == [-1, 7, 8, 9]


def test_a_tree_of_seven_nodes(seven_nodes):
    assert seven_nodes.n_nodes == 7
    assert seven_nodes.depth == 2
    assert seven_nodes.level_ptr.tolist() == [0, 1, 3, 7]
    assert seven_nodes.child_ptr.tolist() == [1, 3, 5, 7, 7, 7, 7, 7]
    assert seven_nodes.path(5) == [2, 5]
    assert not seven_nodes.has_copies
    assert seven_nodes.source is None
    assert seven_nodes.shape() == {
        "nodes": 7,
        "labels": 4,
        "copies": 0,
        "depth": 2,
        "level sizes": [1, 2, 4],
        "fan-out (min, median, max)": [2, 2.0, 2],
    }


def test_the_shape_counts_copies():
    shape = LabelTree.from_parents([-1, 0, 0, 0, 1], [-1, 2, 2, 0, 2]).shape()
    assert (shape["labels"], shape["copies"]) == (2, 2)
    assert shape["fan-out (min, median, max)"] == [1, 2.0, 3]


def test_one_node():
    tree = LabelTree.from_parents([-1], [-1])
    assert (tree.n_nodes, tree.depth, tree.level_sizes, tree.path(0)) == (1, 0, [1], [])
    assert tree.inner.tolist() == tree.fan_out.tolist() == []
    assert tree.label_nodes.shape == (0, 1)
    assert tree.node_targets(csr_array(np.ones((2, 3)))).toarray().tolist() == [[0], [0]]
    assert tree.shape()["fan-out (min, median, max)"] == [0, 0.0, 0]


def test_a_root_may_be_a_label():
    tree = LabelTree.from_parents([-1], [0])
    assert tree.node_targets(csr_array(np.array([[1.0], [0]]))).toarray().tolist() == [[1], [0]]


@pytest.mark.parametrize(
    ("parent", "problem"),
    [
        ([], "one root, found 0"),
        ([1, 0], "one root, found 0"),
        ([-1, -1, 0], "one root, found 2"),
        ([-1, 0, 3, 2], "2 nodes of the label tree are not connected"),
        ([-1, 1], "1 nodes of the label tree are not connected"),
        ([-1, 7], "1 nodes of the label tree are not connected"),
    ],
)
def test_what_is_no_tree_is_refused(parent, problem):
    with pytest.raises(DataError, match=problem):
        LabelTree.from_parents(parent, np.zeros(len(parent)))


@pytest.mark.parametrize(("label", "source"), [([0], None), ([0, 1, 2], None), ([0, 1], [0])])
def test_lengths_agree(label, source):
    with pytest.raises(DataError, match="2 parents, . labels"):
        LabelTree.from_parents([-1, 0], label, source)


@pytest.mark.parametrize("parent", [[], [0], [-1, -1], [-1, 0, 0, 2, 1], [-1, 1], [-1, 2, 0]])
def test_arrays_in_another_order_are_refused(parent):
    array = np.array(parent, np.int32)
    with pytest.raises(DataError, match="breadth-first"):
        LabelTree(array, np.zeros_like(array))


def test_arrays_of_other_lengths_are_refused():
    array = np.array([-1, 0], np.int32)
    with pytest.raises(DataError, match="one label"):
        LabelTree(array, array[:1])
    with pytest.raises(DataError, match="one source"):
        LabelTree(array, array, array[:1])


@pytest.mark.parametrize("shape", ["wide", "deep"])
def test_large_trees_take_little_time(shape):
    n = 1_000_000 if shape == "wide" else 3000
    parent = (np.arange(n) - 1) // 10 if shape == "wide" else np.arange(n) - 1
    parent[0] = -1
    order = np.random.default_rng(0).permutation(n)
    moved = np.empty(n, np.int64)
    moved[order] = np.where(parent < 0, -1, order[parent])
    start = time.thread_time()
    tree = LabelTree.from_parents(moved, np.full(n, -1))
    if shape == "wide":
        assert tree.level_sizes == [1, 10, 100, 1000, 10_000, 100_000, 888_889]
    else:
        assert tree.parent.tolist() == parent.tolist()
    assert time.thread_time() - start < 5


# ---- trees from trees ----------------------------------------------------------------------------


def ancestors_with_label(tree, node):
    return [int(tree.label[v]) for v in way_up(tree.parent.tolist(), node) if tree.label[v] >= 0]


@given(random_trees(), st.integers(0, 2**15 - 1))
def test_without_takes_out_inner_nodes_without_a_label_only(case, bits):
    tree = LabelTree.from_parents(*case, np.arange(len(case[0])))
    mask = np.array([bits >> v & 1 for v in range(tree.n_nodes)], bool)
    cut = tree.without(mask)
    removable = mask & (tree.label < 0) & np.isin(np.arange(tree.n_nodes), tree.inner)
    removable[0] = False
    kept = {int(s) for v, s in enumerate(tree.source) if not removable[v]}
    assert set(cut.source.tolist()) == kept
    at = {int(s): v for v, s in enumerate(tree.source)}
    for v in range(1, cut.n_nodes):
        above = way_up(tree.parent.tolist(), at[int(cut.source[v])])[1:]
        expected = next(u for u in above if not removable[u])
        assert cut.source[cut.parent[v]] == tree.source[expected]


def test_collapsed_keeps_every_other_level_and_the_last_clusters():
    parent = [-1, *np.repeat(range(15), 2)]
    tree = LabelTree.from_parents(parent, [-1] * 15 + list(range(16)))
    assert tree.level_sizes == [1, 2, 4, 8, 16]
    assert tree.collapsed(1).level_sizes == [1, 4, 8, 16]
    assert tree.collapsed(2).level_sizes == [1, 8, 16]
    assert tree.collapsed(0).level_sizes == tree.level_sizes
    assert tree.collapsed(1).label[-16:].tolist() == list(range(16))


@given(random_trees())
def test_level_out_brings_every_leaf_to_the_last_level(case):
    tree = LabelTree.from_parents(*case)
    level = tree.level_out()
    leaves = np.setdiff1d(np.arange(level.n_nodes), level.inner)
    assert (level.level[leaves] == tree.depth).all()
    assert sorted(level.label[level.label >= 0]) == sorted(tree.label[tree.label >= 0])
    before, after = (
        sorted(ancestors_with_label(t, v) for v in range(t.n_nodes) if t.label[v] >= 0)
        for t in (tree, level)
    )
    assert after == before
    n_only = level.n_nodes - tree.n_nodes
    leaf = np.setdiff1d(np.arange(tree.n_nodes), tree.inner)
    assert n_only == (tree.depth - tree.level[leaf]).sum()


def test_level_out_keeps_sources():
    tree = LabelTree.from_parents([-1, 0, 0, 1], [-1, -1, 0, 1], [0, 1, 2, 3])
    level = tree.level_out()
    assert level.source.tolist() == [0, 1, -1, 3, 2]
    assert level.label.tolist() == [-1, -1, -1, 1, 0]


@given(random_trees())
def test_level_counts_edges(case):
    tree = LabelTree.from_parents(*case)
    assert tree.level.tolist() == [
        len(way_up(tree.parent.tolist(), v)) - 1 for v in range(tree.n_nodes)
    ]
