"""Orthogonal matching pursuit: the few items whose weighted sum is nearest to a point.

Pati, Rezaiifar, Krishnaprasad (Asilomar 1993). Item by item, the one most alike the residual joins,
and all weights are found anew, through a Cholesky factor that grows by a row. Sixteen points share
each look at the items.
"""

from __future__ import annotations

import numpy as np

from labeltree.kernels.compile import fast_kernel
from labeltree.kernels.lanes import LINE, line, load, splat, store
from labeltree.kernels.types import F32, F64, I32

TOGETHER = 4
"""Items whose products with sixteen residuals are summed side by side."""

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
    rows = padded(items)
    for begin in range(0, n, LINE):
        here = slice(begin, min(begin + LINE, n))
        pursue_together(points[here], items, rows, item[here], weight[here])
    return item, weight


@fast_kernel
def padded(items: F64) -> F32:
    """Return items in single precision, and zeros until they are a multiple of TOGETHER."""
    n, dim = items.shape
    rows = np.zeros((-(-n // TOGETHER) * TOGETHER, dim), np.float32)
    rows[:n] = items
    return rows


@fast_kernel
def pursue_together(points: F64, items: F64, rows: F32, item: I32, weight: F64) -> None:
    """Choose items for at most LINE points, which share each look at the items."""
    (n, dim), n_chosen = points.shape, item.shape[1]
    factor, product = np.zeros((n, n_chosen, n_chosen)), np.zeros((n, n_chosen))
    residual, first, goes_on = points.copy(), np.zeros(n), np.ones(n, np.bool_)
    lines, best = np.zeros((dim, LINE), np.float32), np.empty(n, np.int32)
    for t in range(n_chosen):
        for i in range(n):
            lines[:, i] = residual[i]
        most_alike(lines, rows, item[:, :t], best)
        for i in range(n):
            if goes_on[i]:
                amount = abs(dot(items[best[i]], residual[i])) if best[i] >= 0 else 0.0
                first[i] = max(first[i], amount)
                goes_on[i] = amount > LEFT * first[i] and with_row(
                    factor[i], items, item[i, :t], best[i]
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
    """Return a . b."""
    total = 0.0
    for j in range(len(a)):
        total += a[j] * b[j]
    return total


@fast_kernel
def most_alike(residuals: F32, rows: F32, chosen: I32, best: I32) -> None:
    """Find the items, not among the chosen, whose products are largest in size.

    Products are in single precision: which of two items comes first that are alike to seven digits
    is left to rounding, the same for a point wherever it stands.

    Parameters
    ----------
    residuals
        (dim, LINE)
    rows
        See `padded`.
    chosen
        (n, t) of the first n residuals.
    best
        (n,): set to the items, -1 where no product is above 0.
    """
    n, zero = len(best), line()
    found, amount = np.empty((TOGETHER, LINE), np.float32), np.zeros(LINE, np.float32)
    best[:] = -1
    for j in range(0, len(rows), TOGETHER):
        a, b, c, d = zero, zero, zero, zero
        for i in range(rows.shape[1]):
            residual = load(residuals, i, 0, zero)
            a = a + splat(rows[j, i], zero) * residual
            b = b + splat(rows[j + 1, i], zero) * residual
            c = c + splat(rows[j + 2, i], zero) * residual
            d = d + splat(rows[j + 3, i], zero) * residual
        store(found, 0, 0, a)
        store(found, 1, 0, b)
        store(found, 2, 0, c)
        store(found, 3, 0, d)
        for r in range(TOGETHER):
            for i in range(n):
                size = abs(found[r, i])
                if size > amount[i] and not (chosen[i] == j + r).any():
                    best[i], amount[i] = j + r, size


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
