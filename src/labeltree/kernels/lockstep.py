"""Siblings in lockstep: binary problems that share their rows, solved side by side.

All children of a node are trained on the same documents. Their weights stand side by side,
`W[feature, sibling]`, as many as a cache line or two hold. Row after row, one look-up of a feature
serves every sibling of the block.

NOTE: rows are CSR with uint32 columns below `W.shape[0] - 1`; the last row of W is the bias, the
weight of a constant feature 1, regularised like any other.
"""

from __future__ import annotations

import numpy as np

from labeltree.kernels.compile import fast_kernel
from labeltree.kernels.lanes import LINE, PAIR, WIDEST, Lanes, load, prefetch, splat, store
from labeltree.kernels.sparse import Rows
from labeltree.kernels.types import F32

AHEAD = 8
"""Rows are visited in random order: so many rows before its turn a row is fetched."""


@fast_kernel
def lanes_for(n: int) -> int:
    """Return the lanes of the next block where n siblings are left; it may have idle ones."""
    if n <= PAIR:
        return PAIR
    return LINE if n <= LINE else WIDEST


@fast_kernel
def zeros(n: int, width: int) -> F32:
    """Return (n, width) zeros that begin at a cache line."""
    flat = np.zeros(n * width + LINE, np.float32)
    skipped = -(flat.ctypes.data // 4) % LINE
    return flat[skipped : skipped + n * width].reshape(n, width)


@fast_kernel
def squared_norms(rows: Rows) -> F32:
    """Return |x_i|^2 + 1 for each row; the 1 is the constant feature."""
    out = np.empty(len(rows.indptr) - 1, np.float32)
    for i in range(len(out)):
        total = np.float32(1)
        for j in range(rows.indptr[i], rows.indptr[i + 1]):
            total += rows.data[j] * rows.data[j]
        out[i] = total
    return out


@fast_kernel
def prefetch_row(rows: Rows, i: int) -> None:
    """Ask for the memory of a row before it is needed."""
    for j in range(rows.indptr[i], rows.indptr[i + 1], LINE):
        prefetch(rows.indices, j)
        prefetch(rows.data, j)


@fast_kernel
def margins(rows: Rows, i: int, W: F32, first: int, like: Lanes) -> Lanes:
    """Return sum_j x_ij W[j, k] + bias_k of row i for the siblings k from `first` on."""
    f0, f1 = load(W, W.shape[0] - 1, first, like), splat(0, like)
    f2, f3 = splat(0, like), splat(0, like)
    indices, data = rows.indices, rows.data
    j, end = rows.indptr[i], rows.indptr[i + 1]
    while j + 4 <= end:  # four sums at once, as an addition takes the time of four
        f0 = f0 + splat(data[j], like) * load(W, indices[j], first, like)
        f1 = f1 + splat(data[j + 1], like) * load(W, indices[j + 1], first, like)
        f2 = f2 + splat(data[j + 2], like) * load(W, indices[j + 2], first, like)
        f3 = f3 + splat(data[j + 3], like) * load(W, indices[j + 3], first, like)
        j += 4
    while j < end:
        f0 = f0 + splat(data[j], like) * load(W, indices[j], first, like)
        j += 1
    return (f0 + f1) + (f2 + f3)


@fast_kernel
def add_row(rows: Rows, i: int, W: F32, first: int, step: Lanes) -> None:
    """Add step_k times row i (and its constant feature) to W[:, k] for k from `first` on."""
    bias = W.shape[0] - 1
    store(W, bias, first, load(W, bias, first, step) + step)
    indices, data = rows.indices, rows.data
    for j in range(rows.indptr[i], rows.indptr[i + 1]):
        moved = load(W, indices[j], first, step) + splat(data[j], step) * step
        store(W, indices[j], first, moved)
