"""L1-regularised logistic regression by newGLMNET: a Newton method with coordinate descent inside.

Yuan, Ho, Lin, "An Improved GLMNET for L1-regularized Logistic Regression" (JMLR 2012).

    min_w |w|_1 + sum_i c_i log(1 + exp(-y_i w x_i))

Each outer step minimises the second-order model of the loss plus |w|_1 by coordinate descent over
the columns, and searches along the way to its minimum (Armijo). Columns that stay at zero are set
aside in both loops.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from labeltree.kernels.compile import fast_kernel
from labeltree.kernels.random import shuffle
from labeltree.kernels.sparse import Rows
from labeltree.kernels.types import F32, F64, I8, U32

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


class State(NamedTuple):
    """The rows' part of the problem at the weights of an outer step."""

    cost: F64
    """c_i, (n_rows,)."""
    exp_margin: F64
    """exp(w x_i)."""
    tau: F64
    """c_i / (1 + exp(w x_i))."""
    curvature: F64
    """c_i exp(w x_i) / (1 + exp(w x_i))^2."""
    moved: F64
    """What the step adds to the margin w x_i."""


class Weights(NamedTuple):
    """The columns' part."""

    now: F64
    """w at the outer step, (n_columns,)."""
    next: F64
    """w + d, where the inner loop is."""
    gradient: F64
    hessian: F64
    """Its diagonal."""
    negative: F64
    """Sum of c_i x_ij over the rows with y_i = -1."""


@fast_kernel
def transposed(rows: Rows, n_columns: int, constant: float) -> Rows:
    """Return the columns of a matrix, each as a row; one more, of a constant, at the end."""
    n = len(rows.indptr) - 1
    ptr = np.zeros(n_columns + 2, np.int64)
    for c in rows.indices:
        ptr[c + 1] += 1
    ptr[n_columns + 1] = n
    ptr = np.cumsum(ptr)
    row, value = np.empty(ptr[-1], np.uint32), np.empty(ptr[-1], np.float32)
    to = ptr[:-1].copy()
    for i in range(n):
        for j in range(rows.indptr[i], rows.indptr[i + 1]):
            c = rows.indices[j]
            row[to[c]] = i
            value[to[c]] = rows.data[j]
            to[c] += 1
        row[to[n_columns]] = i
        value[to[n_columns]] = constant
        to[n_columns] += 1
    return Rows(ptr, row, value)


