"""Some entries of a low-rank matrix, without the rest."""

from __future__ import annotations

import numpy as np

from labeltree.kernels.compile import fast_kernel
from labeltree.kernels.types import F64, I32, I64


@fast_kernel
def entries_of_product(ptr: I64, column: I32, A: F64, B: F64) -> F64:
    """Return A_i . B_j for the entries (i, j) of a CSR pattern, (nnz,).

    Parameters
    ----------
    ptr, column
        The pattern's row pointers (n + 1,) and columns (nnz,).
    A
        (n, dim)
    B
        (n_columns, dim)
    """
    out = np.empty(len(column))
    for i in range(len(A)):
        for e in range(ptr[i], ptr[i + 1]):
            total, j = 0.0, column[e]
            for c in range(A.shape[1]):
                total += A[i, c] * B[j, c]
            out[e] = total
    return out
