"""Documents times the weights of siblings: the inner product of a tree search.

A chunk keeps the weights of siblings feature by feature (Etter et al., "Accelerating inference for
sparse extreme multi-label ranking trees", WWW 2022). The features of a document are found in it by
bisection, or through a table where enough documents share the price of filling it. Either way the
sums run over the document's features in ascending order, so they are equal bit by bit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from labeltree.kernels.compile import kernel
from labeltree.kernels.sparse import Rows
from labeltree.kernels.types import F32, I8, I32, I64, U16, U32


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
    child: U16
    value: F32
    bias: F32
    transform: I8


@kernel
def add_scaled(x: np.float32, r: int, chunks: Chunks, c: int, out: F32) -> None:
    """Add x times the weights of row r of chunk c to out."""
    row_ptr = chunks.row_ptr[chunks.chunk_ptr[c] + c :]
    at, child, value = chunks.entry_ptr[c], chunks.child, chunks.value
    for e in range(at + row_ptr[r], at + row_ptr[r + 1]):
        out[child[e]] += x * value[e]


@kernel
def search_row(rows: Rows, i: int, chunks: Chunks, c: int, out: F32) -> None:
    """Add one document times one chunk to out, looking each feature up by bisection."""
    begin, end = chunks.chunk_ptr[c], chunks.chunk_ptr[c + 1]
    low = begin
    for j in range(rows.indptr[i], rows.indptr[i + 1]):
        wanted, step, high = rows.indices[j], 1, low
        while high < end and chunks.feature[high] < wanted:  # gallop: columns ascend
            low = high + 1
            high += step
            step *= 2
        high = min(high, end)
        while low < high:
            middle = (low + high) // 2
            if chunks.feature[middle] < wanted:
                low = middle + 1
            else:
                high = middle
        if low == end:
            break
        if chunks.feature[low] == wanted:
            add_scaled(rows.data[j], low - begin, chunks, c, out)


@kernel
def table_row(rows: Rows, i: int, chunks: Chunks, c: int, table: I32, out: F32) -> None:
    """Add one document times one chunk to out; `table[feature]` is the chunk's row + 1, or 0."""
    for j in range(rows.indptr[i], rows.indptr[i + 1]):
        r = table[rows.indices[j]]
        if r > 0:
            add_scaled(rows.data[j], r - 1, chunks, c, out)


@kernel
def score_node(
    rows: Rows, chunks: Chunks, node: int, docs: I32, starts: I64, table: I32, out: F32
) -> None:
    """Write the margins of a node's children for the documents that reached it.

    Parameters
    ----------
    docs, starts
        Rows of the documents, and where in `out` the margins of each begin.
    table
        Scratch (n_features), all zero, and again on return.
    """
    origin = chunks.child_ptr[node]
    fan_out = chunks.child_ptr[node + 1] - origin
    n_features = 0
    for p in range(len(docs)):
        out[starts[p] : starts[p] + fan_out] = chunks.bias[origin : origin + fan_out]
        n_features += rows.indptr[docs[p] + 1] - rows.indptr[docs[p]]
    for c in range(chunks.chunk_of[node], chunks.chunk_of[node + 1]):
        begin, end = chunks.chunk_ptr[c], chunks.chunk_ptr[c + 1]
        offset = chunks.first_child[c] - origin
        # Filling the table costs two passes over the chunk's rows, a search costs some eight
        # comparisons a feature: the table pays once enough documents share it.
        if 4 * n_features < end - begin:
            for p in range(len(docs)):
                search_row(rows, docs[p], chunks, c, out[starts[p] + offset :])
            continue
        for r in range(begin, end):
            table[chunks.feature[r]] = r - begin + 1
        for p in range(len(docs)):
            table_row(rows, docs[p], chunks, c, table, out[starts[p] + offset :])
        for r in range(begin, end):
            table[chunks.feature[r]] = 0
