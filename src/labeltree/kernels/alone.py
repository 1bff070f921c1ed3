"""One document times one chunk, when there are no others to share the work with.

The document's features are found by bisection, or, where documents keep coming one by one, in an
index: some chunks are spread out, so that a feature's weights are where its number says; the others
have their rows in buckets. All sums run over the features in ascending order, as those of `chunk`
do, so they are equal bit by bit.
"""

from __future__ import annotations

import numpy as np

from labeltree.kernels.chunks import Chunks, add_scaled, n_lanes
from labeltree.kernels.compile import kernel
from labeltree.kernels.lanes import LINE, PAIR, line, load, pair, prefetch, splat, store
from labeltree.kernels.lockstep import zeros
from labeltree.kernels.sparse import Rows
from labeltree.kernels.types import F32, I8, I64, U32

DIRECT = 4
"""A chunk with a row for one feature in so many is indexed by feature, without buckets."""
SPREAD = 8
"""A chunk is spread out for single documents if that takes up to so many times its numbers."""
CACHED = 250_000
"""Trees with fewer weights stay in the cache."""


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
def buckets(chunks: Chunks, n_features: int) -> tuple[I8, I64, U32]:
    """Divide the features into so many buckets that a chunk has one row in each, or two.

    Where a bucket is a single feature, what is found there are its entries, without a detour.

    Returns
    -------
    (shift, ptr, start) of an `Index`.
    """
    n, chunk_ptr, feature = len(chunks.first_child), chunks.chunk_ptr, chunks.feature
    shift, ptr = np.zeros(n, np.int8), np.zeros(n + 1, np.int64)
    for c in range(n):
        n_rows = max(chunk_ptr[c + 1] - chunk_ptr[c], 1)
        if n_features > DIRECT * n_rows:
            while n_features >> shift[c] > 2 * n_rows:
                shift[c] += 1
        ptr[c + 1] = ptr[c] + (n_features >> shift[c]) + 2
    start = np.empty(ptr[n], np.uint32)
    for c in range(n):
        filled, row_ptr = ptr[c], chunks.row_ptr[chunk_ptr[c] + c :]
        for r in range(chunk_ptr[c + 1] - chunk_ptr[c]):
            while filled <= ptr[c] + (feature[chunk_ptr[c] + r] >> np.uint32(shift[c])):
                start[filled] = r if shift[c] else row_ptr[r]
                filled += 1
        n_rows = chunk_ptr[c + 1] - chunk_ptr[c]
        start[filled : ptr[c + 1]] = n_rows if shift[c] else row_ptr[n_rows]
    return shift, ptr, start


@kernel
def spread_out(chunks: Chunks, n_children: I64, n_features: int) -> tuple[I64, F32]:
    """Spread out the chunks where that takes not much more memory, the root's first.

    All of them together take no more than the sparse weights do.

    Returns
    -------
    (spread_at, spread) of an `Index`.
    """
    n = len(chunks.first_child)
    at, size = np.full(n, -1, np.int64), 0
    for c in range(n):
        n_rows = chunks.chunk_ptr[c + 1] - chunks.chunk_ptr[c]
        n_entries = chunks.entry_ptr[c + 1] - chunks.entry_ptr[c]
        needed = n_features * n_lanes(n_children[c])
        if needed <= SPREAD * (n_rows + n_entries) and size + needed <= 2 * len(chunks.value):
            at[c] = size
            size += (needed + LINE - 1) // LINE * LINE
    weights = zeros(1, size)[0]
    for c in range(n):
        if at[c] >= 0:
            row_ptr, lanes = chunks.row_ptr[chunks.chunk_ptr[c] + c :], n_lanes(n_children[c])
            for r in range(chunks.chunk_ptr[c + 1] - chunks.chunk_ptr[c]):
                row = at[c] + chunks.feature[chunks.chunk_ptr[c] + r] * lanes
                for e in range(row_ptr[r], row_ptr[r + 1]):
                    entry = chunks.entry_ptr[c] + e
                    weights[row + chunks.child[entry]] = chunks.value[entry]
    return at, weights


@kernel
def spread_row(rows: Rows, i: int, weights: F32, lanes: int, out: F32) -> None:
    """Add one document times one chunk, spread out in `weights` (n_features * lanes,), to out."""
    sums, W = zeros(1, lanes), weights.reshape(len(weights) // lanes, lanes)
    sums[0, : len(out)] = out
    for j in range(rows.indptr[i], rows.indptr[i + 1]):
        prefetch(weights, rows.indices[j] * lanes)
    if lanes == PAIR:
        total = load(sums, 0, 0, pair())
        for j in range(rows.indptr[i], rows.indptr[i + 1]):
            total = total + splat(rows.data[j], pair()) * load(W, rows.indices[j], 0, pair())
        store(sums, 0, 0, total)
    else:
        for first in range(0, lanes, LINE):
            wide = load(sums, 0, first, line())
            for j in range(rows.indptr[i], rows.indptr[i + 1]):
                wide = wide + splat(rows.data[j], line()) * load(W, rows.indices[j], first, line())
            store(sums, 0, first, wide)
    out[:] = sums[0, : len(out)]


@kernel
def direct_row(rows: Rows, i: int, chunks: Chunks, c: int, out: F32) -> None:
    """Add one document times one chunk to out, whose entries are indexed by feature.

    All look-ups go one step at a time, and each step asks for what the next one reads.
    """
    entry, start = chunks.entry_ptr[c], chunks.rows_index.start[chunks.rows_index.ptr[c] :]
    low, high = rows.indptr[i], rows.indptr[i + 1]
    for j in range(low, high):
        prefetch(start, rows.indices[j])
    for j in range(low, high):
        first = start[rows.indices[j]]
        if first < start[rows.indices[j] + np.uint32(1)]:
            prefetch(chunks.value, entry + first)
            prefetch(chunks.child, entry + first)
    for j in range(low, high):
        x, wanted = rows.data[j], rows.indices[j]
        for e in range(entry + start[wanted], entry + start[wanted + np.uint32(1)]):
            out[chunks.child[e]] += x * chunks.value[e]


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
def alone(rows: Rows, i: int, chunks: Chunks, c: int, n_features: int, out: F32) -> None:
    """Add one document times one chunk to out, by the index if there is one."""
    index = chunks.rows_index
    if not len(index.shift):
        search_row(rows, i, chunks, c, out)
    elif index.spread_at[c] >= 0:
        lanes = n_lanes(len(out))
        weights = index.spread[index.spread_at[c] :][: n_features * lanes]
        spread_row(rows, i, weights, lanes, out)
    elif index.shift[c] == 0:
        direct_row(rows, i, chunks, c, out)
    elif len(chunks.value) > CACHED:
        fetched_row(rows, i, chunks, c, out)
    else:
        indexed_row(rows, i, chunks, c, out)
