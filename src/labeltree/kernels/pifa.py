"""Sums of documents, label by label: positive instance feature aggregation."""

from __future__ import annotations

import numpy as np

from labeltree.kernels.compile import kernel
from labeltree.kernels.node import grown
from labeltree.kernels.sparse import Rows
from labeltree.kernels.types import F32, I32, I64, U32


@kernel
def in_order(features: U32, n_features: int, seen: I32) -> U32:
    """Return the features, which `seen` marks, ascending."""
    if len(features) * 64 < n_features:
        return np.sort(features)
    return np.flatnonzero(seen[:n_features]).astype(np.uint32)  # many: cheaper than sorting


@kernel
def unit_sums(
    documents: Rows, ptr: I64, doc: I32, weight: F32, n_features: int, seen: I32, total: F32
) -> tuple[I64, U32, F32]:
    """Return the weighted sums of documents, of length 1: label l's are `doc[ptr[l]:ptr[l + 1]]`.

    Parameters
    ----------
    weight
        Of each document, (n_documents,).
    seen, total
        Scratch (n_features), all zero, and again on return.

    Returns
    -------
    CSR arrays (indptr, indices, data), indices ascending; sums that are zero are empty rows.
    """
    n = len(ptr) - 1
    indptr = np.zeros(n + 1, np.int64)
    indices, data, filled = np.empty(1024, np.uint32), np.empty(1024, np.float32), 0
    touched = np.empty(n_features, np.uint32)
    for row in range(n):
        n_touched = 0
        for d in doc[ptr[row] : ptr[row + 1]]:
            for j in range(documents.indptr[d], documents.indptr[d + 1]):
                f = documents.indices[j]
                if seen[f] == 0:
                    seen[f] = 1
                    touched[n_touched] = f
                    n_touched += 1
                total[f] += weight[d] * documents.data[j]
        squares = 0.0
        for f in touched[:n_touched]:
            squares += np.float64(total[f]) * np.float64(total[f])
        scale = np.float32(1 / np.sqrt(squares)) if squares > 0 else np.float32(0)
        if filled + n_touched > len(indices):
            size = 2 * (filled + n_touched)
            indices, data = grown(indices, filled, size), grown(data, filled, size)
        for f in in_order(touched[:n_touched], n_features, seen):
            if total[f] * scale != 0:
                indices[filled], data[filled] = f, total[f] * scale
                filled += 1
            seen[f], total[f] = 0, 0
        indptr[row + 1] = filled
    return indptr, indices[:filled], data[:filled]