@fast_kernel
def l1_logistic(
    columns: Rows, sign: I8, cost: F64, settings: L1Logistic, seed: np.uint64
) -> F64:
    """Solve the problem.

    Parameters
    ----------
    columns
        The columns of the data, each as a row; see `transposed`.
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
    state = State(cost, np.ones(n), cost / 2, cost / 4, np.zeros(n))
    weights = Weights(np.zeros(d), np.zeros(d), np.zeros(d), np.zeros(d), np.zeros(d))
    for c in range(d):
        for j in range(columns.indptr[c], columns.indptr[c + 1]):
            if sign[columns.indices[j]] < 0:
                weights.negative[c] += cost[columns.indices[j]] * columns.data[j]
    order, inner_eps = np.arange(d).astype(np.uint32), 1.0
    aside, first = np.inf, 0.0
    for outer in range(settings.max_outer):
        n_active, violation, total = linearise(columns, state, weights, order, aside / n)
        if outer == 0:
            first = total
        if total <= settings.eps * first:
            break
        stop = inner_eps * first, settings.max_inner
        n_passes, seed = minimise_model(columns, state, weights, order, n_active, stop, seed)
        line_search(sign, state, weights)
        if n_passes == 1:
            inner_eps *= 0.25
        aside = violation
    return weights.now


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
    columns: Rows, state: State, weights: Weights, order: U32, limit: float
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
            slope += x * state.tau[i]
            bend += x * x * state.curvature[i]
        g = weights.negative[c] - slope
        weights.gradient[c], weights.hessian[c] = g, bend
        if set_aside(weights.now[c], g, limit):
            n_active -= 1
            order[s], order[n_active] = order[n_active], order[s]
            continue
        amount = violated(weights.now[c], g)
        largest, total = max(largest, amount), total + amount
        s += 1
    return n_active, largest, total


@fast_kernel
def minimise_model(
    columns: Rows, state: State, weights: Weights, order: U32, n_active: int,
    stop: tuple[float, int], seed: np.uint64,
) -> tuple[int, np.uint64]:  # fmt: skip
    """Coordinate descent on the second-order model; sets `weights.next` and `state.moved`.

    Returns
    -------
    The number of passes, and the random state.
    """
    enough, max_passes = stop
    state.moved[:] = 0
    n_here, aside, n = n_active, np.inf, len(state.moved)
    for passed in range(max_passes):
        seed = shuffle(order, n_here, seed)
        largest, total, s = 0.0, 0.0, 0
        while s < n_here:
            c = order[s]
            g = gradient_of_model(columns, state, weights, c)
            if set_aside(weights.next[c], g, aside / n):
                n_here -= 1
                order[s], order[n_here] = order[n_here], order[s]
                continue
            amount = violated(weights.next[c], g)
            largest, total = max(largest, amount), total + amount
            step(columns, state, weights, c, g)
            s += 1
        if total <= enough:
            if n_here == n_active:
                return passed + 1, seed
            n_here, aside = n_active, np.inf  # what was set aside has its turn
        else:
            aside = largest
    return max_passes, seed


@fast_kernel
def gradient_of_model(columns: Rows, state: State, weights: Weights, c: int) -> float:
    """Return the derivative of the second-order model by coordinate c."""
    g = weights.gradient[c] + (weights.next[c] - weights.now[c]) * NU
    for j in range(columns.indptr[c], columns.indptr[c + 1]):
        i = columns.indices[j]
        g += columns.data[j] * state.curvature[i] * state.moved[i]
    return g


@fast_kernel
def step(columns: Rows, state: State, weights: Weights, c: int, g: float) -> None:
    """Move one coordinate to the minimum of the model along it."""
    w, bend = weights.next[c], weights.hessian[c]
    if g + 1 < bend * w:
        z = -(g + 1) / bend
    elif g - 1 > bend * w:
        z = -(g - 1) / bend
    else:
        z = -w
    if abs(z) < 1e-12:
        return
    z = min(max(z, -LONGEST), LONGEST)
    weights.next[c] += z
    for j in range(columns.indptr[c], columns.indptr[c + 1]):
        state.moved[columns.indices[j]] += columns.data[j] * z


@fast_kernel
def line_search(sign: I8, state: State, weights: Weights) -> None:
    """Take the longest of the steps 1, 1/2, 1/4 ... that decreases the objective enough, or none."""
    w, new = weights.now, weights.next
    norm, norm_new = np.abs(w).sum(), np.abs(new).sum()
    predicted = norm_new - norm + (weights.gradient * (new - w)).sum()
    against = 0.0
    for i in range(len(sign)):
        if sign[i] < 0:
            against += state.cost[i] * state.moved[i]
    for _ in range(HALVINGS):
        change = norm_new - norm + against - SIGMA * predicted
        for i in range(len(sign)):
            moved = np.exp(state.moved[i])
            after = state.exp_margin[i] * moved
            change += state.cost[i] * np.log((1 + after) / (moved + after))
        if change <= 0:
            w[:] = new
            accept(state)
            return
        new[:] = (w + new) / 2
        norm_new, predicted, against = np.abs(new).sum(), predicted / 2, against / 2
        state.moved[:] *= 0.5
    new[:] = w


@fast_kernel
def accept(state: State) -> None:
    """Move the margins by the step."""
    for i in range(len(state.tau)):
        state.exp_margin[i] *= np.exp(state.moved[i])
        share = 1 / (1 + state.exp_margin[i])
        state.tau[i] = state.cost[i] * share
        state.curvature[i] = state.cost[i] * state.exp_margin[i] * share * share
