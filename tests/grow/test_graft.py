import numpy as np
import pytest
from scipy.sparse import random_array

from labeltree.core.arrays import as_csr
from labeltree.core.errors import DataError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.core.pool import ThreadPool
from labeltree.grow import Given, Graft, TwoMeans
from labeltree.grow.pifa import unit_rows

WIDTHS = (70, 9, 31)


def corpus(closing, seed=0):
    """Branches with 70, 9 and 31 children; the words tell the child; five have no document."""
    edges = [(f"b{b}", f"b{b}c{c}") for b, n in enumerate(WIDTHS) for c in range(n)]
    ids = (*(f"b{b}" for b in range(3)), *(c for _, c in edges))
    labels = Labels(ids, hierarchy=Hierarchy.from_edges(edges, ids))
    rng = np.random.default_rng(seed)
    child = rng.integers(3, len(ids) - 5, 500)
    Y = np.zeros((500, len(ids)))
    Y[np.arange(500), child] = 1
    Y[:3] = np.eye(3, len(ids))
    words = random_array((500, 40), density=0.2, rng=rng).toarray()
    words[np.arange(500), child % 40] += 2
    Y = as_csr(Y, "Y")
    return unit_rows(as_csr(words, "X")), labels.hierarchy.close(Y) if closing else Y, labels


def build(source, X, Y, labels, seed=0, n_jobs=1):
    return source.build(X, Y, labels, seed=seed, pool=ThreadPool(n_jobs))


def without_anonymous(tree):
    """Return {nodes of the taxonomy on the path: label} of every node that came from it."""
    real = np.flatnonzero(tree.source >= 0)
    return {
        tuple(int(tree.source[u]) for u in tree.path(int(v)) if tree.source[u] >= 0): int(
            tree.label[v]
        )
        for v in real
    }


@pytest.mark.parametrize("closing", [True, False])
@pytest.mark.parametrize("max_children", [2, 7, 30, 50])
@pytest.mark.parametrize("max_leaf", [2, 30])
def test_no_node_is_wide_and_the_taxonomy_is_whole(closing, max_children, max_leaf):
    X, Y, labels = corpus(closing)
    source = Graft(clusterer=TwoMeans(max_leaf=max_leaf), max_children=max_children)
    tree, given = build(source, X, Y, labels), build(Given(), X, Y, labels)
    assert given.fan_out.max() == 70 + (not closing)
    assert tree.fan_out.max() <= max_children
    assert without_anonymous(tree) == without_anonymous(given)
    put_in = tree.source < 0
    assert put_in.sum() == tree.n_nodes - given.n_nodes > 0
    assert (tree.label[put_in] == -1).all()
    assert (np.diff(tree.child_ptr)[put_in] > 0).all(), "no empty cluster"
    np.testing.assert_array_equal(
        tree.node_targets(Y).sum(axis=0)[tree.label >= 0].sum(),
        given.node_targets(Y).sum(axis=0)[given.label >= 0].sum(),
    )


def test_nothing_is_wide():
    X, Y, labels = corpus(True)
    tree, given = build(Graft(max_children=70), X, Y, labels), build(Given(), X, Y, labels)
    np.testing.assert_array_equal(tree.parent, given.parent)
    np.testing.assert_array_equal(tree.label, given.label)
    np.testing.assert_array_equal(tree.source, given.source)


def test_children_that_look_alike_share_a_cluster():
    """In the widest branch, children c and c + 40 have the same marker word."""
    X, Y, labels = corpus(True)
    tree = build(Graft(clusterer=TwoMeans(max_leaf=10), max_children=10), X, Y, labels)
    node = {int(c): v for v, c in enumerate(tree.label) if c >= 0}
    twins = [(3 + c, 43 + c) for c in range(30)]
    together = np.mean([tree.parent[node[a]] == tree.parent[node[b]] for a, b in twins])
    assert together > 0.4, "by chance it would be one in eight"


def test_a_cluster_is_made_of_all_documents_below():
    """Inner children without documents of their own are clustered by their descendants."""
    edges = [("top", f"m{m}") for m in range(8)]
    edges += [(f"m{m}", f"m{m}x{x}") for m in range(8) for x in range(2)]
    ids = tuple(c for _, c in edges[8:])
    labels = Labels(ids, hierarchy=Hierarchy.from_edges(edges, ids))
    Y = as_csr(np.eye(16), "Y")
    side = np.arange(16) // 2 % 2  # even and odd inner nodes speak differently
    X = unit_rows(as_csr(np.stack([side, 1 - side], axis=1) + 0.01, "X"))
    tree = build(Graft(clusterer=TwoMeans(max_leaf=4), max_children=4), X, Y, labels)
    clusters = [v for v in range(tree.n_nodes) if tree.source[v] == -1]
    assert len(clusters) == 2
    below = [
        {labels.hierarchy.ids[s] for s in tree.source[tree.parent == v].tolist()} for v in clusters
    ]
    assert {"m0", "m2", "m4", "m6"} in below
    assert {"m1", "m3", "m5", "m7"} in below


def test_same_tree_for_any_number_of_threads():
    X, Y, labels = corpus(False)
    source = Graft(max_children=4)
    one, two, other = (build(source, X, Y, labels, seed, n) for seed, n in ((3, 1), (3, 2), (4, 1)))
    for part in ("parent", "label", "source"):
        np.testing.assert_array_equal(getattr(one, part), getattr(two, part))
    assert (one.source != other.source).any()


def test_without_a_taxonomy():
    X, Y, labels = corpus(True)
    with pytest.raises(DataError, match="needs a taxonomy"):
        build(Graft(), X, Y, Labels(labels.ids))
