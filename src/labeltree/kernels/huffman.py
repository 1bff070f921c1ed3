"""Huffman's merging in linear time: van Leeuwen's two queues (1976)."""

from __future__ import annotations

import numpy as np

from labeltree.kernels.compile import kernel
from labeltree.kernels.types import I64


@kernel
def merge(weight: I64, branching: int) -> I64:
    """Return the parent of each node, -1 at the root.

    Parameters
    ----------
    weight
        Weights of the leaves, ascending, (n,); leaves are nodes 0 to n - 1.
    branching
        Children of a node; the first merge takes fewer, so that all others are full.
    """
    n = len(weight)
    if n == 1:  # a root above the only leaf
        return np.array([1, -1])
    n_inner = (n - 2) // (branching - 1) + 1
    total = np.zeros(n + n_inner, np.int64)
    total[:n] = weight
    parent = np.full(n + n_inner, -1, np.int64)
    leaf, inner = 0, n  # the heads of both queues; merged weights arrive in ascending order
    size = 2 + (n - 2) % (branching - 1)
    for made in range(n, n + n_inner):
        for _ in range(size):
            if leaf < n and (inner == made or total[leaf] <= total[inner]):
                child = leaf
                leaf += 1
            else:
                child = inner
                inner += 1
            parent[child] = made
            total[made] += total[child]
        size = branching
    return parent
