import numpy as np

from labeltree.core.arrays import as_csr
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.core.pool import ThreadPool
from labeltree.grow import GivenOrGrown, Grown, TwoMeans

POOL = ThreadPool(1)
X = as_csr(np.eye(4), "X")


def test_the_taxonomy_where_there_is_one():
    ids = ("a", "b", "c", "d")
    hierarchy = Hierarchy.from_edges([("a", "b"), ("a", "c"), ("b", "d")], label_ids=ids)
    Y = as_csr(np.array([[1, 1, 0, 1], [1, 0, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0.0]]), "Y")
    tree = GivenOrGrown().build(X, Y, Labels(ids, hierarchy=hierarchy), seed=0, pool=POOL)
    assert tree.level_sizes == [1, 1, 2, 1]


def test_a_grown_tree_where_there_is_none():
    source = GivenOrGrown(grown=Grown(TwoMeans(max_leaf=2)))
    tree = source.build(X, X, Labels.numbered(4), seed=0, pool=POOL)
    assert tree.level_sizes == [1, 2, 4]
