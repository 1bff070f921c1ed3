"""L1-regularised logistic regression by newGLMNET: a Newton method with coordinate descent inside.

Yuan, Ho, Lin, "An Improved GLMNET for L1-regularized Logistic Regression" (JMLR 2012).

    min_w |w|_1 + sum_i c_i log(1 + exp(-y_i w x_i))

Each outer step minimises the second-order model of the loss plus |w|_1 by coordinate descent over
the columns, and searches along the way to its minimum (Armijo). Columns that stay at zero are set
aside in both loops; those that are zero in every solution are left out from the start.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from labeltree.kernels.compile import fast_kernel
from labeltree.kernels.random import shuffle
from labeltree.kernels.sparse import Rows
from labeltree.kernels.types import F64, I8, U32

NU = 1e-12
"""Added to the diagonal of the Hessian, which so is never singular."""
SIGMA, HALVINGS = 0.01, 20
"""Sufficient decrease, and how often a step is halved at most to find it."""
LONGEST = 10.0
"""No coordinate moves further in one step."""


class L1Logistic(NamedTuple):
    """How far the problem is solved."""

    eps: float
    """Stop when the violation falls below this share of the first."""
    max_outer: int
    max_inner: int


class Rowwise(NamedTuple):
    """The rows' part of the problem, (n_rows,) each."""

    sign: I8
    cost: F64
    margin: F64
    """w x_i at the outer step."""
    loss: F64
    """log(1 + exp(-y_i w x_i))."""
    slope: F64
    """Derivative of c_i loss by the margin."""
    curvature: F64
    """Second derivative."""
    pull: F64
    """Curvature times what the step adds to the margin: the inner loop reads this array alone."""


class Columnwise(NamedTuple):
    """The columns' part, (n_columns,) each."""

    now: F64
    """w at the outer step."""
    next: F64
    """w + d, where the inner loop is."""
    gradient: F64
    hessian: F64
    """Its diagonal."""


@fast_kernel
def l1_logistic(columns: Rows, sign: I8, cost: F64, settings: L1Logistic, seed: np.uint64) -> F64:
    """Solve the problem.

    Parameters
    ----------
    columns
        The columns of the data, each as a row.
    sign
        y_i, 1 or -1, (n_rows,).
    cost
        c_i, (n_rows,).
    seed
        Of the orders in which columns are visited.

    Returns
    -------
    w, (n_columns,).
    """
    n, d = len(sign), len(columns.indptr) - 1
    rows = Rowwise(
        sign, cost, np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    )  # fmt: skip
    w = Columnwise(np.zeros(d), np.zeros(d), np.zeros(d), np.zeros(d))
    order, inner_eps = movable(columns, sign, cost), 1.0
    aside, first = np.inf, 0.0
    for outer in range(settings.max_outer):
        refresh(rows)
        n_active, violation, total = linearise(columns, rows, w, order, aside / n)
        if outer == 0:
            first = total
        if total <= settings.eps * first:
            break
        stop = inner_eps * first, settings.max_inner
        n_passes, seed = minimise_model(columns, rows, w, order, n_active, stop, seed)
        line_search(rows, w, moved_margins(columns, w, n))
        if n_passes == 1:
            inner_eps *= 0.25
        aside = violation
    return w.now


@fast_kernel
def movable(columns: Rows, sign: I8, cost: F64) -> U32:
    """Return the columns that can leave zero.

    The slope of a row's loss lies between 0 and -y_i c_i, so the sum of c_i |x_ic| over the rows
    that pull a weight one way bounds its gradient. Up to 1 it never outweighs |w|.
    """
    order, n = np.empty(len(columns.indptr) - 1, np.uint32), 0
    for c in range(len(order)):
        up, down = 0.0, 0.0
        for j in range(columns.indptr[c], columns.indptr[c + 1]):
            i = columns.indices[j]
            pull = sign[i] * cost[i] * columns.data[j]
            up, down = up + max(pull, 0.0), down + max(-pull, 0.0)
        order[n] = c
        n += max(up, down) > 1
    return order[:n].copy()


@fast_kernel
def refresh(rows: Rowwise) -> None:
    """Set loss, slope and curvature at the margins."""
    for i in range(len(rows.margin)):
        agreed = rows.sign[i] * rows.margin[i]
        wrong = 1 / (1 + np.exp(agreed))  # 0 where the exponential overflows
        rows.loss[i] = softplus(-agreed)
        rows.slope[i] = -rows.sign[i] * rows.cost[i] * wrong
        rows.curvature[i] = rows.cost[i] * wrong * (1 - wrong)


@fast_kernel
def softplus(z: float) -> float:
    """Return log(1 + exp(z)) without overflow."""
    return max(z, 0.0) + float(np.log1p(np.exp(-abs(z))))


@fast_kernel
def set_aside(w: float, gradient: float, limit: float) -> bool:
    """Whether a column at zero is so far from leaving it that it is not looked at for now."""
    return w == 0 and gradient + 1 > limit and gradient - 1 < -limit


