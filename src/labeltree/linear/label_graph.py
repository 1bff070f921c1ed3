"""Which documents are alike in their labels, and how much."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array, diags_array

from labeltree.core.arrays import CSR, Floats, Ints, Longs, as_csr, for_kernel, row_of_entry
from labeltree.core.seeds import derived
from labeltree.kernels.compile import announce
from labeltree.kernels.label_neighbours import label_neighbours
from labeltree.kernels.sparse import Rows

COST = 5000
"""Pairs looked at for each document on average, at most, when frequent labels may be left out."""
TOGETHER = 1 << 18
"""Pairs whose overlap is summed at a time."""


def alike(Y: CSR, n: int, seed: int, *, bounded: bool = False) -> Ints:
    """Return the n documents most like each one, (n_documents, n), -1 behind the last.

    By the sum over shared labels of 1 / |y_j| (Tagami, KDD 2017): another document's labels count
    the less the more it has.

    Parameters
    ----------
    bounded
        Leave out the most frequent labels, so that the search costs `COST` a document at most.
    """
    announce()
    share = csr_array(diags_array(1 / np.maximum(1.0, np.diff(Y.indptr))) @ Y)
    carriers = _without_frequent(share) if bounded else csr_array(share.T)
    rows, inverted = (Rows(*for_kernel(as_csr(M, "labels"))) for M in (Y, carriers))
    return label_neighbours(rows, inverted, n, derived(seed))[0]


def _without_frequent(share: CSR) -> CSR:
    """Return each label's documents, none for labels so frequent that the search gets too dear."""
    carriers = csr_array(share.T)
    sizes = np.diff(carriers.indptr).astype(np.int64)
    ascending = np.argsort(sizes, kind="stable")
    dear = np.cumsum(sizes[ascending] ** 2) > COST * share.shape[0]
    kept = np.ones(len(sizes))
    kept[ascending[dear]] = 0
    carriers = csr_array(diags_array(kept) @ carriers)
    carriers.eliminate_zeros()
    return carriers


def overlaps(Y: CSR, n: int, n_far: int, seed: int) -> CSR:
    """Return y_i . y_j of some pairs, symmetric (n_documents, n_documents).

    Stored are each document with itself, with the n that overlap most, with `n_far` drawn at
    random, and their mirror images; zeros among them are stored too.
    """
    announce()
    n_documents = Y.shape[0]
    rows, carriers = (Rows(*for_kernel(as_csr(M, "labels"))) for M in (Y, csr_array(Y.T)))
    near, _ = label_neighbours(rows, carriers, min(n, n_documents), derived(seed, 0))
    far = np.random.default_rng(derived(seed, 1)).integers(0, n_documents, (n_documents, n_far))
    own = np.arange(n_documents)[:, None]
    to = np.hstack([own, near, far])
    pairs = np.stack([np.broadcast_to(own, to.shape)[to >= 0], to[to >= 0]])
    both = np.hstack([pairs, pairs[::-1]])
    ones = np.ones(both.shape[1], np.float32)
    graph = csr_array((ones, tuple(both)), shape=(n_documents, n_documents))
    graph.sum_duplicates()
    graph.data = _products(Y, row_of_entry(graph), graph.indices)
    return graph


def _products(Y: CSR, i: Longs, j: Ints) -> Floats:
    """Return y_i . y_j of each pair."""
    parts = [
        Y[i[a : a + TOGETHER]].multiply(Y[j[a : a + TOGETHER]]).sum(axis=1)
        for a in range(0, len(i), TOGETHER)
    ]
    return np.asarray(np.concatenate(parts), np.float32)
