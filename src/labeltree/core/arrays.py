"""Names for arrays, and the one place where matrices are checked and brought to our layout."""

from __future__ import annotations

from copy import copy
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array, issparse

from labeltree.core.errors import DataError

Ints: TypeAlias = NDArray[np.int32]
Longs: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float32]
Doubles: TypeAlias = NDArray[np.float64]
Bytes: TypeAlias = NDArray[np.int8]
Bools: TypeAlias = NDArray[np.bool_]
CSR: TypeAlias = csr_array
"""A `scipy.sparse.csr_array`; docstrings give shape and meaning."""


def as_csr(matrix: Any, name: str) -> CSR:
    """Return `matrix` as CSR float32 with sorted indices, without duplicates or zeros.

    Shares memory with `matrix` where that already has this layout. Compiled loops trust the
    result: column numbers are checked too.

    Raises
    ------
    DataError
        If it is not a matrix of finite numbers, or its row pointers or columns are wrong.
    """
    csr = _to_csr(matrix, name)
    if csr.shape[0] == 1 and _sound_row(csr):  # somebody waits for this document
        return csr
    csr = _checked(csr, name)
    if not csr.has_canonical_format or (csr.data == 0).any():
        csr = csr.copy()  # the arrays may be the caller's
        csr.sum_duplicates()
        csr.eliminate_zeros()
    if not np.isfinite(csr.data).all():
        rows = np.searchsorted(csr.indptr, np.flatnonzero(~np.isfinite(csr.data)), "right") - 1
        raise DataError(
            f"{name} holds NaN or infinity, first in row {rows[0]} ({len(rows)} in all).",
            "Replace them before fitting.",
        )
    # scipy needs both index arrays of one type: int32 unless the matrix is too large for it.
    index = np.int32 if max(csr.nnz, *csr.shape) < 2**31 else np.int64
    if csr.indices.dtype != index or csr.indptr.dtype != index:
        csr = from_parts(csr.data, csr.indices.astype(index), csr.indptr.astype(index), csr.shape)
    return csr


def _to_csr(matrix: Any, name: str) -> CSR:
    if type(matrix) is csr_array and matrix.dtype == np.float32 and matrix.ndim == 2:
        return matrix
    try:
        matrix = matrix if issparse(matrix) else np.asarray(matrix)
        if matrix.ndim == 2 and matrix.dtype.kind in "fiub":
            if issparse(matrix) and matrix.format == "csc":
                csc_array(matrix).check_format()  # converting trusts the row numbers
            with np.errstate(over="ignore"):  # what does not fit float32 becomes infinite
                return csr_array(matrix, dtype=np.float32)
        found = f"{matrix.ndim} dimension(s) of type {matrix.dtype}"
    except (ValueError, TypeError) as error:  # rows of different lengths, damaged sparse arrays
        raise DataError(f"{name} is no matrix: {error}.") from error
    raise DataError(
        f"{name} must be a matrix of numbers, found {found}.",
        "Pass a scipy CSR matrix or a 2-d array.",
    )


def _sound_row(csr: CSR) -> bool:
    """Whether the one row of a matrix is as `as_csr` wants it, seen at a glance."""
    indptr, indices, data = csr.indptr, csr.indices, csr.data
    n = len(indices)
    return bool(
        indptr.dtype == indices.dtype == np.int32
        and len(indptr) == 2 and indptr[0] == 0 and indptr[1] == n == len(data) > 0
        and indices[0] >= 0 and indices[-1] < csr.shape[1]
        and (indices[1:] > indices[:-1]).all()
        and data.all() and np.isfinite(data).all()
    )  # fmt: skip


def _checked(csr: CSR, name: str) -> CSR:
    """Return `csr` if its columns are within bounds; scipy does not look at them by itself."""
    try:
        csr.check_format(full_check=True)
    except ValueError as error:
        raise DataError(f"{name} is no valid sparse matrix: {error}.") from error
    return csr


