"""Hashes of label numbers, drawn at random."""

from __future__ import annotations

import numpy as np

from labeltree.core.arrays import Longs

PRIME = (1 << 31) - 1
"""Above any number of labels; products of two smaller numbers fit 64 bits."""


def universal(n_labels: int, n_buckets: int, rng: np.random.Generator) -> Longs:
    """Return the buckets of labels 0, 1, ... by a 2-universal hash, (n_labels,).

    Carter, Wegman, "Universal Classes of Hash Functions" (JCSS 1979): two labels meet with
    probability 1 / n_buckets at most.
    """
    a, b = rng.integers(1, PRIME), rng.integers(0, PRIME)
    return np.asarray((a * np.arange(n_labels, dtype=np.int64) + b) % PRIME % n_buckets)


def balanced(n_labels: int, n_buckets: int, rng: np.random.Generator) -> Longs:
    """Return the buckets of labels 0, 1, ... so that their sizes differ by 1 at most, (n_labels,).

    A random permutation modulo `n_buckets`: two labels meet with probability 1 / n_buckets at most,
    and never where there are as many buckets as labels.
    """
    return np.asarray(rng.permutation(n_labels) % n_buckets, np.int64)
