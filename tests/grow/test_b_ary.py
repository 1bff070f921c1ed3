import numpy as np
import pytest
from scipy.sparse import random_array

from labeltree.core.arrays import as_csr
from labeltree.core.pool import ThreadPool
from labeltree.grow import BAry
from labeltree.grow.pifa import unit_rows

POOL = ThreadPool(1)


def cluster(n, source, seed=0, max_leaf=None):
    rng = np.random.default_rng(1)
    Z = unit_rows(as_csr(random_array((n, 12), density=0.4, rng=rng), "Z"))
    labels = np.arange(n, dtype=np.int32)
    return source.cluster(Z, labels, seed=seed, pool=POOL, max_leaf=max_leaf)


@pytest.mark.parametrize(
    ("n", "branching", "sizes"),
    [
        (3993, 16, [1, 4, 64, 3993]),
        (3993, 32, [1, 2, 64, 3993]),
        (13330, 16, [1, 16, 256, 13330]),
        (30938, 16, [1, 2, 32, 512, 30938]),
        (50, 16, [1, 50]),
        (101, 16, [1, 2, 101]),
    ],
)
def test_level_sizes_are_those_of_pecos(n, branching, sizes):
    assert cluster(n, BAry(branching=branching)).level_sizes == sizes


@pytest.mark.parametrize(("n", "max_leaf"), [(137, 5), (64, 4), (65, 4), (7, 1), (1, 3), (2, 1)])
@pytest.mark.parametrize("branching", [2, 3, 8])
def test_every_label_once_and_leaves_alike(n, max_leaf, branching):
    tree = cluster(n, BAry(branching=branching, max_leaf=max_leaf))
    assert sorted(tree.label[tree.label >= 0]) == list(range(n))
    is_last = np.array([tree.label[tree.child_ptr[v]] >= 0 for v in tree.inner])
    sizes = tree.fan_out[is_last]
    assert sizes.max() <= max(2, max_leaf)
    assert sizes.max() - sizes.min() <= 1
    assert (tree.fan_out[~is_last] <= branching).all()
    levels = tree.level[np.flatnonzero(tree.label >= 0)]
    assert len(np.unique(levels)) == 1, "all labels on one level"


def test_neighbours_are_merged():
    """Clusters 0 to 15 of the binary tree stand below the first node, 16 to 31 below the second."""
    two, many = (cluster(320, BAry(branching=b, max_leaf=10)) for b in (2, 16))
    assert two.level_sizes == [1, 2, 4, 8, 16, 32, 320]
    assert many.level_sizes == [1, 2, 32, 320]

    def below(tree, level):
        nodes = range(tree.level_ptr[level], tree.level_ptr[level + 1])
        return [set(tree.label_nodes[:, [v]].nonzero()[0].tolist()) for v in nodes]

    assert below(many, 1) == below(two, 1)
    assert below(many, 2) == below(two, 5)


def test_a_limit_of_the_caller_counts():
    tree = cluster(100, BAry(max_leaf=100), max_leaf=10)
    assert tree.fan_out.max() <= 16
    assert tree.fan_out[[tree.label[tree.child_ptr[v]] >= 0 for v in tree.inner]].max() <= 10


def test_the_seed_decides():
    trees = [cluster(100, BAry(max_leaf=5), seed=s).label.tolist() for s in (1, 1, 2)]
    assert trees[0] == trees[1] != trees[2]
