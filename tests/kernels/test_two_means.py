import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeltree.core.arrays import as_csr, for_kernel
from labeltree.grow.pifa import unit_rows
from labeltree.kernels import two_means
from labeltree.kernels.sparse import Rows

ANGLES = np.deg2rad([0, 20, 60, 90, 10, 75])
CIRCLE = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)


def split(Z, first=0, second=1, eps=1e-4, max_iter=100):
    Z = as_csr(Z, "Z")
    right, objective = two_means.halves_from(
        Rows(*for_kernel(Z)), Z.shape[1], first, second, float(eps), max_iter
    )
    return right, objective


def unit_vectors(seed, n, n_features=12, density=0.4, signed=False, n_zero=0):
    rng = np.random.default_rng(seed)
    Z = rng.normal(size=(n, n_features)) * (rng.random((n, n_features)) < density)
    Z = Z if signed else np.abs(Z)
    Z[rng.permutation(n)[:n_zero]] = 0
    return unit_rows(as_csr(Z, "Z"))


def split_by_the_book(Z, first, second, eps, max_iter):
    """label-trees.md, section 3, in float64."""
    Z = Z.toarray().astype(np.float64)
    n = len(Z)
    mu, previous = np.stack([Z[first], Z[second]]), -2.0
    for _ in range(max_iter):
        order = np.lexsort((np.arange(n), -(Z @ (mu[0] - mu[1]))))
        side = np.zeros(n, int)
        side[order[n // 2 :]] = 1
        objective = (Z * mu[side]).sum(axis=1).mean()
        if objective - previous < eps:
            break
        previous = objective
        mu = np.stack([Z[side == c].sum(axis=0) for c in (0, 1)])
        lengths = np.linalg.norm(mu, axis=1, keepdims=True)
        mu = np.divide(mu, lengths, out=mu, where=lengths > 0)
    return side.astype(bool), objective


def test_six_vectors_known_answer():
    right, objective = split(CIRCLE)
    assert right.astype(int).tolist() == [0, 0, 1, 1, 0, 1]
    assert objective == pytest.approx(0.983578, abs=1e-6)


@pytest.mark.parametrize(("rounds", "expected"), [(1, 0.767690), (2, 0.983578), (3, 0.983578)])
def test_objective_of_each_round(rounds, expected):
    assert split(CIRCLE, max_iter=rounds)[1] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("n", [2, 3, 10, 31])
@pytest.mark.parametrize("seed", range(6))
def test_equals_the_plain_loop(seed, n, signed):
    Z = unit_vectors(seed, n, n_features=40, density=0.5, signed=signed)
    right, objective = split(Z)
    expected, best = split_by_the_book(Z, 0, 1, 1e-4, 100)
    assert objective == pytest.approx(best, abs=1e-5)
    np.testing.assert_array_equal(right, expected)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6), n=st.integers(2, 40), signed=st.booleans(), n_zero=st.integers(0, 5)
)
def test_halves_differ_by_one_and_the_objective_never_falls(seed, n, signed, n_zero):
    Z = unit_vectors(seed, n, signed=signed, n_zero=min(n_zero, n))
    objectives = []
    for rounds in range(1, 9):
        right, objective = split(Z, n - 1, 0, eps=1e-12, max_iter=rounds)
        assert right.sum() == n - n // 2
        objectives.append(objective)
    assert np.isfinite(objectives).all()
    assert (np.diff(objectives) >= -2e-6).all()
    assert -1 - 1e-6 <= objectives[-1] <= 1 + 1e-6


@pytest.mark.parametrize("seed", range(8))
def test_the_last_split_is_the_best_for_its_centres(seed):
    Z = unit_vectors(seed, 8, signed=True)
    right, _ = split(Z, eps=1e-12)
    dense = Z.toarray()
    mu = np.stack([dense[~right].sum(axis=0), dense[right].sum(axis=0)])
    mu /= np.linalg.norm(mu, axis=1, keepdims=True)
    reached = (dense * mu[right.astype(int)]).sum()
    for left in itertools.combinations(range(8), 4):
        side = np.ones(8, int)
        side[list(left)] = 0
        assert (dense * mu[side]).sum() <= reached + 1e-5


