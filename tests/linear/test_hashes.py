"""Hashes: how often two labels meet."""

import numpy as np
import pytest

from labeltree.linear.hashes import PRIME, balanced, universal


@pytest.mark.parametrize("hashed", [universal, balanced])
@pytest.mark.parametrize(("n_labels", "n_buckets"), [(20, 6), (50, 10), (7, 3)])
def test_two_labels_meet_with_probability_one_over_b(hashed, n_labels, n_buckets):
    rng, draws = np.random.default_rng(0), 4000
    bucket = np.stack([hashed(n_labels, n_buckets, rng) for _ in range(draws)])
    assert bucket.min() == 0
    assert bucket.max() == n_buckets - 1
    meet = (bucket[:, :, None] == bucket[:, None]).mean(axis=0)
    apart = ~np.eye(n_labels, dtype=bool)
    noise = 4.5 * np.sqrt(1 / n_buckets / draws)
    assert meet[apart].max() <= 1 / n_buckets + noise
    assert meet[apart].mean() > 0.7 / n_buckets, "it does hash"


def test_draws_are_independent():
    """Two labels meet twice with probability B^-2."""
    rng = np.random.default_rng(1)
    pairs = np.stack([universal(2, 4, rng) for _ in range(20000)])
    same = (pairs[:, 0] == pairs[:, 1]).reshape(-1, 2)
    assert same.all(axis=1).mean() == pytest.approx(1 / 16, abs=0.01)


def test_large_numbers_do_not_overflow():
    class Largest:
        def integers(self, low, high):
            return np.int64(high - 1)

    found = universal(3_000_001, 1000, Largest())
    at = 3_000_000
    assert found[at] == ((PRIME - 1) * at + PRIME - 1) % PRIME % 1000


def test_balanced_buckets_differ_by_one_at_most():
    rng = np.random.default_rng(2)
    sizes = np.bincount(balanced(103, 10, rng))
    assert sorted(set(sizes.tolist())) == [10, 11]
    assert sorted(balanced(8, 100, rng).tolist()) == list(range(8)), "injective"
