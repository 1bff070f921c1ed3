"""L2-regularised squared hinge loss by dual coordinate descent, siblings in lockstep.

Hsieh, Chang, Lin, Keerthi, Sundararajan, "A Dual Coordinate Descent Method for Large-scale Linear
SVM" (ICML 2008), algorithm 3.

    min_w 1/2 |w|^2 + C sum_i c_i max(0, 1 - y_i w x_i)^2,   w = sum_i y_i alpha_i x_i
    row i:  alpha_i <- max(0, alpha_i - G / (|x_i|^2 + 1 / 2 C c_i)),
            G = y_i w x_i - 1 + alpha_i / 2 C c_i
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from labeltree.kernels.compile import fast_kernel
from labeltree.kernels.lanes import (
    Lanes,
    highest,
    load,
    splat,
    store,
    where_above,
    width,
)
from labeltree.kernels.lockstep import (
    AHEAD,
    add_row,
    margins,
    prefetch_row,
    squared_norms,
    zeros,
)
from labeltree.kernels.random import shuffle
from labeltree.kernels.sparse import Rows
from labeltree.kernels.types import F32, I8, U32


class SquaredHingeProblem(NamedTuple):
    """What is solved, and how far."""

    C: float
    eps: float
    max_iter: int


class Siblings(NamedTuple):
    """The state of siblings being solved side by side."""

    W: F32
    """(n_columns + 1, width)"""
    alpha: F32
    """Dual variables, (n, width)."""
    is_open: F32
    """1 for siblings still being solved, else 0, (1, width)."""
    roof: F32
    """Largest projected gradient of the round before, (1, width): a row whose alpha is 0 rests
    where its gradient is above."""
    extremes: F32
    """Largest and smallest projected gradient of this round, (2, width)."""


@fast_kernel
def squared_hinge(
    problem: SquaredHingeProblem, rows: Rows, sign: I8, n_siblings: int, cost: F32,
    n_columns: int, state: np.uint64, like: Lanes,
) -> F32:  # fmt: skip
    """Solve the problems of the siblings.

    Parameters
    ----------
    rows
        The node's documents, (n, n_columns).
    sign
        (n, width), +1 where the document belongs to the sibling, else -1; columns from
        `n_siblings` on are not looked at.
    cost
        c_ik, (n, width), above 0; without rows, (0, width): 1 throughout.
    problem
        A sibling stops when its projected gradients lie within `eps` over all rows, or after
        `max_iter` rounds: stopping early is part of the published behaviour.
    like
        Lanes as wide as `sign`.

    Returns
    -------
    W (n_columns + 1, width); the last row is the bias.
    """
    n, lanes = sign.shape[0], width(like)
    block = Siblings(
        zeros(n_columns + 1, lanes), zeros(n, lanes), zeros(1, lanes), zeros(1, lanes),
        zeros(2, lanes),
    )  # fmt: skip
    block.is_open[0, :n_siblings] = 1
    block.roof[:] = np.inf
    norms = squared_norms(rows)
    order = np.arange(n).astype(np.uint32)
    n_active = n
    for _ in range(problem.max_iter):
        complete = n_active == n
        state = shuffle(order, n_active, state)
        n_active = hinge_round(rows, sign, cost, norms, order[:n_active], block, problem.C, like)
        n_open = 0
        for k in range(n_siblings):
            largest, smallest = block.extremes[0, k], block.extremes[1, k]
            block.roof[0, k] = largest if largest > 0 else np.inf
            if largest - smallest > problem.eps:
                n_open += int(block.is_open[0, k])
            elif complete:
                block.is_open[0, k] = 0
        if complete and n_open == 0:
            break
        if not complete and (n_open == 0 or n_active == 0):  # solved for the active rows:
            n_active = n  # check them all
            block.roof[:] = np.inf
    return block.W


@fast_kernel
def hinge_round(
    rows: Rows, sign: I8, cost: F32, norms: F32, order: U32, block: Siblings, C: float, like: Lanes
) -> int:
    """Pass once over the rows in `order`; return how many stay active, moved to its front."""
    zero, one, half = splat(0, like), splat(1, like), splat(1 / (2 * C), like)
    is_open, roof = load(block.is_open, 0, 0, like), load(block.roof, 0, 0, like)
    largest, smallest, ridge = splat(-np.inf, like), splat(np.inf, like), half
    kept = 0
    for at in range(len(order)):
        if at + AHEAD < len(order):
            prefetch_row(rows, order[at + AHEAD])
        i = order[at]
        if len(cost):
            ridge = half / load(cost, i, 0, like)
        y, alpha = load(sign, i, 0, like), load(block.alpha, i, 0, like)
        gradient = y * margins(rows, i, block.W, 0, like) - one + ridge * alpha
        below = where_above(gradient, zero, zero, gradient)
        projected = is_open * where_above(alpha, zero, gradient, below)
        largest = where_above(projected, largest, projected, largest)
        smallest = where_above(smallest, projected, projected, smallest)
        moved = alpha - gradient / (splat(norms[i], like) + ridge)
        change = is_open * (where_above(moved, zero, moved, zero) - alpha)
        if highest(where_above(change, zero, change, zero - change)) > 0:
            store(block.alpha, i, 0, alpha + change)
            add_row(rows, i, block.W, 0, y * change)
        works = where_above(alpha, zero, one, where_above(gradient, roof, zero, one))
        if highest(is_open * works) > 0:
            order[at] = order[kept]
            order[kept] = i
            kept += 1
    store(block.extremes, 0, 0, largest)
    store(block.extremes, 1, 0, smallest)
    return kept
