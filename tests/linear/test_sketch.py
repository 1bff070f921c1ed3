"""Count sketches against sums by hand, and their estimates against the truth."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from labeltree.core.pool import ThreadPool
from labeltree.linear.ridge import ridge
from labeltree.linear.sketch import CountSketch, as_buckets, signed_bits, signed_sums


def drawn(n_labels, n_hashes, n_buckets, seed=0):
    rng = np.random.default_rng(seed)
    return signed_bits(rng.integers(0, n_buckets, (n_labels, n_hashes)), n_buckets, rng)


def sets(n=30, n_labels=12, seed=1):
    return csr_array((np.random.default_rng(seed).random((n, n_labels)) < 0.3).astype(np.float32))


def by_hand(y, bits, n_buckets):
    """Add up signs, label by label."""
    sums = np.zeros(bits.shape[1] * n_buckets)
    for label in np.flatnonzero(y):
        for r, bit in enumerate(bits[label]):
            place = bit - 2 * n_buckets * r
            sums[r * n_buckets + place % n_buckets] += 1 if place < n_buckets else -1
    return sums


def test_bits_are_buckets_with_signs():
    bits = drawn(200, 5, 7)
    rng = np.random.default_rng(0)
    bucket, sign = as_buckets(bits, 7)
    np.testing.assert_array_equal(bucket - 7 * np.arange(5), rng.integers(0, 7, (200, 5)))
    assert set(np.unique(sign)) == {-1.0, 1.0}
    assert abs(sign.mean()) < 0.15
    assert (bits // 14 == np.arange(5)).all(), "the bits of a hash stand together"


def test_sums_are_those_by_hand():
    Y, bits = sets(), drawn(12, 4, 3)
    found = signed_sums(Y, bits, 3).toarray()
    for y, mine in zip(Y.toarray(), found, strict=True):
        np.testing.assert_array_equal(mine, by_hand(y, bits, 3))


def test_the_estimate_is_unbiased():
    """The mean over many hashes is the truth, for labels in the set and for others."""
    n_hashes, n_buckets = 6000, 3
    y = np.zeros((1, 10), np.float32)
    y[0, [2, 3, 7]] = 1
    bits = drawn(10, n_hashes, n_buckets)
    bucket, sign = as_buckets(bits, n_buckets)
    each = sign * signed_sums(csr_array(y), bits, n_buckets).toarray()[0][bucket]
    # Each of three others meets a label in a third of the hashes: a variance of 1 at most.
    np.testing.assert_allclose(each.mean(axis=1), y[0], atol=5 / np.sqrt(n_hashes))
    unsigned = np.abs(each).mean(axis=1)
    assert unsigned[y[0] == 0].min() > 0.4, "without signs collisions do not cancel"


def test_one_bucket_for_each_label_is_a_regression_of_each():
    rng = np.random.default_rng(2)
    X, Y = csr_array(rng.random((30, 8)), dtype=np.float32), sets()
    bits = signed_bits(rng.permutation(12)[:, None], 12, rng)
    sketch = CountSketch.fitted(X, Y, bits, 12, 0.5, ThreadPool(1))
    mine = sketch.values(X)[:, bits[:, 0]]
    np.testing.assert_allclose(mine, ridge(X, Y.toarray(), 0.5, ThreadPool(1))(X), atol=1e-5)


def test_a_bit_and_its_negative_add_up_from_features():
    rng = np.random.default_rng(3)
    X, Y, bits = csr_array(rng.random((30, 8)), dtype=np.float32), sets(), drawn(12, 3, 4)
    sketch = CountSketch.fitted(X, Y, bits, 4, 0.5, ThreadPool(1))
    x = csr_array(X[[5]])
    value = sketch.values(x)[0]
    assert sketch.n_features == 8
    assert value.shape == (24,)
    for bit in range(24):
        feature, part, rest = sketch.parts(x, bit)
        np.testing.assert_array_equal(feature, x.indices)
        assert part.sum() + rest == pytest.approx(value[bit], abs=1e-5)
        assert value[sketch.negative(bit)] == -value[bit]
        assert sketch.negative(sketch.negative(bit)) == bit
