"""Neighbours vote with their labels."""

from __future__ import annotations

import numpy as np

from labeltree.kernels.compile import kernel
from labeltree.kernels.heap import push, sort_heap
from labeltree.kernels.types import F32, F64, I32, I64


@kernel
def neighbour_votes(
    neighbour: I32, weight: F32, labels: tuple[I64, I32], room: tuple[F32, I32], k: int
) -> tuple[I32, F64]:
    """Return the labels with most votes.

    Parameters
    ----------
    neighbour
        Documents that vote, -1 for nobody, (n, m).
    weight
        What each of them adds to each of its labels, above 0, (n, m).
    labels
        (indptr, indices) of the label sets of all documents that may vote.
    room
        Scratch: zeros (n_labels,), which are zeros again on return, and (n_labels,) numbers.

    Returns
    -------
    (label, score): (n, k), best first, the lower label on a tie; -1 and 0 behind the last.
    """
    (indptr, indices), (total, met) = labels, room
    n = len(neighbour)
    label, score, sure = np.full((n, k), -1, np.int32), np.zeros((n, k)), np.zeros(k, np.float32)
    for i in range(n):
        n_met, size = 0, 0
        for m in range(neighbour.shape[1]):
            j = neighbour[i, m]
            if j < 0:
                continue
            for e in range(indptr[j], indptr[j + 1]):
                if total[indices[e]] == 0:
                    met[n_met] = indices[e]
                    n_met += 1
                total[indices[e]] += weight[i, m]
        for m in range(n_met):
            vote = (float(total[met[m]]), np.float32(0), met[m])
            size = push(score[i], sure, label[i], size, vote)
            total[met[m]] = 0
        sort_heap(score[i], sure, label[i], size)
    return label, score
