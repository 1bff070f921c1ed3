"""A tree and its weights as kernels take them.

A chunk keeps the weights of siblings feature by feature (Etter et al., "Accelerating inference for
sparse extreme multi-label ranking trees", WWW 2022).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from labeltree.kernels.compile import kernel
from labeltree.kernels.lanes import LINE, PAIR
from labeltree.kernels.types import F32, I8, I32, I64, U8, U16, U32


class Index(NamedTuple):
    """Where each chunk's rows are, for documents that come one by one; see `alone`."""

    shift: I8
    """Features of a bucket: 2^shift, (n_chunks,); without chunks: no index."""
    ptr: I64
    """Buckets of each chunk, (n_chunks + 1,)."""
    start: U32
    """First row of each bucket, counted from the chunk's; one more ends its last bucket. With a
    shift of 0 the first entry."""
    spread_at: I64
    """Where in `spread` each chunk's weights begin, (n_chunks,); -1: they are not spread."""
    spread: F32
    """Weights of some chunks by feature and child, zeros and all."""


class Chunks(NamedTuple):
    """A tree and its weights; see `linear.weights.Chunks` and `linear.tree.LinearTree`."""

    child_ptr: I32
    label: I32
    chunk_of: I32
    first_child: I32
    chunk_ptr: I64
    entry_ptr: I64
    feature: U32
    row_ptr: U32
    child: U8 | U16
    value: F32
    bias: F32
    transform: I8
    rows_index: Index


@kernel
def row_starts(chunk_ptr: I64, row_size: U8 | U16) -> U32:
    """Return where each row's entries begin within its chunk, (n_rows + n_chunks,).

    Row r of chunk c: entries `out[chunk_ptr[c] + c + r]` up to the next.
    """
    n = len(chunk_ptr) - 1
    out = np.zeros(len(row_size) + n, np.uint32)
    for c in range(n):
        for r in range(chunk_ptr[c], chunk_ptr[c + 1]):
            out[r + c + 1] = out[r + c] + np.uint32(row_size[r])
    return out


@kernel
def add_scaled(x: np.float32, r: int, chunks: Chunks, c: int, out: F32) -> None:
    """Add x times the weights of row r of chunk c to out."""
    row_ptr = chunks.row_ptr[chunks.chunk_ptr[c] + c :]
    at, child, value = chunks.entry_ptr[c], chunks.child, chunks.value
    for e in range(at + row_ptr[r], at + row_ptr[r + 1]):
        out[child[e]] += x * value[e]


@kernel
def n_lanes(n_children: int) -> int:
    """Return how many numbers a row of so many children takes in vectors."""
    return PAIR if n_children <= PAIR else (n_children + LINE - 1) // LINE * LINE
