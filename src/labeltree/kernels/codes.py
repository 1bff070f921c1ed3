"""From bits back to labels: each label has some bits, and scores what they say together."""

from __future__ import annotations

import numpy as np

from labeltree.kernels.compile import kernel
from labeltree.kernels.heap import push, sort_heap
from labeltree.kernels.sparse import Rows
from labeltree.kernels.transform import log_transform
from labeltree.kernels.types import F32, F64, I32

MEAN, MIN, MEDIAN = range(3)
"""How the values of a label's bits become its score."""


@kernel
def as_probabilities(margins: F32, transform: int) -> F32:
    """Return the scores of classifiers with these margins (n,), see `transform.log_transform`."""
    out = np.empty(len(margins), np.float32)
    for i in range(len(margins)):
        out[i] = np.exp(log_transform(margins[i], transform))
    return out


@kernel
def joint(value: F32, bits: I32, how: int, held: F64) -> float:
    """Return what the bits of a label say together; `held` is scratch (n_parts,)."""
    n = len(bits)
    if how == MEAN:
        total = 0.0
        for bit in bits:
            total += float(value[bit])
        return total / n
    if how == MIN:
        lowest = np.inf
        for bit in bits:
            lowest = min(lowest, float(value[bit]))
        return lowest
    for r in range(n):
        v, at = float(value[bits[r]]), r
        while at > 0 and held[at - 1] > v:
            held[at] = held[at - 1]
            at -= 1
        held[at] = v
    return float(held[(n - 1) // 2] + held[n // 2]) / 2


@kernel
def best_by_bits(value: F32, code: I32, how: int, k: int) -> tuple[I32, F64]:
    """Score all labels, keep the best.

    Parameters
    ----------
    value
        Of each bit, (n, n_bits).
    code
        The bits of each label, (n_labels, n_parts).
    how
        `MEAN`, `MIN` or `MEDIAN`.

    Returns
    -------
    (label, score), (n, k): best first, the lower label first on a tie; -1 and -inf where there are
    fewer than k.
    """
    n = len(value)
    label, score = np.full((n, k), -1, np.int32), np.full((n, k), -np.inf)
    sure, held = np.zeros(k, np.float32), np.empty(code.shape[1])
    for i in range(n):
        size = 0
        for j in range(len(code)):
            s = joint(value[i], code[j], how, held)
            if size < k or s > score[i, 0]:
                size = push(score[i], sure, label[i], size, (s, np.float32(0), j))
        sort_heap(score[i], sure, label[i], size)
    return label, score


@kernel
def best_of_candidates(
    value: F32, code: I32, how: int, k: int, carriers: Rows, n_top: int
) -> tuple[I32, F64]:
    """Score only labels that the best bits point at; parameters and result as in `best_by_bits`.

    Candidates have a bit among the `n_top` best of two parts of the code, or of its only one.

    Parameters
    ----------
    carriers
        The labels that have each bit. The bits of a part are as many as those of any other, and
        stand together.
    """
    n, n_parts = len(value), code.shape[1]
    label, score = np.full((n, k), -1, np.int32), np.full((n, k), -np.inf)
    sure, held = np.zeros(max(k, n_top), np.float32), np.empty(n_parts)
    width, needed = (len(carriers.indptr) - 1) // n_parts, min(2, n_parts)
    times, met = np.zeros(len(code), np.int32), np.empty(len(code), np.int32)
    bit, strength = np.empty(n_top, np.int32), np.empty(n_top)
    for i in range(n):
        n_met = 0
        for r in range(n_parts):
            n_best = 0
            for b in range(r * width, (r + 1) * width):
                new = (float(value[i, b]), np.float32(0), b)
                n_best = push(strength, sure, bit, n_best, new)
            for at in range(n_best):
                for e in range(carriers.indptr[bit[at]], carriers.indptr[bit[at] + 1]):
                    j = carriers.indices[e]
                    if times[j] == 0:
                        met[n_met] = j
                        n_met += 1
                    times[j] += 1
        size = 0
        for j in met[:n_met]:
            if times[j] >= needed:
                s = joint(value[i], code[j], how, held)
                size = push(score[i], sure, label[i], size, (s, np.float32(0), j))
            times[j] = 0
        sort_heap(score[i], sure, label[i], size)
    return label, score


@kernel
def best_in_clusters(
    value: F32, code: I32, cluster: I32, n_clusters: int, followed: int, k: int
) -> tuple[I32, F64]:
    """Score the labels of the clusters with most bits on, and those of no cluster.

    A bit of more than 1/2 is on; of two clusters with as many the one with the larger sum is
    first. Labels score the mean of their bits.

    Parameters
    ----------
    cluster
        Of each label, -1 for none, (n_labels,).
    followed
        Clusters whose labels are scored.

    Returns
    -------
    See `best_by_bits`.
    """
    n, held = len(value), np.empty(code.shape[1])
    label, score = np.full((n, k), -1, np.int32), np.full((n, k), -np.inf)
    sure, n_on, total = np.zeros(k, np.float32), np.empty(n_clusters), np.empty(n_clusters)
    most, largest = np.empty(followed), np.empty(followed, np.float32)
    chosen, open_ = np.empty(followed, np.int32), np.zeros(n_clusters + 1, np.bool_)
    for i in range(n):
        n_on[:], total[:] = 0, 0
        for j in range(len(code)):
            if cluster[j] >= 0:
                for bit in code[j]:
                    n_on[cluster[j]] += value[i, bit] > 0.5
                    total[cluster[j]] += float(value[i, bit])
        n_chosen = 0
        for c in range(n_clusters):
            new = (n_on[c], np.float32(total[c]), c)
            n_chosen = push(most, largest, chosen, n_chosen, new)
        open_[:] = False
        open_[-1] = True  # labels of cluster -1
        for c in chosen[:n_chosen]:
            open_[c] = True
        size = 0
        for j in range(len(code)):
            if open_[cluster[j]]:
                s = joint(value[i], code[j], MEAN, held)
                size = push(score[i], sure, label[i], size, (s, np.float32(0), j))
        sort_heap(score[i], sure, label[i], size)
    return label, score
