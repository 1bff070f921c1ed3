"""Positive instance feature aggregation: a label looks like the documents that carry it."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from labeltree.core.arrays import CSR, as_csr, row_of_entry


def pifa(X: CSR, Y: CSR, *, per_document: bool = False) -> CSR:
    """Return label representations of length 1, (n_labels, n_features).

    z_l is proportional to the sum of x_i over the documents i that carry label l (Parabel); with
    `per_document` each document's labels first share a weight, 1 / sqrt(n_i) each (PECOS). Labels
    without documents have an empty row. No constant feature takes part.
    """
    if per_document:
        Y = csr_array(Y.multiply(1 / np.sqrt(np.maximum(1, np.diff(Y.indptr)))[:, None]))
    return unit_rows(as_csr(csr_array(Y.T @ X), "label features"))


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
    squares = np.bincount(
        row_of_entry(matrix), matrix.data.astype(np.float64) ** 2, minlength=matrix.shape[0]
    )
    filled = squares > 0
    if np.abs(squares[filled] - 1).max(initial=0) < 1e-6:
        return matrix
    scale = np.ones_like(squares)
    scale[filled] = 1 / np.sqrt(squares[filled])
    scaled = matrix.copy()
    scaled.data *= np.repeat(scale, np.diff(matrix.indptr)).astype(np.float32)
    return scaled
