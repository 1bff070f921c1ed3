import numpy as np
import pytest

from labeltree.core.arrays import as_csr
from labeltree.core.pool import ThreadPool
from labeltree.grow import TwoMeans
from labeltree.grow.pifa import unit_rows

POOL = ThreadPool(1)


def two_directions(n, seed=0):
    """Unit vectors, the even ones near (1, 0), the odd ones near (0, 1)."""
    noise = np.random.default_rng(seed).uniform(0, 0.2, n)
    angle = np.where(np.arange(n) % 2, np.pi / 2 - noise, noise)
    return unit_rows(as_csr(np.stack([np.cos(angle), np.sin(angle)], axis=1), "Z"))


def leaves(tree):
    """Return the sets of labels below the last clusters."""
    return {
        frozenset(tree.label[tree.parent == v].tolist())
        for v in tree.inner
        if tree.label[tree.child_ptr[v]] >= 0
    }


@pytest.mark.parametrize("seed", range(5))
def test_finds_the_two_directions(seed):
    tree = TwoMeans(max_leaf=10).cluster(
        two_directions(20), np.arange(20, dtype=np.int32), seed=seed, pool=POOL
    )
    assert leaves(tree) == {frozenset(range(0, 20, 2)), frozenset(range(1, 20, 2))}


def test_only_the_labels_given_are_clustered():
    some = np.array([19, 2, 7, 4], np.int32)
    tree = TwoMeans(max_leaf=2).cluster(two_directions(20), some, seed=0, pool=POOL)
    assert leaves(tree) == {frozenset({2, 4}), frozenset({7, 19})}


@pytest.mark.parametrize(
    ("own", "callers", "most"), [(4, None, 4), (4, 3, 3), (3, 4, 3), (50, 1, 1), (50, 50, 20)]
)
def test_the_smaller_limit_counts(own, callers, most):
    tree = TwoMeans(max_leaf=own).cluster(
        two_directions(20), np.arange(20, dtype=np.int32), seed=0, pool=POOL, max_leaf=callers
    )
    sizes = [len(leaf) for leaf in leaves(tree)]
    assert max(sizes) <= most
    assert sum(sizes) == 20
    assert min(sizes) >= most / 2 - 1


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_equal_and_empty_rows_make_a_tree_too(value):
    Z = as_csr(np.full((9, 1), value), "Z")
    tree = TwoMeans(max_leaf=2).cluster(Z, np.arange(9, dtype=np.int32), seed=0, pool=POOL)
    assert sorted(tree.label[tree.label >= 0]) == list(range(9))
    assert max(len(leaf) for leaf in leaves(tree)) == 2


def test_max_iter_and_eps_bound_the_rounds():
    rng = np.random.default_rng(0)
    Z = unit_rows(as_csr(np.abs(rng.normal(size=(60, 8))), "Z"))
    everything = np.arange(60, dtype=np.int32)
    short, patient, sloppy = (
        leaves(TwoMeans(max_leaf=30, **p).cluster(Z, everything, seed=1, pool=POOL))
        for p in ({"max_iter": 1}, {"eps": 1e-9}, {"eps": 5.0})
    )
    assert short != patient
    assert sloppy == short
