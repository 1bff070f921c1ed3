import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeltree.core.arrays import as_csr, for_kernel
from labeltree.grow.pifa import unit_rows
from labeltree.kernels import k_means
from labeltree.kernels.random import shuffle
from labeltree.kernels.sparse import Rows


def vectors(seed, n, n_features=20, n_zero=0):
    rng = np.random.default_rng(seed)
    Z = np.abs(rng.normal(size=(n, n_features))) * (rng.random((n, n_features)) < 0.4)
    Z[rng.permutation(n)[:n_zero]] = 0
    return unit_rows(as_csr(Z, "Z"))


def split(Z, n_clusters, *, members=None, seed=7, min_size=1, eps=1e-4, max_iter=100):
    Z = as_csr(Z, "Z")
    members = np.arange(Z.shape[0]) if members is None else members
    seen = np.zeros(Z.shape[1], np.int32)
    cluster, objective = k_means.spherical(
        Rows(*for_kernel(Z)), np.asarray(members, np.int32), seen, np.uint64(seed), n_clusters,
        min_size, (float(eps), max_iter),
    )  # fmt: skip
    assert not seen.any(), "the scratch comes back as it was"
    assert cluster.dtype == np.int32
    assert sorted(set(cluster)) == list(range(cluster.max() + 1)), "numbers without gaps"
    return cluster, objective


def split_by_the_book(Z, n_clusters, seed, min_size, eps=1e-4, max_iter=100):
    """label-trees.md, section 5, in float64."""
    Z = Z.toarray().astype(np.float64)
    order = np.arange(len(Z)).astype(np.uint32)
    shuffle(order, len(Z), np.uint64(seed))
    mu, previous = Z[order[:n_clusters]], -2.0
    for _ in range(max_iter):
        near = Z @ mu.T
        cluster = near.argmax(axis=1)
        objective = near.max(axis=1).mean()
        if objective - previous < eps:
            break
        previous = objective
        mu = np.stack([Z[cluster == k].sum(axis=0) for k in range(n_clusters)])
        lengths = np.linalg.norm(mu, axis=1, keepdims=True)
        mu = np.divide(mu, lengths, out=mu, where=lengths > 0)
    closed = set()
    while True:
        sizes = np.bincount(cluster, minlength=n_clusters)
        small = [k for k in range(n_clusters) if 0 < sizes[k] < min_size]
        if not small or sizes.max() == len(Z):
            return np.unique(cluster, return_inverse=True)[1], objective
        closed |= {min(small, key=lambda k: (sizes[k], k))} | set(np.flatnonzero(sizes == 0))
        cluster = np.where(np.isin(np.arange(n_clusters), list(closed)), -9, near).argmax(axis=1)


@pytest.mark.parametrize("min_size", [1, 2, 5])
@pytest.mark.parametrize("n_clusters", [2, 3, 10])
@pytest.mark.parametrize("seed", range(5))
def test_equals_the_plain_loop(seed, n_clusters, min_size):
    Z = vectors(seed, 41)
    found, objective = split(Z, n_clusters, seed=seed, min_size=min_size)
    expected, best = split_by_the_book(Z, n_clusters, seed, min_size)
    np.testing.assert_array_equal(found, expected)
    assert objective == pytest.approx(best, abs=1e-5)


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 10**6), n=st.integers(3, 40), min_size=st.integers(1, 6),
    n_zero=st.integers(0, 5), data=st.data(),
)  # fmt: skip
def test_no_cluster_is_too_small(seed, n, min_size, n_zero, data):
    n_clusters = data.draw(st.integers(2, n))
    Z = vectors(seed, n, n_zero=min(n_zero, n))
    cluster, objective = split(Z, n_clusters, seed=seed, min_size=min_size)
    sizes = np.bincount(cluster)
    assert len(sizes) == 1 or sizes.min() >= min_size
    assert len(sizes) <= n_clusters
    assert -1e-6 <= objective <= 1 + 1e-6


@pytest.mark.parametrize("seed", range(6))
def test_the_objective_never_falls(seed):
    Z = vectors(seed, 60)
    reached = [split(Z, 6, seed=seed, eps=1e-12, max_iter=r)[1] for r in range(1, 9)]
    assert (np.diff(reached) >= -2e-6).all()
    assert reached[-1] > reached[0]


def test_clear_groups_are_found_whatever_their_sizes():
    Z = np.repeat(np.eye(3), [9, 4, 2], axis=0)
    starts = {tuple(np.bincount(split(Z, 3, seed=s)[0])) for s in range(40)}
    assert any(sorted(sizes) == [2, 4, 9] for sizes in starts)
    assert len(starts) > 1, "the seed chooses the start"


def test_only_the_members_are_split():
    Z = vectors(3, 30)
    members = np.arange(29, 3, -2)
    found, _ = split(Z, 4, members=members, seed=5)
    expected, _ = split_by_the_book(as_csr(Z[members], "Z"), 4, 5, 1)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("Z", [np.zeros((6, 3)), np.tile([[0.6, 0.8, 0]], (6, 1))])
def test_rows_that_cannot_be_told_apart_stay_together(Z):
    cluster, objective = split(Z, 3, min_size=2)
    assert cluster.tolist() == [0] * 6
    assert objective == pytest.approx(float(Z.any()))


def test_pieces_equal_their_python():
    Z = vectors(4, 9, n_zero=1)
    rows = Rows(*for_kernel(Z))
    cluster = np.array([0, 2, 2, 0, 0, 2, 0, 2, 2], np.int32)  # the second has nobody
    sums = np.stack([Z.toarray()[cluster == k].sum(axis=0) for k in range(3)], axis=1)
    expected = sums / np.maximum(np.linalg.norm(sums, axis=0), 1e-30)
    for function in (k_means.recentre, k_means.recentre.py_func):
        centres = np.full((20, 3), 5, np.float32)
        function(rows, cluster, centres)
        np.testing.assert_allclose(centres, expected, atol=1e-6)
    for function in (k_means.similarities, k_means.similarities.py_func):
        out = np.full(3, 9, np.float32)
        function(rows, 2, centres, out)
        np.testing.assert_allclose(out, Z.toarray()[2] @ expected, atol=1e-6)
    for function in (k_means.assign, k_means.assign.py_func):
        given = np.zeros(9, np.int32)
        mean = function(rows, centres, np.array([False, True, True]), given)
        near = Z.toarray() @ expected[:, 1:]
        np.testing.assert_array_equal(given, 1 + near.argmax(axis=1))
        assert mean == pytest.approx(near.max(axis=1).mean(), abs=1e-6)
