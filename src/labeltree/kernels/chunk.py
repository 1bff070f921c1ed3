"""Documents times the weights of siblings: the inner product of a tree search.

A chunk keeps the weights of siblings feature by feature (Etter et al., "Accelerating inference for
sparse extreme multi-label ranking trees", WWW 2022). The features of a document are found in it by
bisection, in an index, or through a table where enough documents share the price of filling it;
then rows with weights for many children are spread out, to be multiplied in vectors. Either way the
sums run over the document's features in ascending order, so they are equal bit by bit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from labeltree.kernels.compile import kernel
from labeltree.kernels.lanes import LINE, PAIR, line, load, pair, prefetch, splat, store
from labeltree.kernels.lockstep import zeros
from labeltree.kernels.sparse import Rows
from labeltree.kernels.types import F32, I8, I32, I64, U16, U32

DENSE = 16
"""A row with weights for one child in so many, or more, is multiplied whole, zeros and all."""
CACHED = 250_000
"""Trees with fewer weights stay in the cache."""


class Index(NamedTuple):
    """Where each chunk's rows are, for documents that come one by one; see `indexed`."""

    shift: I8
    """Features of a bucket: 2^shift, (n_chunks,); without chunks: no index."""
    ptr: I64
    """Buckets of each chunk, (n_chunks + 1,)."""
    start: U32
    """First row of each bucket, counted from the chunk's; one more ends its last bucket."""


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
    rows_index: Index


@kernel
def row_starts(chunk_ptr: I64, row_size: U16) -> U32:
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
def indexed(chunk_ptr: I64, feature: U32, n_features: int) -> Index:
    """Divide the features into so many buckets that a chunk has one row in each, or two."""
    n = len(chunk_ptr) - 1
    shift, ptr = np.zeros(n, np.int8), np.zeros(n + 1, np.int64)
    for c in range(n):
        n_rows = max(chunk_ptr[c + 1] - chunk_ptr[c], 1)
        while n_features >> shift[c] > 2 * n_rows:
            shift[c] += 1
        ptr[c + 1] = ptr[c] + (n_features >> shift[c]) + 2
    start = np.empty(ptr[n], np.uint32)
    for c in range(n):
        filled = ptr[c]
        for r in range(chunk_ptr[c], chunk_ptr[c + 1]):
            while filled <= ptr[c] + (feature[r] >> np.uint32(shift[c])):
                start[filled] = r - chunk_ptr[c]
                filled += 1
        start[filled : ptr[c + 1]] = chunk_ptr[c + 1] - chunk_ptr[c]
    return Index(shift, ptr, start)


@kernel
def indexed_row(rows: Rows, i: int, chunks: Chunks, c: int, out: F32) -> None:
    """Add one document times one chunk to out, looking each feature up in its bucket."""
    features = chunks.feature[chunks.chunk_ptr[c] : chunks.chunk_ptr[c + 1]]
    start, shift = chunks.rows_index.start[chunks.rows_index.ptr[c] :], chunks.rows_index.shift[c]
    for j in range(rows.indptr[i], rows.indptr[i + 1]):
        wanted = rows.indices[j]
        bucket = wanted >> np.uint32(shift)
        for r in range(start[bucket], start[bucket + 1]):
            if features[r] == wanted:
                add_scaled(rows.data[j], r, chunks, c, out)
                break


@kernel
def fetched_row(rows: Rows, i: int, chunks: Chunks, c: int, out: F32) -> None:
    """Do what `indexed_row` does for a large tree, whose chunks are not in the cache.

    All look-ups go one step at a time, and each step asks for what the next one reads.
    """
    begin, entry = chunks.chunk_ptr[c], chunks.entry_ptr[c]
    row_ptr = chunks.row_ptr[begin + c :]
    first, shift = chunks.rows_index.ptr[c], np.uint32(chunks.rows_index.shift[c])
    start = chunks.rows_index.start[first:]
    low, high = rows.indptr[i], rows.indptr[i + 1]
    found = np.empty(high - low, np.int64)
    for j in range(low, high):
        prefetch(start, rows.indices[j] >> shift)
    for j in range(low, high):
        found[j - low] = start[rows.indices[j] >> shift]
        prefetch(chunks.feature, begin + found[j - low])
    for j in range(low, high):
        wanted, r, last = rows.indices[j], found[j - low], start[(rows.indices[j] >> shift) + 1]
        while r < last and chunks.feature[begin + r] != wanted:
            r += 1
        found[j - low] = r if r < last else -1
        if r < last:
            prefetch(row_ptr, r)
    for r in found:
        if r >= 0:
            prefetch(chunks.value, entry + row_ptr[r])
            prefetch(chunks.child, entry + row_ptr[r])
    for j in range(low, high):
        if found[j - low] >= 0:
            add_scaled(rows.data[j], found[j - low], chunks, c, out)


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


