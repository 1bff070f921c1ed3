import numpy as np
import pytest

from labeltree.core.arrays import as_csr
from labeltree.core.pool import ThreadPool
from labeltree.grow import KMeans, TwoMeans, k_means
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


def test_every_split_starts_from_a_seed_of_its_own(monkeypatch):
    seeds, halves = [], k_means.two_means.balanced_halves

    def spy(*arguments):
        seeds.extend(int(a) for a in arguments if isinstance(a, np.uint64))
        return halves(*arguments)

    monkeypatch.setattr(k_means.two_means, "balanced_halves", spy)
    everything = np.arange(20, dtype=np.int32)
    TwoMeans(max_leaf=2).cluster(two_directions(20), everything, seed=0, pool=POOL)
    assert len(set(seeds)) == len(seeds) > 10


# ---- many clusters -------------------------------------------------------------------------------


def four_directions(sizes):
    """Unit vectors around the axes, so many for each."""
    rng = np.random.default_rng(0)
    Z = np.repeat(np.eye(len(sizes)), sizes, axis=0) + rng.uniform(0, 0.1, (sum(sizes), len(sizes)))
    return unit_rows(as_csr(Z, "Z"))


def test_many_clusters_of_any_size():
    Z = four_directions([20, 9, 4, 2])
    everything = np.arange(35, dtype=np.int32)
    expected = {frozenset(range(a, b)) for a, b in ((0, 20), (20, 29), (29, 33), (33, 35))}
    found = []
    for seed in range(40):
        tree = KMeans(branching=4, max_depth=2).cluster(Z, everything, seed=seed, pool=POOL)
        assert tree.depth == 2
        assert sorted(tree.label[tree.label >= 0]) == list(range(35))
        found.append(leaves(tree))
        assert min(map(len, found[-1])) >= 2, "nobody stays alone"
    assert expected in found


@pytest.mark.parametrize("max_depth", [2, 3])
def test_depth_and_branching_are_kept(max_depth):
    rng = np.random.default_rng(1)
    Z = unit_rows(as_csr(np.abs(rng.normal(size=(200, 12))), "Z"))
    trees = [
        KMeans(branching=5, max_depth=max_depth).cluster(
            Z, np.arange(200, dtype=np.int32), seed=0, pool=ThreadPool(n)
        )
        for n in (1, 2)
    ]
    assert trees[0].depth == max_depth
    assert (np.diff(trees[0].level_ptr)[1:-1] <= 5 ** np.arange(1, max_depth)).all()
    np.testing.assert_array_equal(trees[0].parent, trees[1].parent)
    np.testing.assert_array_equal(trees[0].label, trees[1].label)


@pytest.mark.parametrize("alike", [False, True])
@pytest.mark.parametrize("most", [2, 7, 30])
def test_a_limit_of_the_caller_holds_at_any_depth(alike, most):
    Z = four_directions([20, 9, 4, 2]) if not alike else as_csr(np.ones((35, 1)), "Z")
    tree = KMeans(branching=10, max_depth=2).cluster(
        Z, np.arange(35, dtype=np.int32), seed=0, pool=POOL, max_leaf=most
    )
    assert tree.fan_out.max() <= most
    assert sorted(tree.label[tree.label >= 0]) == list(range(35))
