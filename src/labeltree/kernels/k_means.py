"""Spherical k-means of any number of clusters, of any sizes: the split of Bonsai's shallow trees.

Khandagale, Xiao, Babbar, "Bonsai: diverse and shallow trees for extreme multi-label classification"
(Machine Learning 2020), section 3: maximise the mean of z_l . mu_a(l) with |mu| = 1.
"""

from __future__ import annotations

import numpy as np

from labeltree.kernels.compile import fast_kernel, kernel
from labeltree.kernels.random import shuffle
from labeltree.kernels.sparse import Rows, gather
from labeltree.kernels.types import F32, I32, Bools


@kernel
def spherical(
    Z: Rows, members: I32, seen: I32, seed: np.uint64, n_clusters: int, min_size: int,
    stop: tuple[float, int],
) -> tuple[I32, float]:  # fmt: skip
    """Split labels into at most `n_clusters` clusters.

    Parameters
    ----------
    Z
        Label representations, rows of length 1 or 0.
    members
        Rows to split.
    seen
        Scratch, see `gather`.
    seed
        Draws the distinct labels that start as centres.
    min_size
        Smaller clusters are disbanded, their labels go to the best of the others.
    stop
        (eps, max_iter): stop when the mean similarity gains less, or after so many rounds.

    Returns
    -------
    (cluster, objective): numbers 0, 1, ... without gaps, (len(members),), and the mean
    similarity of labels to the centres they were assigned by.
    """
    n = len(members)
    rows, features = gather(Z, members, seen)
    eps, max_iter = stop
    centres = np.zeros((len(features), n_clusters), np.float32)
    order = np.arange(n).astype(np.uint32)
    shuffle(order, n, seed)
    for k in range(n_clusters):
        for j in range(rows.indptr[order[k]], rows.indptr[order[k] + 1]):
            centres[rows.indices[j], k] = rows.data[j]
    open_clusters = np.ones(n_clusters, np.bool_)
    cluster = np.zeros(n, np.int32)
    previous, objective = -2.0, -2.0
    for _ in range(max_iter):
        objective = assign(rows, centres, open_clusters, cluster)
        if objective - previous < eps:
            break
        previous = objective
        recentre(rows, cluster, centres)
    sizes = np.bincount(cluster, minlength=n_clusters)
    while sizes.max() < n and sizes[sizes > 0].min() < min_size:
        # One at a time, the smallest first: what it gives away may save the next.
        smallest = np.argmin(np.where(sizes > 0, sizes, n + 1))
        open_clusters &= sizes > 0
        open_clusters[smallest] = False
        assign(rows, centres, open_clusters, cluster)
        sizes = np.bincount(cluster, minlength=n_clusters)
    number = np.cumsum(sizes > 0) - 1
    return number[cluster].astype(np.int32), objective


@fast_kernel
def similarities(rows: Rows, m: int, centres: F32, out: F32) -> None:
    """Set out[k] to the similarity of row m to centre k."""
    indices, data = rows.indices, rows.data
    out[:] = 0
    for j in range(rows.indptr[m], rows.indptr[m + 1]):
        value, centre = data[j], centres[indices[j]]
        for k in range(len(out)):
            out[k] += value * centre[k]


@kernel
def assign(rows: Rows, centres: F32, open_clusters: Bools, cluster: I32) -> float:
    """Give each row to the most similar open centre, the lowest on a tie; return the mean."""
    found = np.empty(centres.shape[1], np.float32)
    total = 0.0
    for m in range(len(cluster)):
        similarities(rows, m, centres, found)
        best = -1
        for k in range(len(found)):
            if open_clusters[k] and (best < 0 or found[k] > found[best]):
                best = k
        cluster[m] = best
        total += found[best]
    return total / len(cluster)


@kernel
def recentre(rows: Rows, cluster: I32, centres: F32) -> None:
    """Set each centre to the sum of its rows, of length 1; a zero sum stays zero."""
    centres[:] = 0
    for m in range(len(cluster)):
        for j in range(rows.indptr[m], rows.indptr[m + 1]):
            centres[rows.indices[j], cluster[m]] += rows.data[j]
    squared = np.zeros(centres.shape[1])
    for c in range(len(centres)):
        for k in range(centres.shape[1]):
            squared[k] += centres[c, k] * centres[c, k]
    scale = np.ones(len(squared), np.float32)
    for k in range(len(squared)):
        if squared[k] > 0:
            scale[k] = 1 / np.sqrt(squared[k])
    for c in range(len(centres)):
        for k in range(centres.shape[1]):
            centres[c, k] *= scale[k]
