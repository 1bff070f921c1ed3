"""Inner products of rows, for some pairs only: a low-rank matrix on the places that are known."""

from __future__ import annotations

from labeltree.kernels.compile import fast_kernel
from labeltree.kernels.types import F32, I32


@fast_kernel
def sampled_products(indptr: I32, indices: I32, Z: F32, out: F32) -> None:
    """Set out[e] to z_i . z_j for each stored entry e = (i, j) of a CSR matrix.

    Parameters
    ----------
    Z
        (n, dim)
    out
        (nnz,)
    """
    dim = Z.shape[1]
    for i in range(len(indptr) - 1):
        for e in range(indptr[i], indptr[i + 1]):
            j = indices[e]
            found = Z[i, 0] * Z[j, 0]
            for c in range(1, dim):
                found += Z[i, c] * Z[j, c]
            out[e] = found
