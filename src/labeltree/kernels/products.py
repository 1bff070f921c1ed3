"""The best inner products: for each query the k items whose product with it is largest, exactly.

Decoding a label embedding and looking for nearest documents are this one search. Items stand side
by side in blocks as wide as the machine's vectors; four queries share each look at an item. A
product is summed in the same order wherever its query stands, so a row's answer does not depend on
its batch, which no BLAS promises.
"""

from __future__ import annotations

import numpy as np

from labeltree.kernels.compile import fast_kernel
from labeltree.kernels.heap import push, sort_heap
from labeltree.kernels.lanes import Lanes, highest, load, splat, store, widest
from labeltree.kernels.types import F32, F64, I32, I64

BLOCK = 32
"""Items side by side: `lanes.WIDEST`."""
TOGETHER = 4
"""Queries that share each look at an item."""


@fast_kernel
def side_by_side(items: F32) -> F32:
    """Return items (n, dim) as blocks (n_blocks * dim, BLOCK): item 32 b + i is column i of rows
    b * dim to (b + 1) * dim; zeros fill the last block."""
    n, dim = items.shape
    n_blocks = -(-n // BLOCK)
    blocks = np.zeros((n_blocks * dim, BLOCK), np.float32)
    for i in range(n):
        b = i // BLOCK
        for j in range(dim):
            blocks[b * dim + j, i - b * BLOCK] = items[i, j]
    return blocks


@fast_kernel
def best_products(queries: F32, blocks: F32, offset: F32, k: int) -> tuple[I32, F64]:
    """Find the k items with the largest query . item + offset.

    Parameters
    ----------
    queries
        (n, dim)
    blocks
        See `side_by_side`.
    offset
        (n_items,)

    Returns
    -------
    (item, product): (n, k), best first, the lower item first on a tie; -1 and -inf where there
    are fewer than k items.
    """
    n, dim = queries.shape
    item = np.full((n, k), -1, np.int32)
    product, sure = np.full((n, k), -np.inf), np.zeros(k, np.float32)
    size = np.zeros(n, np.int64)
    zero, found = widest(), np.empty((TOGETHER, BLOCK), np.float32)
    several = np.zeros((TOGETHER, dim), np.float32)
    for b in range(-(-len(offset) // BLOCK)):
        for q in range(0, n, TOGETHER):
            n_here = min(TOGETHER, n - q)
            several[:n_here] = queries[q : q + n_here]
            tops = four_products(several, blocks, b * dim, found, zero)
            for r in range(n_here):
                i = q + r
                if size[i] < k or tops[r] + largest_offset(offset, b) >= product[i, 0]:
                    size[i] = keep(found[r], offset, b, (product[i], sure, item[i]), size[i])
    for i in range(n):
        sort_heap(product[i], sure, item[i], size[i])
    return item, product


@fast_kernel
def four_products(
    queries: F32, blocks: F32, first: int, found: F32, zero: Lanes
) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    """Set found[r] to the products of query r with the block at row `first`; return the largest."""
    f0, f1, f2, f3 = zero, zero, zero, zero
    for j in range(queries.shape[1]):
        items = load(blocks, first + j, 0, zero)
        f0 = f0 + splat(queries[0, j], zero) * items
        f1 = f1 + splat(queries[1, j], zero) * items
        f2 = f2 + splat(queries[2, j], zero) * items
        f3 = f3 + splat(queries[3, j], zero) * items
    store(found, 0, 0, f0)
    store(found, 1, 0, f1)
    store(found, 2, 0, f2)
    store(found, 3, 0, f3)
    return highest(f0), highest(f1), highest(f2), highest(f3)


@fast_kernel
def largest_offset(offset: F32, b: int) -> np.float32:
    """Return the largest offset of block b."""
    return np.float32(offset[b * BLOCK : (b + 1) * BLOCK].max())


@fast_kernel
def keep(
    found: F32, offset: F32, b: int, heap: tuple[F64, F32, I32], size: int
) -> int:
    """Push a block's items to a query's heap; return its new size."""
    product, sure, item = heap
    for c in range(min(BLOCK, len(offset) - b * BLOCK)):
        i = b * BLOCK + c
        size = push(product, sure, item, size, (found[c] + offset[i], np.float32(0), i))
    return size
