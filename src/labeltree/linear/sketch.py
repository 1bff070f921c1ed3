"""Count sketches of label sets: labels enter buckets with a sign, and the sums are regressed.

    S_rb(y) = sum of sign_r(l) over the labels l of y with h_r(l) = b
    sign_r(l) S_r,h_r(l)(y) = 1[l in y] + what others in the bucket add, 0 on average over the signs

Charikar, Chen, Farach-Colton, "Finding Frequent Items in Data Streams" (ICALP 2002). A bucket and
its negative stand side by side as two bits, so that a label reads its own sign by having one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.sparse import csr_array

from labeltree.core.arrays import CSR, Doubles, Floats, Ints, Longs
from labeltree.core.pool import Pool
from labeltree.core.store import storable
from labeltree.linear.ridge import Affine, ridge


def signed_bits(bucket: Longs, n_buckets: int, rng: np.random.Generator) -> Longs:
    """Return the bits of labels, (n_labels, n_hashes), from their buckets and signs drawn here.

    Hash r has the bits 2 r B ... 2 r B + B - 1 for its buckets, and the next B for their negatives.
    """
    first = 2 * n_buckets * np.arange(bucket.shape[1])
    return np.asarray(first + bucket + n_buckets * rng.integers(0, 2, bucket.shape))


def signed_sums(Y: CSR, bits: Ints, n_buckets: int) -> CSR:
    """Return S, (n_samples, n_hashes * n_buckets), of the label sets Y (n_samples, n_labels)."""
    n_labels, n_hashes = bits.shape
    bucket, sign = as_buckets(bits, n_buckets)
    ptr = np.arange(0, bits.size + 1, n_hashes)
    shape = n_labels, n_hashes * n_buckets
    return csr_array(Y @ csr_array((sign.ravel(), bucket.ravel(), ptr), shape=shape))


def as_buckets(bits: Ints, n_buckets: int) -> tuple[Longs, Doubles]:
    """Return the buckets, counted through all hashes, and the signs of some bits."""
    r, place = np.divmod(np.asarray(bits, np.int64), 2 * n_buckets)
    return r * n_buckets + place % n_buckets, np.where(place < n_buckets, 1.0, -1.0)


@storable
@dataclass(frozen=True, eq=False)
class CountSketch:
    """What a document's buckets hold, by ridge regression."""

    buckets: Affine
    """Weights are dense: (n_features, n_hashes * n_buckets)."""
    n_buckets: int
    """Of a hash."""

    @classmethod
    def fitted(cls, X: CSR, Y: CSR, bits: Ints, n_buckets: int, l2: float, pool: Pool) -> Self:
        """Regress the sums of label sets Y (n_samples, n_labels) on features X."""
        return cls(ridge(X, signed_sums(Y, bits, n_buckets), l2, pool), n_buckets)

    @property
    def n_features(self) -> int:
        """Features of a document."""
        return len(self.buckets.weight)

    def values(self, X: CSR) -> Floats:
        """Return what stands in each bit, (n_samples, 2 * n_hashes * n_buckets)."""
        S = self.buckets(X).reshape(X.shape[0], -1, self.n_buckets)
        return np.concatenate([S, -S], axis=2).reshape(X.shape[0], -1)

    def parts(self, x: CSR, bit: int) -> tuple[Ints, Doubles, float]:
        """Return features of one document, what each adds to a bit, and what is always added."""
        bucket, sign = as_buckets(np.array(bit), self.n_buckets)
        weight = self.buckets.weight[x.indices, bucket].astype(np.float64)
        return x.indices, sign * weight * x.data, float(sign * self.buckets.bias[bucket])

    def negative(self, bit: int) -> int:
        """Return the bit that holds the same bucket with the other sign."""
        above = bit // self.n_buckets % 2
        return bit - self.n_buckets if above else bit + self.n_buckets
