"""Positive instance feature aggregation: a label looks like the documents that carry it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labeltree.core.arrays import CSR, Floats, Longs, for_kernel, from_parts
from labeltree.core.pool import Pool, ThreadPool, scratch
from labeltree.kernels.compile import announce
from labeltree.kernels.pifa import unit_sums
from labeltree.kernels.sparse import Rows, squared_lengths

Words = NDArray[np.uint32]


LABELS_SUMMED, PARTS = 1024, 16
"""Labels that one thread sums at a time at most, and how many parts there are at least."""


def pifa(X: CSR, Y: CSR, *, per_document: bool = False, pool: Pool | None = None) -> CSR:
    """Return label representations of length 1, (n_labels, n_features).

    z_l is proportional to the sum of x_i over the documents i that carry label l (Parabel); with
    `per_document` each document's labels first share a weight, 1 / sqrt(n_i) each (PECOS). Labels
    without documents have an empty row. No constant feature takes part.
    """
    weight = np.ones(X.shape[0], np.float32)
    if per_document:
        weight /= np.sqrt(np.maximum(1, np.diff(Y.indptr))).astype(np.float32)
    by_label, rows, n_features = Y.tocsc(), Rows(*for_kernel(X)), int(X.shape[1])
    announce()

    size = max(1, min(LABELS_SUMMED, Y.shape[1] // PARTS))

    def summed(first: int) -> tuple[Longs, Words, Floats]:
        ptr = by_label.indptr[first : first + size + 1].astype(np.int64)
        return unit_sums(
            rows, ptr, by_label.indices, weight, n_features,
            scratch("seen", n_features, np.int32), scratch("total", n_features, np.float32),
        )  # fmt: skip

    starts = range(0, Y.shape[1], size)
    pool = pool or ThreadPool(1)
    parts = pool.map(summed, starts, what="representing labels")
    ends = np.cumsum([0, *(len(data) for _, _, data in parts)])
    ptrs = [ptr[1:] + end for (ptr, _, _), end in zip(parts, ends, strict=False)]
    # Fresh memory is slow: a thread for either array.
    indices, data = pool.map(lambda at: np.concatenate([part[at] for part in parts]), (1, 2))
    shape = Y.shape[1], n_features
    return from_parts(data, indices.view(np.int32), np.concatenate([[0], *ptrs]), shape)


def pruned(Z: CSR, threshold: float) -> CSR:
    """Return Z without its entries of at most the threshold's size."""
    Z = Z.copy()
    Z.data[np.abs(Z.data) <= threshold] = 0
    Z.eliminate_zeros()
    return Z


def unit_rows(matrix: CSR) -> CSR:
    """Return `matrix` with rows of Euclidean length 1; empty rows stay empty.

    The very matrix comes back where that is already so.
    """
    if matrix.shape[0] == 1 and abs(np.dot(matrix.data, matrix.data) - 1) < 1e-7:
        return matrix
    squares = squared_lengths(Rows(*for_kernel(matrix)))
    filled = squares > 0
    if np.abs(squares[filled] - 1).max(initial=0) < 1e-6:
        return matrix
    scale = np.ones_like(squares)
    scale[filled] = 1 / np.sqrt(squares[filled])
    scaled = matrix.copy()
    scaled.data *= np.repeat(scale, np.diff(matrix.indptr)).astype(np.float32)
    return scaled
