"""Documents times the weights of siblings: the inner product of a tree search.

Where enough documents visit a chunk, it is made ready once for all of them: a table from features
to rows, and rows with weights for many children spread out, to be multiplied in vectors. The sums
run over each document's features in ascending order, as those of `alone` do, so they are equal bit
by bit.
"""

from __future__ import annotations

from typing import NamedTuple

from labeltree.kernels.alone import alone
from labeltree.kernels.chunks import Chunks, add_scaled, n_lanes
from labeltree.kernels.compile import kernel
from labeltree.kernels.lanes import LINE, PAIR, line, load, pair, splat, store
from labeltree.kernels.lockstep import zeros
from labeltree.kernels.sparse import Rows
from labeltree.kernels.types import F32, I32, I64

DENSE = 16
"""A row with weights for one child in so many, or more, is multiplied whole, zeros and all."""


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
    lanes = n_lanes(n_children)
    table = Table(row_of, zeros(1 + n_dense, lanes), zeros(1, lanes))
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
                alone(rows, docs[p], chunks, c, len(row_of), mine)
            continue
        table = opened(chunks, c, end - offset, row_of)
        for p in range(len(docs)):
            mine = out[starts[p] + offset : starts[p] + end]
            if end - offset <= PAIR:
                pair_row(rows, docs[p], table, mine)
            else:
                table_row(rows, docs[p], chunks, c, table, mine)
        closed(chunks, c, table)
