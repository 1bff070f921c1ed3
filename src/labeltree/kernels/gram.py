"""Conjugate gradients on (X'X + diag(l2)) M = B, sixteen columns at a time, in single precision.

The columns stand side by side in one vector of the machine, and one look at a document serves both
products with it. What single precision leaves of the residual is for the caller to measure, in
double, and to hand in again.
"""

from __future__ import annotations

import numpy as np

from labeltree.kernels.compile import fast_kernel
from labeltree.kernels.lanes import LINE, Lanes, line, load, splat, store
from labeltree.kernels.sparse import Rows
from labeltree.kernels.types import F32, F64

TOGETHER = 512
"""Rows whose products are added up in single precision, before the sums are in double."""


@fast_kernel
def descended(X: Rows, l2: F32, B: F32, max_iter: int, tol: float) -> F32:
    """Return M with (X'X + diag(l2)) M about B, each column a problem of its own.

    Parameters
    ----------
    X
        Documents (n_samples, n_features).
    l2
        (n_features,)
    B
        (n_features, LINE), about length 1 a column, or 0; the residual on return.
    tol
        Residual that is left, relative to B. After `max_iter` steps it is what it is.
    """
    n, zero = B.shape[0], line()
    M, way, image = np.zeros_like(B), B.copy(), np.empty_like(B)
    factor = np.zeros((1, LINE), np.float32)
    squared, curved = np.zeros(LINE), np.zeros(LINE)
    column_products(B, B, squared, zero)
    target = tol**2 * squared
    for _ in range(max_iter):
        if not (squared > target).any():
            break
        gram_product(X, l2, way, image, zero)
        column_products(way, image, curved, zero)
        for c in range(LINE):
            factor[0, c] = squared[c] / curved[c] if curved[c] > 0 else 0.0
            curved[c] = squared[c]
        step = load(factor, 0, 0, zero)
        for i in range(n):
            store(M, i, 0, load(M, i, 0, zero) + step * load(way, i, 0, zero))
            store(B, i, 0, load(B, i, 0, zero) - step * load(image, i, 0, zero))
        column_products(B, B, squared, zero)
        for c in range(LINE):
            factor[0, c] = squared[c] / curved[c] if curved[c] > 0 else 0.0
        share = load(factor, 0, 0, zero)
        for i in range(n):
            store(way, i, 0, load(B, i, 0, zero) + share * load(way, i, 0, zero))
    return M


@fast_kernel
def gram_product(X: Rows, l2: F32, M: F32, out: F32, zero: Lanes) -> None:
    """Set out to (X'X + diag(l2)) M, both (n_features, LINE)."""
    for i in range(M.shape[0]):
        store(out, i, 0, splat(l2[i], zero) * load(M, i, 0, zero))
    for i in range(len(X.indptr) - 1):
        begin, end, code = X.indptr[i], X.indptr[i + 1], zero
        for j in range(begin, end):
            code = code + splat(X.data[j], zero) * load(M, X.indices[j], 0, zero)
        for j in range(begin, end):
            at = X.indices[j]
            store(out, at, 0, load(out, at, 0, zero) + splat(X.data[j], zero) * code)


@fast_kernel
def column_products(A: F32, B: F32, out: F64, zero: Lanes) -> None:
    """Set out (LINE,) to the inner products of the columns of A and B, (n, LINE)."""
    part = np.empty((1, LINE), np.float32)
    out[:] = 0
    for begin in range(0, A.shape[0], TOGETHER):
        total = zero
        for i in range(begin, min(begin + TOGETHER, A.shape[0])):
            total = total + load(A, i, 0, zero) * load(B, i, 0, zero)
        store(part, 0, 0, total)
        for c in range(LINE):
            out[c] += part[0, c]
