import time
from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from labeltree.core.errors import DataError
from labeltree.core.hierarchy import ROOT, Hierarchy


def named(hierarchy, nodes):
    return [hierarchy.ids[v] for v in nodes]


def parents(hierarchy):
    """Return {id: ids of its parents}, the root as ''."""
    ptr = hierarchy.parent_ptr
    return {
        name: named(hierarchy, hierarchy.parent_idx[ptr[v] : ptr[v + 1]])
        for v, name in enumerate(hierarchy.ids)
    }


@st.composite
def taxonomies(draw):
    """(edges, label ids): a random DAG, some nodes of it meta-labels, some labels without edge."""
    n = draw(st.integers(1, 9))
    order = draw(st.permutations([f"n{i}" for i in range(n)]))
    pairs = [(order[i], order[j]) for i in range(n) for j in range(i + 1, n)]
    edges = draw(st.lists(st.sampled_from(pairs))) if pairs else []
    labels = draw(st.permutations(order))[: draw(st.integers(1, n))]
    return edges, labels


def above(edges, name):
    """Return the names above a name, by definition."""
    direct = {p for p, c in edges if c == name}
    return direct.union(*(above(edges, p) for p in direct)) if direct else set()


@st.composite
def label_sets(draw):
    edges, labels = draw(taxonomies())
    rows = draw(st.lists(st.lists(st.integers(0, len(labels) - 1), unique=True), max_size=5))
    Y = np.zeros((len(rows), len(labels)))
    for i, row in enumerate(rows):
        Y[i, row] = 1
    return edges, labels, Y


# ---- building ------------------------------------------------------------------------------------


def test_a_diamond():
    h = Hierarchy.from_edges([("top", "left"), ("top", "right"), ("left", "low"), ("right", "low")])
    assert h.ids == ("", "top", "left", "right", "low")
    assert h.label.tolist() == [-1, 0, 1, 2, 3]
    assert h.level.tolist() == [0, 1, 2, 2, 3]
    assert h.edges.tolist() == [[0, 1, 1, 2, 3], [1, 2, 3, 4, 4]]
    ptr, idx = h.children
    assert [named(h, idx[a:b]) for a, b in pairwise(ptr)] == [
        ["top"], ["left", "right"], ["low"], ["low"], [],
    ]  # fmt: skip
    assert h.is_leaf.tolist() == [False, False, False, False, True]
    assert h.n_nodes == 5
    assert h.n_labels == 4
    assert [named(h, row) for row in np.split(h.ancestors.indices, h.ancestors.indptr[1:-1])] == [
        [], [""], ["", "top"], ["", "top"], ["", "top", "left", "right"],
    ]  # fmt: skip


def test_several_roots_stand_below_the_virtual_one():
    h = Hierarchy.from_edges([("a", "x"), ("b", "x"), ("b", "y")])
    assert named(h, h.branches) == ["a", "b"]
    assert parents(h) == {"": [], "a": [""], "b": [""], "x": ["a", "b"], "y": ["b"]}


@pytest.mark.parametrize("label_ids", [None, ["a", "b"], ["a", "b", "c", "lone"]])
def test_a_lone_source_called_root_is_absorbed(label_ids):
    h = Hierarchy.from_edges([(ROOT, "a"), ("a", "b"), (ROOT, "c"), (ROOT, "b")], label_ids)
    assert ROOT not in h.ids
    assert parents(h)["a"] == parents(h)["c"] == [""]
    assert parents(h)["b"] == ["a"]
    assert h.level[h.ids.index("b")] == 2


def test_root_stays_if_a_document_carries_it():
    h = Hierarchy.from_edges([(ROOT, "a")], ["a", ROOT])
    assert h.ids == ("", ROOT, "a")
    assert h.label.tolist() == [-1, 1, 0]


def test_root_stays_beside_another_source():
    h = Hierarchy.from_edges([(ROOT, "a"), ("other", "b")])
    assert named(h, h.branches) == [ROOT, "other"]


def test_root_stays_below_another_node():
    h = Hierarchy.from_edges([("top", ROOT), (ROOT, "a")])
    assert h.ids == ("", "top", ROOT, "a")


