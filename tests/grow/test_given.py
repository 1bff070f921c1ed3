import logging
from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeltree.core.arrays import as_csr, from_rows
from labeltree.core.errors import DataError, ParameterError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.core.pool import ThreadPool
from labeltree.grow import Given
from labeltree.grow.given import count_paths, primary_edges, self_leaves, unfold

FAMILY = [("animal", "cat"), ("animal", "dog"), ("dog", "poodle"), ("plant", "rose")]
DIAMOND = [("top", "left"), ("top", "right"), ("left", "bottom"), ("right", "bottom")]
DIAMOND += [("bottom", "under")]


def labelled(edges, ids=None):
    """Return Labels over the nodes of `edges`, all or the given ones."""
    ids = tuple(ids or dict.fromkeys(name for edge in edges for name in edge))
    return Labels(ids, hierarchy=Hierarchy.from_edges(edges, ids))


def closed(labels, *names):
    """Return Y with a row for each name: the label and all its ancestors."""
    return labels.hierarchy.close(from_rows([[labels.column[n]] for n in names], len(labels)))


def explicit(labels, *names):
    return from_rows([[labels.column[n]] for n in names], len(labels))


def build(labels, Y, **parameters):
    X = as_csr(np.ones((Y.shape[0], 1)), "X")
    return Given(**parameters).build(X, Y, labels, seed=0, pool=ThreadPool(1))


def shown(tree, labels):
    """Return {path of node ids: label id or None} of all nodes below the root."""
    ids = labels.hierarchy.ids
    label = [labels.ids[c] if c >= 0 else None for c in tree.label]
    return {
        tuple(ids[tree.source[u]] for u in tree.path(v)): label[v] for v in range(1, tree.n_nodes)
    }


def ladder(n):
    """n diamonds, one below the other: 2^n paths to the last node."""
    edges = []
    for i in range(n):
        edges += [
            (f"{i}", f"{i}a"),
            (f"{i}", f"{i}b"),
            (f"{i}a", f"{i + 1}"),
            (f"{i}b", f"{i + 1}"),
        ]
    return edges


# ---- inner labels --------------------------------------------------------------------------------


def test_closed_labels_stand_at_inner_nodes():
    labels = labelled(FAMILY)
    assert shown(build(labels, closed(labels, "poodle", "cat", "rose")), labels) == {
        ("animal",): "animal", ("plant",): "plant", ("animal", "cat"): "cat",
        ("animal", "dog"): "dog", ("plant", "rose"): "rose", ("animal", "dog", "poodle"): "poodle",
    }  # fmt: skip


def test_explicit_labels_of_inner_nodes_get_leaves_of_their_own():
    labels = labelled(FAMILY)
    tree = build(labels, explicit(labels, "poodle", "cat", "dog"))
    assert shown(tree, labels) == {
        ("animal",): None, ("plant",): None, ("animal", "cat"): "cat", ("animal", "dog"): None,
        ("plant", "rose"): "rose", ("animal", "dog", "poodle"): "poodle",
        ("animal", "animal"): "animal", ("animal", "dog", "dog"): "dog",
        ("plant", "plant"): "plant",
    }  # fmt: skip
    assert (np.diff(tree.child_ptr)[tree.label >= 0] == 0).all(), "labels are leaves"


def test_one_document_that_is_not_closed_makes_the_labels_explicit():
    labels = labelled(FAMILY)
    Y = closed(labels, "poodle", "cat", "rose").toarray()
    assert not build(labels, as_csr(Y, "Y")).has_copies
    assert build(labels, as_csr(Y, "Y")).label[1] >= 0
    Y[0, labels.column["animal"]] = 0
    assert (build(labels, as_csr(Y, "Y")).label[1:3] == -1).all()


def test_nodes_that_are_no_label_stay_without():
    labels = labelled(FAMILY, ["cat", "poodle", "rose", "dog"])
    tree = build(labels, explicit(labels, "cat", "poodle"))
    found = shown(tree, labels)
    assert found["animal",] is None
    assert found["animal", "dog", "dog"] == "dog"
    assert ("animal", "animal") not in found


