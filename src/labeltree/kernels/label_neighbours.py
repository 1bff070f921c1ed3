"""Documents alike in their labels: for each the others that share most, by an inverted index."""

from __future__ import annotations

import numpy as np

from labeltree.kernels.compile import kernel
from labeltree.kernels.heap import push, sort_heap
from labeltree.kernels.random import mixed
from labeltree.kernels.sparse import Rows
from labeltree.kernels.types import F32, I32


@kernel
def label_neighbours(labels: Rows, carriers: Rows, n: int, seed: np.uint64) -> tuple[I32, F32]:
    """Find for each document i the n others with the largest sum over shared labels of q_il w_jl.

    Parameters
    ----------
    labels
        q: weights of each document's labels, above 0, (n_documents, n_labels).
    carriers
        w: weights of each label's documents, above 0, (n_labels, n_documents). A label whose row
        is empty makes nobody alike.
    seed
        Of ties: documents that share equally much are drawn at random.

    Returns
    -------
    (document, overlap): (n_documents, n), most alike first; -1 and 0 where fewer share a label.
    """
    n_documents = len(labels.indptr) - 1
    found = np.full((n_documents, n), -1, np.int32)
    overlap = np.zeros((n_documents, n), np.float32)
    total, met = np.zeros(n_documents, np.float32), np.empty(n_documents, np.int32)
    score, draw = np.empty(n), np.empty(n, np.float32)
    for i in range(n_documents):
        n_met, size = add_overlaps(labels, carriers, i, total, met), 0
        own = mixed(seed + np.uint64(i))
        for m in range(n_met):
            j = met[m]
            if j != i:
                lot = np.float32(mixed(own + np.uint64(j)) >> np.uint64(40))
                size = push(score, draw, found[i], size, (float(total[j]), lot, j))
            total[j] = 0
        sort_heap(score, draw, found[i], size)
        overlap[i, :size] = score[:size]
    return found, overlap


@kernel
def number_known(neighbours: I32) -> int:
    """Return how many neighbours there are before the first -1."""
    n = 0
    while n < len(neighbours) and neighbours[n] >= 0:
        n += 1
    return n


@kernel
def add_overlaps(labels: Rows, carriers: Rows, i: int, total: F32, met: I32) -> int:
    """Add what documents share with document i to `total`; return how many are in `met`."""
    n_met = 0
    for a in range(labels.indptr[i], labels.indptr[i + 1]):
        label, weight = labels.indices[a], labels.data[a]
        for b in range(carriers.indptr[label], carriers.indptr[label + 1]):
            j = carriers.indices[b]
            if total[j] == 0:
                met[n_met] = j
                n_met += 1
            total[j] += weight * carriers.data[b]
    return n_met