@pytest.mark.parametrize("n", [2, 3, 7, 301])
def test_identical_vectors_split_by_number(n):
    right, objective = split(np.tile([[0.6, 0.8]], (n, 1)))
    assert right.tolist() == [False] * (n // 2) + [True] * (n - n // 2)
    assert objective == pytest.approx(1)


def test_all_vectors_zero():
    right, objective = split(np.zeros((5, 3)))
    assert right.tolist() == [False, False, True, True, True]
    assert objective == 0


def test_zero_vectors_do_not_cling_together():
    Z = np.vstack([np.tile([[1.0, 0]], (4, 1)), np.zeros((4, 2)), np.tile([[0, 1.0]], (4, 1))])
    right, _ = split(Z, 0, 11)
    assert right[4:8].sum() == 2
    assert not right[:4].any()
    assert right[8:].all()


def test_two_labels_part_whatever_they_are():
    for Z in (CIRCLE[:2], CIRCLE[[0, 0]], np.zeros((2, 2)), [[1.0, 0], [-1, 0]]):
        assert split(Z)[0].tolist() == [False, True]
    assert split(CIRCLE[:2], 1, 0)[0].tolist() == [True, False]


def test_opposite_directions_part():
    Z = np.array([[1.0, 0], [-1, 0], [0.98, 0.199], [-0.98, 0.199]])
    assert split(Z, 0, 1)[0].tolist() == [False, True, False, True]


@pytest.mark.parametrize("n", [2, 3, 5])
def test_two_distinct_draws_every_pair_equally_often(n):
    counts = np.zeros((n, n), int)
    for seed in range(4000):
        counts[two_means.two_distinct(n, np.uint64(seed))] += 1
    assert not counts.diagonal().any()
    expected = 4000 / (n * (n - 1))
    off_diagonal = counts[~np.eye(n, dtype=bool)]
    # Chi-square with at most 19 degrees of freedom: above 45 once in a thousand.
    assert ((off_diagonal - expected) ** 2 / expected).sum() < 45


def test_balanced_halves_splits_the_members_given():
    Z = unit_vectors(3, 30, n_features=50)
    members = np.arange(29, 3, -2, dtype=np.int32)
    seen = np.zeros(50, np.int32)
    seed = np.uint64(5)
    right, objective = two_means.balanced_halves(
        Rows(*for_kernel(Z)), members, seen, seed, 1e-4, 100
    )
    assert not seen.any()
    first, second = two_means.two_distinct(len(members), seed)
    expected, best = split_by_the_book(Z[members], first, second, 1e-4, 100)
    np.testing.assert_array_equal(right, expected)
    assert objective == pytest.approx(best, abs=1e-5)
    starts = {two_means.two_distinct(len(members), np.uint64(s)) for s in range(20)}
    assert len(starts) > 10, "the seed chooses the start"


def test_set_centres_equals_numpy():
    Z = unit_vectors(4, 9, signed=True, n_zero=2)
    right = np.arange(9) % 3 == 0
    for side in (right, np.zeros(9, bool)):
        expected = np.stack([Z.toarray()[~side].sum(0), Z.toarray()[side].sum(0)], axis=1)
        expected /= np.maximum(np.linalg.norm(expected, axis=0), 1e-30)
        for function in (two_means.set_centres, two_means.set_centres.py_func):
            centre = np.full((12, 2), 9, np.float32)
            function(Rows(*for_kernel(Z)), side, centre)
            np.testing.assert_allclose(centre, expected, atol=1e-6)


def test_equals_a_plain_loop():
    Z = unit_vectors(6, 11)
    right, objective = two_means.halves_from(Rows(*for_kernel(Z)), 12, 2, 5, 1e-4, 100)
    dense, previous = Z.toarray().astype(float), -2.0
    centre = dense[[2, 5]].T
    while True:
        similarity = dense @ centre
        order = np.argsort(similarity[:, 1] - similarity[:, 0], kind="stable")
        side = np.zeros(len(dense), bool)
        side[order[len(dense) // 2 :]] = True
        mean = similarity[np.arange(len(dense)), side.astype(int)].mean()
        if mean - previous < 1e-4:
            break
        previous = mean
        centre = np.stack([dense[~side].sum(axis=0), dense[side].sum(axis=0)], axis=1)
        centre /= np.linalg.norm(centre, axis=0)
    np.testing.assert_array_equal(right, side)
    assert objective == pytest.approx(mean, abs=1e-6)