@fast_kernel
def violated(w: float, gradient: float) -> float:
    """Return how far the optimality condition of a coordinate is violated."""
    if w > 0:
        return abs(gradient + 1)
    if w < 0:
        return abs(gradient - 1)
    return max(-(gradient + 1), gradient - 1, 0.0)


@fast_kernel
def linearise(
    columns: Rows, rows: Rowwise, w: Columnwise, order: U32, limit: float
) -> tuple[int, float, float]:
    """Set gradient and diagonal of the active columns.

    Returns
    -------
    How many columns are active (they come first in `order`), the largest violation and the sum.
    """
    largest, total, n_active, s = 0.0, 0.0, len(order), 0
    while s < n_active:
        c = order[s]
        slope, bend = 0.0, NU
        for j in range(columns.indptr[c], columns.indptr[c + 1]):
            i, x = columns.indices[j], float(columns.data[j])
            slope += x * rows.slope[i]
            bend += x * x * rows.curvature[i]
        w.gradient[c], w.hessian[c] = slope, bend
        if set_aside(w.now[c], slope, limit):
            n_active -= 1
            order[s], order[n_active] = order[n_active], order[s]
            continue
        amount = violated(w.now[c], slope)
        largest, total = max(largest, amount), total + amount
        s += 1
    return n_active, largest, total


@fast_kernel
def minimise_model(
    columns: Rows, rows: Rowwise, w: Columnwise, order: U32, n_active: int,
    stop: tuple[float, int], seed: np.uint64,
) -> tuple[int, np.uint64]:  # fmt: skip
    """Set `next` by coordinate descent on the second-order model.

    Returns
    -------
    The number of passes, and the random state.
    """
    enough, max_passes = stop
    rows.pull[:] = 0
    n_here, aside, n = n_active, np.inf, len(rows.pull)
    for passed in range(max_passes):
        seed = shuffle(order, n_here, seed)
        largest, total, s = 0.0, 0.0, 0
        while s < n_here:
            c = order[s]
            g = gradient_of_model(columns, rows, w, c)
            if set_aside(w.next[c], g, aside / n):
                n_here -= 1
                order[s], order[n_here] = order[n_here], order[s]
                continue
            amount = violated(w.next[c], g)
            largest, total = max(largest, amount), total + amount
            step(columns, rows, w, c, g)
            s += 1
        if total > enough:
            aside = largest
        elif n_here == n_active:
            return passed + 1, seed
        else:
            n_here, aside = n_active, np.inf  # what was set aside has its turn
    return max_passes, seed


@fast_kernel
def gradient_of_model(columns: Rows, rows: Rowwise, w: Columnwise, c: int) -> float:
    """Return the derivative of the second-order model by coordinate c."""
    g = float(w.gradient[c] + (w.next[c] - w.now[c]) * NU)
    for j in range(columns.indptr[c], columns.indptr[c + 1]):
        g += float(columns.data[j]) * rows.pull[columns.indices[j]]
    return g


@fast_kernel
def step(columns: Rows, rows: Rowwise, w: Columnwise, c: int, g: float) -> None:
    """Move one coordinate to the minimum of the model along it."""
    here, bend = w.next[c], w.hessian[c]
    if g + 1 < bend * here:
        z = -(g + 1) / bend
    elif g - 1 > bend * here:
        z = -(g - 1) / bend
    else:
        z = -here
    if abs(z) < 1e-12:
        return
    z = min(max(z, -LONGEST), LONGEST)
    w.next[c] += z
    for j in range(columns.indptr[c], columns.indptr[c + 1]):
        i = columns.indices[j]
        rows.pull[i] += rows.curvature[i] * columns.data[j] * z


@fast_kernel
def moved_margins(columns: Rows, w: Columnwise, n_rows: int) -> F64:
    """Return what the step adds to the margins, (n_rows,)."""
    moved = np.zeros(n_rows)
    for c in range(len(w.now)):
        d = w.next[c] - w.now[c]
        if d != 0:
            for j in range(columns.indptr[c], columns.indptr[c + 1]):
                moved[columns.indices[j]] += columns.data[j] * d
    return moved


@fast_kernel
def line_search(rows: Rowwise, w: Columnwise, moved: F64) -> None:
    """Take the longest step of 1, 1/2, 1/4 ... that decreases the objective enough, or none."""
    norm, norm_new = np.abs(w.now).sum(), np.abs(w.next).sum()
    predicted = norm_new - norm + (w.gradient * (w.next - w.now)).sum()
    for _ in range(HALVINGS):
        change = norm_new - norm
        for i in range(len(moved)):
            after = softplus(-rows.sign[i] * (rows.margin[i] + moved[i]))
            change += rows.cost[i] * (after - rows.loss[i])
        if change <= SIGMA * predicted:
            w.now[:] = w.next
            rows.margin[:] += moved
            return
        w.next[:] = (w.now + w.next) / 2
        norm_new, predicted = np.abs(w.next).sum(), predicted / 2
        moved *= 0.5
    w.next[:] = w.now