def test_a_label_outside_the_taxonomy_hangs_below_the_root():
    labels = labelled(FAMILY, ["cat", "poodle", "rose", "dog", "mineral"])
    assert shown(build(labels, explicit(labels, "cat")), labels)["mineral",] == "mineral"


@pytest.mark.parametrize("edges", [FAMILY, DIAMOND, ladder(3)])
def test_every_label_comes_back_from_its_nodes(edges):
    """A classifier that is always right finds the labels of a document, no more, no less."""
    labels = labelled(edges)
    one_each = explicit(labels, *labels.ids)
    for Y in (one_each, labels.hierarchy.close(one_each)):
        tree = build(labels, Y, max_growth=100)
        right = tree.node_targets(Y).toarray() > 0
        for i in range(len(labels)):
            reached, front = set(), [0]
            while front:
                below = np.concatenate(
                    [np.arange(tree.child_ptr[v], tree.child_ptr[v + 1]) for v in front]
                )
                front = below[right[i, below]].tolist()
                reached |= set(tree.label[front].tolist()) - {-1}
            assert reached == set(Y[[i]].indices.tolist())


# ---- several parents -----------------------------------------------------------------------------


def test_a_diamond_unfolds_into_both_paths():
    labels = labelled(DIAMOND)
    tree = build(labels, closed(labels, "under"))
    assert shown(tree, labels) == {
        ("top",): "top", ("top", "left"): "left", ("top", "right"): "right",
        ("top", "left", "bottom"): "bottom", ("top", "right", "bottom"): "bottom",
        ("top", "left", "bottom", "under"): "under", ("top", "right", "bottom", "under"): "under",
    }  # fmt: skip
    assert tree.has_copies


def test_an_edge_may_skip_levels():
    labels = labelled([("a", "b"), ("b", "c"), ("a", "c")])
    found = shown(build(labels, closed(labels, "c")), labels)
    assert set(found) == {("a",), ("a", "b"), ("a", "c"), ("a", "b", "c")}


@st.composite
def graphs(draw):
    n = draw(st.integers(2, 9))
    pairs = [(f"{a}", f"{b}") for b in range(n) for a in range(b)]
    return draw(st.lists(st.sampled_from(pairs), min_size=1, unique=True))


@settings(max_examples=80, deadline=None)
@given(edges=graphs())
def test_unfolding_lists_every_path_once(edges):
    hierarchy = Hierarchy.from_edges(edges)
    graph = nx.DiGraph([(int(p), int(c)) for p, c in hierarchy.edges.T])
    expected = [
        tuple(path[1:])
        for v in range(1, hierarchy.n_nodes)
        for path in nx.all_simple_paths(graph, 0, v)
    ]
    parent, node = unfold(hierarchy.edges, hierarchy.n_nodes)

    def path_to(v):
        return () if v == 0 else (*path_to(parent[v]), int(node[v]))

    assert sorted(path_to(v) for v in range(1, len(parent))) == sorted(expected)
    copies = count_paths(hierarchy)
    assert copies.sum() == len(expected) + 1
    assert all(copies[v] == (node == v).sum() for v in range(hierarchy.n_nodes))


@settings(max_examples=60, deadline=None)
@given(edges=graphs(), closing=st.booleans(), seed=st.integers(0, 999))
def test_source_points_back_along_the_edges(edges, closing, seed):
    labels = labelled(edges)
    Y = as_csr((np.random.default_rng(seed).random((4, len(labels))) < 0.3).astype(float), "Y")
    Y = labels.hierarchy.close(Y) if closing else Y
    tree = build(labels, Y, max_growth=100, max_copies=1000)
    arcs = set(map(tuple, labels.hierarchy.edges.T.tolist()))
    assert tree.source[0] == 0
    for v in range(1, tree.n_nodes):
        up, own = int(tree.source[tree.parent[v]]), int(tree.source[v])
        assert (up, own) in arcs or up == own
        if tree.label[v] >= 0:
            assert labels.hierarchy.label[own] == tree.label[v]
    assert set(tree.label.tolist()) == set(range(-1, len(labels)))