def test_no_other_lone_source_is_absorbed():
    assert Hierarchy.from_edges([("root", "a"), ("root", "b")]).ids == ("", "root", "a", "b")


def test_duplicate_edges_count_once():
    once = Hierarchy.from_edges([("a", "b"), ("a", "c")])
    twice = Hierarchy.from_edges([("a", "b"), ("a", "c"), ("a", "b"), ("a", "b")])
    assert twice.ids == once.ids
    assert twice.edges.tolist() == once.edges.tolist()


def test_labels_without_edges_hang_below_the_root():
    h = Hierarchy.from_edges([("a", "b")], ["lone", "b", "a"])
    assert set(named(h, h.branches)) == {"a", "lone"}
    assert h.label_ids == ("lone", "b", "a")
    assert named(h, h.node_of_label) == ["lone", "b", "a"]


def test_meta_labels_between_labels():
    h = Hierarchy.from_edges([("a", "meta"), ("meta", "b"), ("b", "c")], ["c", "b", "a"])
    assert h.label.tolist() == [-1, 2, -1, 1, 0]
    assert h.n_labels == 3
    assert h.label_ancestors.toarray().tolist() == [[0, 1, 1], [0, 0, 1], [0, 0, 0]]
    assert h.close(csr_array([[0.0, 1, 0]])).toarray().tolist() == [[0, 1, 1]]


def test_without_edges_there_is_the_root_and_its_labels():
    empty = Hierarchy.from_edges([])
    assert empty.ids == ("",)
    assert (empty.n_labels, empty.level.tolist(), empty.branches.tolist()) == (0, [0], [])
    assert empty.ancestors.shape == (1, 1)
    assert empty.is_leaf.tolist() == [True]
    flat = Hierarchy.from_edges([], ["x", "y"])
    assert flat.label_ids == ("x", "y")
    assert flat.label_ancestors.nnz == 0
    assert Hierarchy.from_edges([("a", "b")], []).n_labels == 0


def test_label_ids_may_be_an_array():
    assert Hierarchy.from_edges([("a", "b")], np.array(["b", "a"])).label_ids == ("b", "a")


@pytest.mark.parametrize(
    ("edges", "loop"),
    [
        ([("a", "b"), ("b", "c"), ("c", "a")], {"a > b > c > a", "b > c > a > b", "c > a > b > c"}),
        ([("top", "a"), ("a", "b"), ("b", "a"), ("b", "below")], {"a > b > a", "b > a > b"}),
        ([("top", "a"), ("a", "a")], {"a > a"}),
        ([(ROOT, ROOT)], {"Root > Root"}),
    ],
)
def test_a_cycle_is_named(edges, loop):
    with pytest.raises(DataError, match="cycle") as error:
        Hierarchy.from_edges(edges)
    assert str(error.value).removeprefix("The taxonomy has a cycle: ").split(".")[0] in loop
    assert "remove one of these edges" in str(error.value)


def test_label_ids_must_be_unique():
    with pytest.raises(DataError, match="'b' occurs twice"):
        Hierarchy.from_edges([("a", "b")], ["a", "b", "c", "b"])


def test_the_empty_id_is_the_root():
    h = Hierarchy.from_edges([("", "a"), ("a", "b"), ("", "b")])
    assert parents(h) == {"": [], "a": [""], "b": ["a"]}
    with pytest.raises(DataError, match="cannot have a parent"):
        Hierarchy.from_edges([("a", "")])
    with pytest.raises(DataError, match="empty"):
        Hierarchy.from_edges([("a", "b")], ["a", ""])


def test_ids_may_be_any_text():
    edges = [("Größe", "größe"), ("größe", "大きさ"), ("大きさ", "a\tb\n"), ("a\tb\n", "\ud800")]
    h = Hierarchy.from_edges(edges)
    assert h.ids == ("", "Größe", "größe", "大きさ", "a\tb\n", "\ud800")


