"""Balanced spherical 2-means, the split of a label tree.

Prabhu, Kag, Harsola, Agrawal, Varma, "Parabel: Partitioned label trees for extreme classification"
(WWW 2018), section 3: maximise the mean of z_l . mu_a(l) with |mu| = 1 and sizes differing by one
at most. Given the centres, the exact optimum of the constrained step orders labels by
z . (mu_0 - mu_1).
"""

from __future__ import annotations

import numpy as np

from labeltree.kernels.compile import kernel
from labeltree.kernels.lanes import PAIR, pair, store
from labeltree.kernels.lockstep import margins, zeros
from labeltree.kernels.random import advanced, mixed
from labeltree.kernels.sparse import Rows, gather
from labeltree.kernels.types import F32, I32, Bools


@kernel
def two_distinct(n: int, seed: np.uint64) -> tuple[int, int]:
    """Draw two different numbers below n."""
    state = advanced(seed)
    first = mixed(state) % np.uint64(n)
    second = mixed(advanced(state)) % np.uint64(n - 1)
    return int(first), int(second + (second >= first))


@kernel
def balanced_halves(
    Z: Rows, members: I32, seen: I32, seed: np.uint64, eps: float, max_iter: int
) -> tuple[Bools, float]:
    """Split labels into two clusters whose sizes differ by one at most.

    Parameters
    ----------
    Z
        Label representations, rows of length 1 or 0.
    members
        Rows to split, at least two.
    seen
        Scratch, see `gather`.
    seed
        Draws the two labels that start as centres.
    eps
        Stop when the objective gains less.

    Returns
    -------
    (right, objective): whether each member is in the second cluster, and the mean similarity of
    labels to the centres they were assigned by.
    """
    rows, features = gather(Z, members, seen)
    first, second = two_distinct(len(members), seed)
    return halves_from(rows, len(features), first, second, eps, max_iter)


@kernel
def halves_from(
    rows: Rows, n_columns: int, first: int, second: int, eps: float, max_iter: int
) -> tuple[Bools, float]:
    """Split the rows of a CSR matrix, starting from rows `first` and `second` as centres."""
    indptr, indices, data = rows
    n = len(indptr) - 1
    centre = zeros(n_columns + 1, PAIR)  # the last row, a constant feature's, stays zero
    for j in range(indptr[first], indptr[first + 1]):
        centre[indices[j], 0] = data[j]
    for j in range(indptr[second], indptr[second + 1]):
        centre[indices[j], 1] = data[j]
    similarity = np.empty((n, 2), np.float32)
    right = np.zeros(n, np.bool_)
    previous, objective = -2.0, -2.0
    for _ in range(max_iter):
        for m in range(n):
            store(similarity, m, 0, margins(rows, m, centre, 0, pair()))
        # Ascending, most left first; stable, so that ties stay in order of the labels.
        order = np.argsort(similarity[:, 1] - similarity[:, 0], kind="mergesort")
        total = 0.0
        for rank in range(n):
            m = order[rank]
            right[m] = rank >= n // 2
            total += similarity[m, int(right[m])]
        objective = total / n
        if objective - previous < eps:
            break
        previous = objective
        set_centres(rows, right, centre)
    return right, objective


@kernel
def set_centres(rows: Rows, right: Bools, centre: F32) -> None:
    """Set each column of `centre` to its members' sum, of length 1; a zero sum stays zero."""
    indptr, indices, data = rows
    centre[:] = 0
    for m in range(len(right)):
        side = int(right[m])
        for j in range(indptr[m], indptr[m + 1]):
            centre[indices[j], side] += data[j]
    for side in range(2):
        squared = 0.0
        for c in range(len(centre)):
            squared += centre[c, side] * centre[c, side]
        if squared > 0:
            scale = np.float32(1 / np.sqrt(squared))
            for c in range(len(centre)):
                centre[c, side] *= scale