def for_kernel(csr: CSR) -> tuple[Longs, NDArray[np.uint32], Floats]:
    """Return (indptr, indices, data) as kernels take them: int64, uint32, float32.

    Unsigned indices spare compiled loops the sign extension and the test for negative ones.
    """
    indices = csr.indices
    unsigned = indices.view(np.uint32) if indices.itemsize == 4 else indices.astype(np.uint32)
    return csr.indptr.astype(np.int64), unsigned, csr.data


def as_binary(matrix: Any, name: str) -> CSR:
    """Return `matrix` as CSR (see `as_csr`) with every stored value set to 1.

    Raises
    ------
    DataError
        If a value is negative.
    """
    csr = as_csr(matrix, name)
    if (csr.data < 0).any():
        raise DataError(f"{name} holds negative values.", "Labels are 0 or 1.")
    if (csr.data != 1).any():
        csr = from_parts(np.ones_like(csr.data), csr.indices, csr.indptr, csr.shape)
    return csr


def from_parts(
    data: NDArray[Any], indices: NDArray[Any], indptr: NDArray[Any], shape: tuple[int, int]
) -> CSR:
    """Assemble a CSR array from arrays known to be canonical: sorted, without duplicates."""
    if len(indptr) and indptr[-1] >= 2**31:
        indices = indices.astype(np.int64, copy=False)
    # scipy looks long at what it is given: one document answered would pay for that.
    csr = copy(_one_row(shape[1])) if shape[0] == 1 else csr_array(shape, dtype=data.dtype)
    csr.data, csr.indices, csr.indptr = data, indices, indptr.astype(indices.dtype, copy=False)
    csr.has_sorted_indices = True
    csr.has_canonical_format = True
    return csr


@lru_cache(maxsize=16)
def _one_row(n_columns: int) -> CSR:
    return csr_array((1, n_columns), dtype=np.float32)


def widened(Y: CSR, n_columns: int) -> CSR:
    """Return Y with empty columns behind it, n_columns in all."""
    return from_parts(Y.data, Y.indices, Y.indptr, (Y.shape[0], n_columns))


def from_rows(rows: list[list[int]], n_columns: int) -> CSR:
    """Return the binary CSR (len(rows), n_columns) with ones at the given columns of each row."""
    lengths = np.fromiter((len(row) for row in rows), np.int64, len(rows))
    indptr = np.concatenate(([0], np.cumsum(lengths)))
    indices = np.fromiter((c for row in rows for c in row), np.int32, int(indptr[-1]))
    ones = np.ones(len(indices), np.float32)
    return as_binary(csr_array((ones, indices, indptr), shape=(len(rows), n_columns)), "Y")


def binarised_product(left: CSR, right: CSR) -> CSR:
    """Return 1[left @ right > 0] as CSR float32; both factors non-negative."""
    product = csr_array(left @ right)
    product.data = (product.data > 0).astype(np.float32)  # zeros stored in a factor give zeros
    return as_csr(product, "product")


def row_of_entry(csr: CSR) -> Longs:
    """Return the row of each stored entry, shape (nnz,)."""
    return np.repeat(np.arange(csr.shape[0], dtype=np.int64), np.diff(csr.indptr))


def ranges(start: NDArray[Any], count: NDArray[Any]) -> Longs:
    """Return count[0] numbers from start[0] on, then count[1] from start[1] on, and so on."""
    count = count.astype(np.int64, copy=False)
    offset = np.repeat(start - (np.cumsum(count) - count), count)
    return np.asarray(offset + np.arange(len(offset)), np.int64)


def entries_of(table: CSR, rows: NDArray[Any]) -> tuple[Longs, Ints]:
    """Return (which, column) of the entries stored in some rows of a table, row after row.

    `which` counts the rows asked for from 0; rows beyond the table's last are empty.
    """
    count = np.zeros(len(rows), np.int64)
    inside = rows < table.shape[0]
    count[inside] = np.diff(table.indptr)[rows[inside]]
    start = np.zeros(len(rows), np.int64)
    start[inside] = table.indptr[rows[inside]]
    return np.repeat(np.arange(len(rows)), count), table.indices[ranges(start, count)]