@given(taxonomies())
def test_invariants(taxonomy):
    edges, labels = taxonomy
    h = Hierarchy.from_edges(edges, labels)
    names = {n for e in edges for n in e} | set(labels)
    assert sorted(h.ids) == sorted(names | {""})
    assert h.label_ids == tuple(labels)
    assert set(named(h, np.flatnonzero(h.label < 0))) == (names - set(labels)) | {""}
    up, down = h.edges
    assert (up < down).all(), "a parent stands before its children"
    assert {(h.ids[p], h.ids[c]) for p, c in h.edges.T if p} == set(edges)
    assert set(named(h, h.branches)) == {n for n in names if not above(edges, n)}
    for v in range(1, h.n_nodes):
        mine = h.parent_idx[h.parent_ptr[v] : h.parent_ptr[v + 1]]
        assert h.level[v] == max(h.level[mine]) + 1
        assert (np.diff(mine) > 0).all()
        assert set(named(h, h.ancestors[[v]].indices)) == above(edges, h.ids[v]) | {""}


@pytest.mark.parametrize(
    ("label", "parent_ptr", "parent_idx", "problem"),
    [
        ([-1, 0], [0, 0, 1, 2], [0, 1], "3 ids, 2 labels"),
        ([-1, 0, 1], [0, 0, 1], [0], "3 pointers"),
        ([-1, 0, 0], [0, 0, 1, 2], [0, 1], "each at one node"),
        ([-1, 0, 2], [0, 0, 1, 2], [0, 1], "each at one node"),
        ([0, 1, 2], [0, 0, 1, 2], [0, 1], "none at the root"),
        ([-1, 0, 1], [0, 0, 1, 3], [0, 1], "do not fit"),
        ([-1, 0, 1], [0, 0, 2, 1], [0], "do not fit"),
        ([-1, 0, 1], [0, 1, 1, 2], [0, 1], "has a parent"),
        ([-1, 0, 1], [0, 0, 1, 1], [0], "has a parent"),
        ([-1, 0, 1], [0, 0, 1, 2], [0, -1], "has a parent"),
        ([-1, 0, 1], [0, 0, 1, 2], [2, 0], "before its parent"),
        ([-1, 0, 1], [0, 0, 1, 2], [0, 2], "before its parent"),
    ],
)
def test_arrays_that_are_no_hierarchy_are_refused(label, parent_ptr, parent_idx, problem):
    arrays = [np.array(a, np.int32) for a in (label, parent_ptr, parent_idx)]
    with pytest.raises(DataError, match=problem):
        Hierarchy(("", "a", "b"), *arrays)


# ---- label sets ----------------------------------------------------------------------------------


@given(label_sets())
def test_closing_against_the_definition(case):
    edges, labels, Y = case
    h = Hierarchy.from_edges(edges, labels)
    closed, specific = Y.copy(), Y.copy()
    for i, c in np.argwhere(Y):
        for name in above(edges, labels[c]) & set(labels):
            closed[i, labels.index(name)] = 1
            specific[i, labels.index(name)] = 0
    given_matrix = csr_array(Y)
    np.testing.assert_array_equal(h.close(given_matrix).toarray(), closed)
    np.testing.assert_array_equal(h.most_specific(given_matrix).toarray(), specific)
    assert h.most_specific(given_matrix).nnz == specific.sum(), "no zeros are stored"
    assert h.is_closed(given_matrix) == (closed == Y).all()
    assert h.is_closed(h.close(given_matrix))
    np.testing.assert_array_equal(given_matrix.toarray(), Y)
    np.testing.assert_array_equal(h.close(h.most_specific(given_matrix)).toarray(), closed)


def test_zeros_that_are_stored_are_no_labels():
    h = Hierarchy.from_edges([("a", "b"), ("b", "c")])
    Y = csr_array((np.float32([1, 0]), np.int32([0, 2]), np.int32([0, 2])), shape=(1, 3))
    assert h.is_closed(Y)
    assert h.close(Y).toarray().tolist() == [[1, 0, 0]]
    assert h.most_specific(Y).toarray().tolist() == [[1, 0, 0]]


