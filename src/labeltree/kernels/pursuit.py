"""Orthogonal matching pursuit: the few items whose weighted sum is nearest to a point.

Pati, Rezaiifar, Krishnaprasad (Asilomar 1993). Item by item, the one most alike the residual joins,
and all weights are found anew, through a Cholesky factor that grows by a row. Points share each
look at the items.
"""

from __future__ import annotations

import numpy as np

from labeltree.kernels.compile import fast_kernel
from labeltree.kernels.lanes import widest
from labeltree.kernels.products import BLOCK, TOGETHER, four_products
from labeltree.kernels.types import F32, F64, I32

SHARING = 64
"""Points that share each look at the items: those come from far away, residuals stay near."""
ALONE = 1e-10
"""An item must stand so far from the span of those chosen, relative to its own length squared."""
LEFT = 1e-10
"""A residual is explained if no item's product with it exceeds this share of the first one's."""


@fast_kernel
def pursue(points: F64, items: F32, blocks: F32, n_chosen: int) -> tuple[I32, F64]:
    """Choose items for each point.

    Parameters
    ----------
    points
        (n, dim)
    items
        (n_items, dim), in single or double precision.
    blocks
        The same items, see `products.side_by_side`: they are compared in single precision.
    n_chosen
        Items of a point, at most.

    Returns
    -------
    (item, weight): (n, n_chosen), as they were chosen; -1 and 0 after the last.
    """
    n = len(points)
    item, weight = np.full((n, n_chosen), -1, np.int32), np.zeros((n, n_chosen))
    for begin in range(0, n, SHARING):
        here = slice(begin, min(begin + SHARING, n))
        pursue_together(points[here], items, blocks, item[here], weight[here])
    return item, weight


@fast_kernel
def pursue_together(points: F64, items: F32, blocks: F32, item: I32, weight: F64) -> None:
    """Choose items for a few points, which share each look at the items."""
    (n, dim), n_chosen = points.shape, item.shape[1]
    factor, product = np.zeros((n, n_chosen, n_chosen)), np.zeros((n, n_chosen))
    residual, first, goes_on = points.copy(), np.zeros(n), np.ones(n, np.bool_)
    queries, best = np.zeros((-(-n // TOGETHER) * TOGETHER, dim), np.float32), np.empty(n, np.int32)
    for t in range(n_chosen):
        queries[:n] = residual
        most_alike(queries, blocks, item[:, :t], best)
        for i in range(n):
            amount = abs(dot(items[best[i]], residual[i])) if best[i] >= 0 else 0.0
            first[i] = max(first[i], amount)
            goes_on[i] = (
                goes_on[i]
                and amount > LEFT * first[i]
                and with_row(factor[i], items, item[i, :t], best[i])
            )
            if goes_on[i]:
                item[i, t], product[i, t] = best[i], dot(items[best[i]], points[i])
                solved(factor[i], product[i], weight[i, : t + 1])
                residual[i] = points[i]
                for s in range(t + 1):
                    residual[i] -= weight[i, s] * items[item[i, s]]
        if not goes_on.any():
            break


@fast_kernel
def dot(a: F64, b: F64) -> float:
    """Return a . b, in double precision."""
    total = 0.0
    for j in range(len(a)):
        total += float(a[j]) * float(b[j])
    return total


@fast_kernel
def most_alike(queries: F32, blocks: F32, chosen: I32, best: I32) -> None:
    """Find the item, not among the chosen, whose product with a query is largest in size.

    Parameters
    ----------
    queries
        (n, dim) and rows of zeros: a multiple of TOGETHER.
    chosen
        (n, t)
    best
        (n,): set to the items, -1 where no product differs from 0.
    """
    n, dim, zero = len(best), queries.shape[1], widest()
    found, amount = np.empty((TOGETHER, BLOCK), np.float32), np.zeros(n, np.float32)
    best[:] = -1
    for b in range(len(blocks) // dim):
        for q in range(0, n, TOGETHER):
            four_products(queries[q : q + TOGETHER], blocks, b * dim, found, zero)
            for i in range(q, min(q + TOGETHER, n)):
                for c in range(BLOCK):
                    size, j = abs(found[i - q, c]), b * BLOCK + c
                    if size > amount[i] and not (chosen[i] == j).any():
                        best[i], amount[i] = j, size


@fast_kernel
def with_row(factor: F64, items: F32, chosen: I32, new: int) -> bool:
    """Add the new item's row to the Cholesky factor; False if it lies in the span of the others."""
    n = len(chosen)
    own = left = dot(items[new], items[new])
    for s in range(n):
        value = dot(items[new], items[chosen[s]])
        for c in range(s):
            value -= factor[n, c] * factor[s, c]
        factor[n, s] = value / factor[s, s]
        left -= factor[n, s] ** 2
    if left <= ALONE * own:
        return False
    factor[n, n] = np.sqrt(left)
    return True


@fast_kernel
def solved(factor: F64, right: F64, out: F64) -> None:
    """Set out to the solution of L L' x = right, L the first len(out) rows of the factor."""
    n = len(out)
    for s in range(n):
        out[s] = right[s]
        for c in range(s):
            out[s] -= factor[s, c] * out[c]
        out[s] /= factor[s, s]
    for s in range(n - 1, -1, -1):
        for c in range(s + 1, n):
            out[s] -= factor[c, s] * out[c]
        out[s] /= factor[s, s]