def test_path_counts_of_a_ladder_do_not_overflow():
    hierarchy = Hierarchy.from_edges(ladder(100))
    copies = count_paths(hierarchy)
    assert copies[-1] == 2.0**100
    assert copies.min() == 1


@pytest.mark.parametrize("n", [20, 80])
def test_a_ladder_of_diamonds_is_not_unfolded(n, caplog):
    labels = labelled(ladder(n))
    with caplog.at_level(logging.WARNING, "labeltree"):
        tree = build(labels, closed(labels, str(n)))
    assert tree.n_nodes == labels.hierarchy.n_nodes
    assert not tree.has_copies
    assert f"keeping the primary parent of each of the {n} nodes with several" in caplog.text
    assert "unfolds to -" not in caplog.text


@pytest.mark.parametrize(
    ("limits", "unfolded"),
    [
        ({}, True),
        ({"max_growth": 8 / 6}, True),  # 8 nodes from 6, the root included
        ({"max_growth": 1.3}, False),
        ({"max_copies": 2}, True),
        ({"max_copies": 1}, False),
    ],
)
def test_limits_of_unfolding(limits, unfolded, caplog):
    labels = labelled(DIAMOND)
    with caplog.at_level(logging.WARNING, "labeltree"):
        tree = build(labels, closed(labels, "under"), **limits)
    assert tree.has_copies == unfolded
    assert tree.n_nodes == (8 if unfolded else 6)
    assert bool(caplog.records) != unfolded


def test_the_primary_parent_shares_most_documents():
    labels = labelled(DIAMOND)
    left, right, bottom = (labels.column[n] for n in ("left", "right", "bottom"))
    for rows, expected in [
        ([[left, bottom], [right, bottom], [right, bottom], [left], [left]], "right"),
        ([[left, bottom], [right, bottom]], "left"),
        ([[left], [right]], "left"),
    ]:
        Y = from_rows(rows, len(labels))
        parent, child = primary_edges(labels.hierarchy, Y)
        ids = labels.hierarchy.ids
        found = {ids[c]: ids[p] for p, c in zip(parent, child, strict=True)}
        assert found == {
            "top": "", "left": "top", "right": "top", "bottom": expected, "under": "bottom",
        }  # fmt: skip


def test_primary_parents_where_no_parent_is_a_label():
    labels = labelled(DIAMOND, ["bottom"])
    parent, child = primary_edges(labels.hierarchy, from_rows([[0], [0]], 1))
    assert sorted(child.tolist()) == [1, 2, 3, 4, 5]
    assert all(p < c for p, c in zip(parent, child, strict=True))


def test_self_leaves_keep_what_was_there():
    parent, node, label = (np.array(a) for a in ([-1, 0, 1, 0], [0, 1, 2, 3], [-1, 4, 5, 6]))
    up, source, moved = self_leaves(parent, node, label)
    assert up.tolist() == [-1, 0, 1, 0, 1]
    assert source.tolist() == [0, 1, 2, 3, 1]
    assert moved.tolist() == [-1, -1, 5, 6, 4]


# ---- what cannot work ----------------------------------------------------------------------------


def test_without_a_taxonomy():
    with pytest.raises(DataError, match=r"taxonomy.*taxonomy\.tsv"):
        build(Labels.numbered(3), as_csr(np.eye(3), "Y"))


def test_parameters_are_checked():
    with pytest.raises(ParameterError, match="max_copies"):
        Given(max_copies=0)
    with pytest.raises(ParameterError, match="max_growth"):
        Given(max_growth=0)


def test_a_chain_is_itself():
    edges = [(str(a), str(b)) for a, b in pairwise(range(30))]
    labels = labelled(edges)
    tree = build(labels, closed(labels, "29"))
    assert tree.level_sizes == [1] * 31