@pytest.mark.parametrize("dtype", [bool, int, float])
def test_label_sets_of_any_type(dtype):
    h = Hierarchy.from_edges([("a", "b")])
    Y = csr_array(np.array([[0, 1], [1, 1]], dtype))
    assert h.close(Y).toarray().tolist() == [[1, 1], [1, 1]]
    assert h.most_specific(Y).toarray().tolist() == [[0, 1], [0, 1]]
    assert not h.is_closed(Y)


@pytest.mark.parametrize("method", ["close", "most_specific", "is_closed"])
def test_label_sets_of_another_width_are_refused(method):
    h = Hierarchy.from_edges([("a", "b")])
    with pytest.raises(DataError, match="Y has 3 columns, the hierarchy 2 labels"):
        getattr(h, method)(csr_array((1, 3)))


# ---- networkx ------------------------------------------------------------------------------------


@given(taxonomies())
def test_through_networkx_and_back(taxonomy):
    h = Hierarchy.from_edges(*taxonomy)
    graph = h.to_networkx()
    assert nx.is_directed_acyclic_graph(graph)
    assert [graph.nodes[name]["label"] for name in h.ids] == h.label.tolist()
    again = Hierarchy.from_networkx(graph, h.label_ids)
    assert sorted(again.ids) == sorted(h.ids)
    assert again.label_ids == h.label_ids
    assert {k: set(v) for k, v in parents(again).items()} == {
        k: set(v) for k, v in parents(h).items()
    }
    levels = {again.ids[v]: level for v, level in enumerate(again.level)}
    assert levels == {h.ids[v]: level for v, level in enumerate(h.level)}


def test_a_graph_with_a_lone_node_is_numbered_like_any_other():
    graph = nx.DiGraph([("low", "lower"), ("top", "low"), (ROOT, "top")])
    graph.add_node("lone")
    h = Hierarchy.from_networkx(graph)
    assert set(h.ids) == {"", "top", "low", "lower", "lone"}
    assert h.label.tolist() == [-1, 0, 1, 2, 3]
    assert (np.diff(h.level) >= 0).all()


def test_nodes_of_a_graph_may_be_numbers_and_edges_parallel():
    graph = nx.MultiDiGraph([(1, 2), (1, 2), (1, 3)])
    assert Hierarchy.from_networkx(graph).ids == ("", "1", "2", "3")


def test_graphs_without_direction_or_with_equal_names_are_refused():
    with pytest.raises(DataError, match="undirected"):
        Hierarchy.from_networkx(nx.Graph([("a", "b")]))
    with pytest.raises(DataError, match="same name"):
        Hierarchy.from_networkx(nx.DiGraph([(1, "1")]))


# ---- size ----------------------------------------------------------------------------------------


def timed(limit, function):
    """Call, and fail if it took longer than `limit` seconds of this thread."""
    start = time.thread_time()
    result = function()
    assert time.thread_time() - start < limit
    return result


def test_a_chain_of_3000_nodes():
    n = 3000
    edges = [(f"n{i}", f"n{i + 1}") for i in range(n - 1)]
    h = timed(2, lambda: Hierarchy.from_edges(edges[::-1]))
    assert h.level.tolist() == list(range(n + 1))
    assert timed(10, lambda: h.ancestors).nnz == n * (n + 1) // 2
    deepest = csr_array(([1.0], ([0], [h.label[-1]])), shape=(1, n))
    assert timed(5, lambda: h.close(deepest)).nnz == n


def test_a_tree_of_100000_nodes():
    n, rng = 100_000, np.random.default_rng(0)
    parent = (np.arange(1, n) * rng.random(n - 1) ** 0.2 / 3).astype(int)
    edges = [(str(p), str(c)) for c, p in enumerate(parent.tolist(), 1)]
    h = timed(5, lambda: Hierarchy.from_edges(edges))
    assert h.n_nodes == n + 1
    level = timed(1, lambda: h.level)
    assert timed(5, lambda: h.ancestors).nnz == level.sum()
    assert timed(3, lambda: h.label_ancestors).nnz == (level[1:] - 1).sum()
    assert timed(1, lambda: h.children)[0][-1] == n
