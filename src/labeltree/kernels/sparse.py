"""Sparse rows: cutting a sub-matrix out of a CSR matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labeltree.kernels.compile import kernel

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U32 = NDArray[np.uint32]


@kernel
def gather(indptr: I64, indices: U32, data: F32, rows: I32, seen: I32) -> tuple[I64, U32, F32, U32]:
    """Cut rows out of a CSR matrix and number the features they use.

    NOTE: `seen` (n_features) is all zero, and is again on return.

    Returns (indptr, indices, data) with columns in order of first use, and the feature of each
    column.
    """
    ptr = np.zeros(len(rows) + 1, np.int64)
    for r in range(len(rows)):
        ptr[r + 1] = ptr[r] + indptr[rows[r] + 1] - indptr[rows[r]]
    columns = np.empty(ptr[-1], np.uint32)
    values = np.empty(ptr[-1], np.float32)
    features = np.empty(min(ptr[-1], len(seen)), np.uint32)
    n, to = 0, 0
    for r in range(len(rows)):
        for j in range(indptr[rows[r]], indptr[rows[r] + 1]):
            feature = indices[j]
            if seen[feature] == 0:
                features[n] = feature
                n += 1
                seen[feature] = n
            columns[to] = seen[feature] - 1
            values[to] = data[j]
            to += 1
    for c in range(n):
        seen[features[c]] = 0
    return ptr, columns, values, features[:n].copy()
