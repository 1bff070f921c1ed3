import numpy as np
import pytest

from labeltree.core.arrays import as_csr
from labeltree.core.labels import Labels
from labeltree.core.pool import ThreadPool
from labeltree.grow import Random


def build(n_labels, seed=0, **parameters):
    Y = as_csr(np.ones((1, n_labels)), "Y")
    source = Random(**parameters)
    return source.build(Y, Y, Labels.numbered(n_labels), seed=seed, pool=ThreadPool(1))


@pytest.mark.parametrize("branching", [2, 3, 16])
@pytest.mark.parametrize("n_labels", [1, 2, 15, 200])
@pytest.mark.parametrize("max_leaf", [1, 7, 100])
def test_holds_every_label_once_in_equal_parts(n_labels, branching, max_leaf):
    tree = build(n_labels, branching=branching, max_leaf=max_leaf)
    assert sorted(tree.label[tree.label >= 0]) == list(range(n_labels))
    assert tree.fan_out.max() <= max(branching, max_leaf)
    below = tree.label_nodes.sum(axis=0)
    for v in tree.inner:
        children = slice(tree.child_ptr[v], tree.child_ptr[v + 1])
        assert np.ptp(below[children]) <= 1
        if (tree.label[children] >= 0).all():
            assert below[v] <= max_leaf
        else:
            assert below[v] > max_leaf


def test_the_seed_decides():
    first, again, other = (build(50, seed=s, max_leaf=5).label for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert (first[first >= 0] != np.arange(50)).any(), "shuffled"
