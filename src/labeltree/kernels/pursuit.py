"""Orthogonal matching pursuit: the few items whose weighted sum is nearest to a point.

Pati, Rezaiifar, Krishnaprasad (Asilomar 1993). Item by item, the one most alike the residual joins,
and all weights are found anew, through a Cholesky factor that grows by a row.
"""

from __future__ import annotations

import numpy as np

from labeltree.kernels.compile import fast_kernel
from labeltree.kernels.types import F64, I32

ALONE = 1e-10
"""An item must stand so far from the span of those chosen, relative to its own length squared."""
LEFT = 1e-10
"""A residual is explained if no item's product with it exceeds this share of the first one's."""


@fast_kernel
def pursue(points: F64, items: F64, n_chosen: int) -> tuple[I32, F64]:
    """Choose items for each point.

    Parameters
    ----------
    points
        (n, dim)
    items
        (n_items, dim)
    n_chosen
        Items of a point, at most.

    Returns
    -------
    (item, weight): (n, n_chosen), as they were chosen; -1 and 0 after the last.
    """
    n = len(points)
    item, weight = np.full((n, n_chosen), -1, np.int32), np.zeros((n, n_chosen))
    factor, product = np.zeros((n_chosen, n_chosen)), np.zeros(n_chosen)
    for i in range(n):
        residual, first = points[i].copy(), 0.0
        for t in range(n_chosen):
            best, amount = most_alike(residual, items, item[i, :t])
            first = max(first, amount)
            if amount <= LEFT * first or not with_row(factor, items, item[i, :t], best):
                break
            item[i, t], product[t] = best, dot(items[best], points[i])
            solved(factor, product, weight[i, : t + 1])
            residual[:] = points[i]
            for s in range(t + 1):
                residual -= weight[i, s] * items[item[i, s]]
    return item, weight


@fast_kernel
def dot(a: F64, b: F64) -> float:
    """Return a . b."""
    total = 0.0
    for j in range(len(a)):
        total += a[j] * b[j]
    return total


@fast_kernel
def most_alike(residual: F64, items: F64, chosen: I32) -> tuple[int, float]:
    """Return the item, not among the chosen, whose product with the residual is largest in size."""
    best, amount = -1, 0.0
    for j in range(len(items)):
        size = abs(dot(items[j], residual))
        if size > amount and not (chosen == j).any():
            best, amount = j, size
    return best, amount


@fast_kernel
def with_row(factor: F64, items: F64, chosen: I32, new: int) -> bool:
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
