import numpy as np
import pytest

from labeltree.core.arrays import as_csr
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.core.pool import ThreadPool
from labeltree.core.tree import LabelTree
from labeltree.grow import Given, Graft, Grown, Huffman, KMeans, Random, Star
from labeltree.grow.as_hierarchy import as_hierarchy

DIAMOND = [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("c", "e")]


def test_inner_nodes_are_no_labels(seven_nodes):
    h = as_hierarchy(seven_nodes, Labels(("w", "x", "y", "z")))
    assert h.label_ids == ("w", "x", "y", "z")
    assert h.n_nodes == 7
    assert h.level[h.node_of_label].tolist() == [2, 2, 2, 2]
    assert (h.label[1:3] == -1).all()
    assert not h.label_ancestors.nnz, "nothing is added when label sets are closed"


def test_siblings_stay_siblings(seven_nodes):
    h = as_hierarchy(seven_nodes, Labels(("w", "x", "y", "z")))
    parent, child = h.edges
    above = dict(zip(child.tolist(), parent.tolist(), strict=True))
    w, x, y, z = h.node_of_label.tolist()
    assert above[w] == above[x] != above[y] == above[z]


def test_a_star_has_no_inner_nodes():
    h = as_hierarchy(LabelTree.from_parents([-1, 0, 0], [-1, 0, 1]), Labels(("a", "b")))
    assert h.n_nodes == 3
    assert h.level.tolist() == [0, 1, 1]


def test_one_label():
    h = as_hierarchy(LabelTree.from_parents([-1, 0], [-1, 0]), Labels(("only",)))
    assert h.n_nodes == 2


def test_a_label_may_be_called_like_a_cluster(seven_nodes):
    names = ("cluster 1", "cluster 2", "cluster 1'", "z")
    h = as_hierarchy(seven_nodes, Labels(names))
    assert h.n_nodes == 7
    assert h.label_ids == names
    assert h.level[h.node_of_label].tolist() == [2, 2, 2, 2]


def labelled(seed=0, n=200):
    """Return labels of a diamond with documents, closed or not."""
    ids = tuple("abcde")
    labels = Labels(ids, hierarchy=Hierarchy.from_edges(DIAMOND, ids))
    rng = np.random.default_rng(seed)
    Y = as_csr(rng.random((n, 5)) < 0.3, "Y")
    X = as_csr(rng.random((n, 20)) * (rng.random((n, 20)) < 0.4), "X")
    return X, Y, labels


@pytest.mark.parametrize("closed", [True, False])
def test_an_unfolded_taxonomy_folds_together_again(closed):
    """Copies of a node become one, and so do a node and the leaf that stands for it."""
    X, Y, labels = labelled()
    Y = labels.hierarchy.close(Y) if closed else Y
    tree = Given().build(X, Y, labels, seed=0, pool=ThreadPool(1))
    h = as_hierarchy(tree, labels)
    edges = {(h.ids[p], h.ids[c]) for p, c in h.edges.T.tolist()}
    assert edges == {*DIAMOND, ("", "a")}


@pytest.mark.parametrize(
    "source",
    [Grown(), Grown(clusterer=KMeans()), Star(), Random(), Huffman(), Graft(max_children=2)],
    ids=lambda s: type(s).__name__,
)
def test_every_tree_source(source):
    X, Y, labels = labelled()
    h = as_hierarchy(source.build(X, Y, labels, seed=0, pool=ThreadPool(1)), labels)
    assert h.label_ids == labels.ids