class Table(NamedTuple):
    """A chunk made ready for many documents."""

    row_of: I32
    """For each feature r > 0: row r of `dense`; r < 0: row -r - 1 of the chunk; 0: not there."""
    dense: F32
    """Rows of the chunk with weights for many children, (1 + n_rows, n_lanes); row 0 is zero."""
    sums: F32
    """A document's margins, (1, n_lanes)."""


@kernel
def opened(chunks: Chunks, c: int, n_children: int, row_of: I32) -> Table:
    """Make a chunk ready; `row_of` is scratch (n_features), all zero, until `closed`."""
    begin, end = chunks.chunk_ptr[c], chunks.chunk_ptr[c + 1]
    row_ptr, at = chunks.row_ptr[begin + c :], chunks.entry_ptr[c]
    n_dense = 0
    for r in range(end - begin):
        if DENSE * (row_ptr[r + 1] - row_ptr[r]) >= n_children:
            n_dense += 1
            row_of[chunks.feature[begin + r]] = n_dense
        else:
            row_of[chunks.feature[begin + r]] = -r - 1
    n_lanes = PAIR if n_children <= PAIR else (n_children + LINE - 1) // LINE * LINE
    table = Table(row_of, zeros(1 + n_dense, n_lanes), zeros(1, n_lanes))
    for r in range(end - begin):
        d = row_of[chunks.feature[begin + r]]
        if d > 0:
            for e in range(at + row_ptr[r], at + row_ptr[r + 1]):
                table.dense[d, chunks.child[e]] = chunks.value[e]
    return table


@kernel
def closed(chunks: Chunks, c: int, table: Table) -> None:
    """Hand the scratch of `opened` back."""
    for r in range(chunks.chunk_ptr[c], chunks.chunk_ptr[c + 1]):
        table.row_of[chunks.feature[r]] = 0


@kernel
def table_row(rows: Rows, i: int, chunks: Chunks, c: int, table: Table, out: F32) -> None:
    """Add one document times one chunk to out, through its table."""
    sums, dense = table.sums, table.dense
    sums[0, : len(out)] = out
    for j in range(rows.indptr[i], rows.indptr[i + 1]):
        r, x = table.row_of[rows.indices[j]], rows.data[j]
        if r > 0:
            for first in range(0, dense.shape[1], LINE):
                product = splat(x, line()) * load(dense, r, first, line())
                store(sums, 0, first, load(sums, 0, first, line()) + product)
        elif r < 0:
            add_scaled(x, -r - 1, chunks, c, sums[0])
    out[:] = sums[0, : len(out)]


@kernel
def pair_row(rows: Rows, i: int, table: Table, out: F32) -> None:
    """Do what `table_row` does for two children, whose rows are all dense."""
    sums = table.sums
    sums[0, : len(out)] = out
    total = load(sums, 0, 0, pair())
    for j in range(rows.indptr[i], rows.indptr[i + 1]):
        weights = load(table.dense, table.row_of[rows.indices[j]], 0, pair())
        total = total + splat(rows.data[j], pair()) * weights
    store(sums, 0, 0, total)
    out[:] = sums[0, : len(out)]


@kernel
def score_node(
    rows: Rows, chunks: Chunks, node: int, docs: I32, starts: I64, row_of: I32, out: F32
) -> None:
    """Write the margins of a node's children for the documents that reached it.

    Parameters
    ----------
    docs, starts
        Rows of the documents, and where in `out` the margins of each begin.
    row_of
        Scratch (n_features), all zero, and again on return.
    """
    origin = chunks.child_ptr[node]
    fan_out = chunks.child_ptr[node + 1] - origin
    n_features = 0
    for p in range(len(docs)):
        out[starts[p] : starts[p] + fan_out] = chunks.bias[origin : origin + fan_out]
        n_features += rows.indptr[docs[p] + 1] - rows.indptr[docs[p]]
    last = chunks.chunk_of[node + 1]
    for c in range(chunks.chunk_of[node], last):
        offset = chunks.first_child[c] - origin
        end = chunks.first_child[c + 1] - origin if c + 1 < last else fan_out
        # A table costs some passes over the chunk's rows, a search some eight comparisons a
        # feature: the table pays once enough documents share it.
        if 4 * n_features < chunks.chunk_ptr[c + 1] - chunks.chunk_ptr[c]:
            for p in range(len(docs)):
                mine = out[starts[p] + offset : starts[p] + end]
                if len(chunks.rows_index.shift) and len(chunks.value) > CACHED:
                    fetched_row(rows, docs[p], chunks, c, mine)
                elif len(chunks.rows_index.shift):
                    indexed_row(rows, docs[p], chunks, c, mine)
                else:
                    search_row(rows, docs[p], chunks, c, mine)
            continue
        table = opened(chunks, c, end - offset, row_of)
        for p in range(len(docs)):
            mine = out[starts[p] + offset : starts[p] + end]
            if end - offset <= PAIR:
                pair_row(rows, docs[p], table, mine)
            else:
                table_row(rows, docs[p], chunks, c, table, mine)
        closed(chunks, c, table)
