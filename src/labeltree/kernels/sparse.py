"""Sparse rows: cutting a sub-matrix out of a CSR matrix."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from labeltree.kernels.compile import kernel
from labeltree.kernels.types import F32, F64, I32, I64, U32


class Rows(NamedTuple):
    """Sparse rows, CSR; see `core.arrays.for_kernel`."""

    indptr: I64
    indices: U32
    data: F32


@kernel
def squared_lengths(rows: Rows) -> F64:
    """Return |x_i|^2 of each row."""
    out = np.zeros(len(rows.indptr) - 1)
    for i in range(len(out)):
        for j in range(rows.indptr[i], rows.indptr[i + 1]):
            out[i] += np.float64(rows.data[j]) * np.float64(rows.data[j])
    return out


@kernel
def gather(matrix: Rows, rows: I32, seen: I32) -> tuple[Rows, U32]:
    """Cut rows out of a matrix and number the features they use.

    NOTE: `seen` (n_features) is all zero, and is again on return.

    Returns
    -------
    The rows with columns in order of first use, and the feature of each column.
    """
    indptr = np.zeros(len(rows) + 1, np.int64)
    for r in range(len(rows)):
        indptr[r + 1] = indptr[r] + matrix.indptr[rows[r] + 1] - matrix.indptr[rows[r]]
    columns = np.empty(indptr[-1], np.uint32)
    values = np.empty(indptr[-1], np.float32)
    features = np.empty(min(indptr[-1], len(seen)), np.uint32)
    n, to = 0, 0
    for r in range(len(rows)):
        for j in range(matrix.indptr[rows[r]], matrix.indptr[rows[r] + 1]):
            feature = matrix.indices[j]
            if seen[feature] == 0:
                features[n] = feature
                n += 1
                seen[feature] = n
            columns[to] = seen[feature] - 1
            values[to] = matrix.data[j]
            to += 1
    for c in range(n):
        seen[features[c]] = 0
    return Rows(indptr, columns, values), features[:n].copy()


@kernel
def gather_columns(matrix: Rows, rows: I32, seen: I32, constant: float) -> tuple[Rows, U32]:
    """Cut rows out of a matrix, and turn what they use into columns.

    NOTE: `seen` (n_features) is all zero, and is again on return.

    Returns
    -------
    The columns, each as a row, in order of first use, with one more at the end that is constant;
    and the feature of each column but the last.
    """
    features, ptr = used_columns(matrix, rows, seen)
    d = len(features)
    to = ptr[:-1].copy()
    row, value = np.empty(ptr[-1], np.uint32), np.empty(ptr[-1], np.float32)
    for r in range(len(rows)):
        for j in range(matrix.indptr[rows[r]], matrix.indptr[rows[r] + 1]):
            c = seen[matrix.indices[j]] - 1
            row[to[c]] = r
            value[to[c]] = matrix.data[j]
            to[c] += 1
        row[to[d]] = r
        value[to[d]] = constant
        to[d] += 1
    for c in range(d):
        seen[features[c]] = 0
    return Rows(ptr, row, value), features


@kernel
def used_columns(matrix: Rows, rows: I32, seen: I32) -> tuple[U32, I64]:
    """Set `seen` to a number for each feature that rows use, from 1 on.

    Returns
    -------
    The feature of each number, and where each column starts if all stand one after the other and
    one for every row comes last, (n_used + 2,).
    """
    most = 0
    for r in rows:
        most += matrix.indptr[r + 1] - matrix.indptr[r]
    features = np.empty(min(most, len(seen)), np.uint32)
    ptr = np.zeros(len(features) + 2, np.int64)
    n = 0
    for r in rows:
        for j in range(matrix.indptr[r], matrix.indptr[r + 1]):
            feature = matrix.indices[j]
            if seen[feature] == 0:
                features[n] = feature
                n += 1
                seen[feature] = n
            ptr[seen[feature]] += 1
    ptr[n + 1] = len(rows)
    return features[:n].copy(), np.cumsum(ptr[: n + 2])
