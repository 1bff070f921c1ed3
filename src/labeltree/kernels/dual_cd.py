"""Dual coordinate descent for binary problems that share their rows: siblings in lockstep.

All children of a node are trained on the same documents. Their weights stand side by side,
`W[feature, sibling]`, and are solved together row by row: one look-up of a feature serves every
sibling of the block, in SIMD.

Squared hinge (L2R_L2LOSS_SVC): Hsieh, Chang, Lin, Keerthi, Sundararajan, "A Dual Coordinate
Descent Method for Large-scale Linear SVM" (ICML 2008). Logistic (L2R_LR): Yu, Huang, Lin, "Dual
coordinate descent methods for logistic regression and maximum entropy models" (MLJ 2011).

NOTE: rows are CSR with uint32 columns below `W.shape[0] - 1`; the last row of W is the bias, the
weight of a constant feature 1, regularised like any other.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from labeltree.kernels.compile import fast_kernel
from labeltree.kernels.random import shuffle
from labeltree.kernels.sparse import Rows
from labeltree.kernels.types import F32, F64, I8, U32

Number = TypeVar("Number", bound=np.generic)


class Problem(NamedTuple):
    """What is solved, and how far; see `linear.solver`."""

    loss: int
    """0 squared hinge, 1 logistic."""
    C: float
    eps: float
    max_iter: int


class Siblings(NamedTuple):
    """The state of siblings being solved side by side, `width` of them."""

    W: F32
    """(n_columns + 1, width)"""
    alpha: F32
    """Dual variables, (n, width)."""
    old_max: F32
    """Largest projected gradient of the round before, (width,)."""
    extremes: F32
    """Largest and smallest projected gradient of this round, (2, width)."""


@fast_kernel
def margins(rows: Rows, begin: int, end: int, W: F32, out: F32) -> None:
    """Set out[k] = sum_j x_j W[j, k] + bias_k for the row stored at begin:end."""
    width = len(out)
    bias = W[W.shape[0] - 1]
    for k in range(width):
        out[k] = bias[k]
    indices, data = rows.indices, rows.data
    for j in range(begin, end):
        x = data[j]
        w = W[indices[j]]
        for k in range(width):
            out[k] += x * w[k]


@fast_kernel
def add_row(rows: Rows, begin: int, end: int, W: F32, step: F32) -> None:
    """Add step[k] times the row (and its constant feature) to W[:, k]."""
    width = len(step)
    bias = W[W.shape[0] - 1]
    for k in range(width):
        bias[k] += step[k]
    indices, data = rows.indices, rows.data
    for j in range(begin, end):
        x = data[j]
        w = W[indices[j]]
        for k in range(width):
            w[k] += x * step[k]


@fast_kernel
def squared_norms(rows: Rows) -> F32:
    """Return |x_i|^2 + 1 for each row; the 1 is the constant feature."""
    out = np.empty(len(rows.indptr) - 1, np.float32)
    for i in range(len(out)):
        total = np.float32(1)
        for j in range(rows.indptr[i], rows.indptr[i + 1]):
            total += rows.data[j] * rows.data[j]
        out[i] = total
    return out


@fast_kernel
def hinge_step(
    sign: I8, alpha: F32, f: F32, block: Siblings, ridge: F32, inverse: F32
) -> tuple[bool, bool]:
    """Move one row's dual variables of all siblings; f becomes the step of the weights.

    `ridge` is 1 / 2C of each sibling's loss on the row, `inverse` 1 / (|x|^2 + ridge). Returns
    (does any weight move, can the row be left out until the siblings have converged).
    """
    largest, smallest, old_max = block.extremes[0], block.extremes[1], block.old_max
    zero = np.float32(0)
    moved = zero
    open_siblings = 0
    for k in range(len(f)):
        y = np.float32(sign[k])
        a = alpha[k]
        gradient = y * f[k] - np.float32(1) + ridge[k] * a
        at_bound = a == zero
        projected = min(gradient, zero) if at_bound else gradient
        open_siblings += 0 if at_bound and gradient > old_max[k] else 1
        largest[k] = max(largest[k], projected)
        smallest[k] = min(smallest[k], projected)
        stepped = max(a - gradient * inverse[k], zero)
        step = (stepped - a) * y
        alpha[k] = stepped
        f[k] = step
        moved = max(moved, abs(step))
    return bool(moved > 0), open_siblings == 0


@fast_kernel
def squared_hinge(
    rows: Rows, sign: I8, cost: F32, n_columns: int, problem: Problem, state: np.uint64
) -> F32:
    """Minimise 1/2 |w_k|^2 + C sum_i c_ik max(0, 1 - y_ik w_k x_i)^2 for every sibling k.

    Parameters
    ----------
    rows
        The node's documents, (n, n_columns).
    sign
        (n, width), +1 where the document belongs to the sibling, else -1.
    cost
        c_ik, (n, width), above 0; without rows, (0, width): 1 throughout.
    problem
        A sibling stops when its projected gradients lie within `eps` over all rows, or after
        `max_iter` rounds: stopping early is part of the published behaviour.

    Returns
    -------
    W (n_columns + 1, width); the last row is the bias.
    """
    n, width = sign.shape
    result = np.zeros((n_columns + 1, width), np.float32)
    norms = squared_norms(rows)
    live = np.arange(width)  # columns of `result` still being solved
    block = Siblings(
        np.zeros((n_columns + 1, width), np.float32), np.zeros((n, width), np.float32),
        np.full(width, np.inf, np.float32), np.zeros((2, width), np.float32),
    )  # fmt: skip
    order = np.arange(n).astype(np.uint32)
    n_active = n
    for _ in range(problem.max_iter):
        complete = n_active == n
        state = shuffle(order, n_active, state)
        n_active = hinge_round(rows, sign, cost, norms, order[:n_active], block, problem.C)
        is_open = block.extremes[0] - block.extremes[1] > problem.eps
        n_open = int(is_open.sum())
        block.old_max[:] = np.where(block.extremes[0] > 0, block.extremes[0], np.float32(np.inf))
        if complete and n_open < len(live):
            if n_open == 0:
                break
            if 4 * n_open <= 3 * len(live):  # compact: keep only the open siblings side by side
                for done in np.flatnonzero(~is_open):
                    result[:, live[done]] = block.W[:, done]
                still = np.flatnonzero(is_open)
                live = live[still]
                sign, cost = columns(sign, still), columns(cost, still)
                block = Siblings(
                    columns(block.W, still), columns(block.alpha, still),
                    block.old_max[still], columns(block.extremes, still),
                )  # fmt: skip
        elif n_open == 0 or n_active == 0:  # converged on the active rows: check them all
            n_active = n
            block.old_max[:] = np.inf
    for k in range(len(live)):
        result[:, live[k]] = block.W[:, k]
    return result


@fast_kernel
def hinge_round(
    rows: Rows, sign: I8, cost: F32, norms: F32, order: U32, block: Siblings, C: float
) -> int:
    """Pass once over the rows in `order`; return how many stay active, moved to its front."""
    block.extremes[0] = -np.inf
    block.extremes[1] = np.inf
    width = sign.shape[1]
    f, inverse = np.empty(width, np.float32), np.empty(width, np.float32)
    ridge = np.full(width, np.float32(1 / (2 * C)))
    kept = 0
    for at in range(len(order)):
        i = order[at]
        begin, end = rows.indptr[i], rows.indptr[i + 1]
        margins(rows, begin, end, block.W, f)
        if len(cost):
            ridge[:] = np.float32(1 / (2 * C)) / cost[i]
        inverse[:] = np.float32(1) / (norms[i] + ridge)
        moved, bounded = hinge_step(sign[i], block.alpha[i], f, block, ridge, inverse)
        if moved:
            add_row(rows, begin, end, block.W, f)
        if not bounded:
            order[at] = order[kept]
            order[kept] = i
            kept += 1
    return kept


@fast_kernel
def columns(matrix: NDArray[Number], kept: NDArray[np.intp]) -> NDArray[Number]:
    """Return matrix[:, kept] as a new array."""
    out = np.empty((matrix.shape[0], len(kept)), matrix.dtype)
    for i in range(matrix.shape[0]):
        for k in range(len(kept)):
            out[i, k] = matrix[i, kept[k]]
    return out


@fast_kernel
def logistic_step(
    sign: I8, alpha: F64, f: F32, new: F32, bound: F64, curvature: float, inner_eps: float
) -> int:
    """Newton on one row's pair (alpha, C - alpha) of all siblings; f becomes the weights' step.

    `bound` is C of each sibling's loss on the row; new[0] gathers each sibling's largest gradient.
    Returns the number of Newton steps.
    """
    n_steps = 0
    for k in range(len(f)):
        y, C = float(sign[k]), bound[k]
        b = y * f[k]
        low = alpha[k]
        first = 0.5 * curvature * (C - 2 * low) + b >= 0
        old = low if first else C - low
        toward = b if first else -b
        z = old if C - old >= 0.5 * C else 0.1 * old
        gradient = curvature * (z - old) + toward + np.log(z / (C - z))
        new[0, k] = max(new[0, k], abs(gradient))
        inner = 0
        while inner <= 100 and abs(gradient) >= inner_eps:
            trial = z - gradient / (curvature + C / (C - z) / z)
            z = 0.1 * z if trial <= 0 else trial
            gradient = curvature * (z - old) + toward + np.log(z / (C - z))
            inner += 1
        n_steps += inner
        if inner > 0:
            alpha[k] = z if first else C - z
            f[k] = y * (alpha[k] - low)
        else:
            f[k] = 0
    return n_steps


@fast_kernel
def logistic(
    rows: Rows, sign: I8, cost: F32, n_columns: int, problem: Problem, state: np.uint64
) -> F32:
    """Minimise 1/2 |w_k|^2 + C sum_i c_ik log(1 + exp(-y_ik w_k x_i)) for every sibling k.

    Parameters and result as in `squared_hinge`.
    """
    n, width = sign.shape
    norms = squared_norms(rows)
    bound = np.full(width, problem.C)
    start = min(1e-3 * problem.C, 1e-8)
    W = np.zeros((n_columns + 1, width), np.float32)
    alpha = np.full((n, width), start)
    f = np.zeros(width, np.float32)
    for i in range(n):
        for k in range(width):
            f[k] = start * sign[i, k]
        add_row(rows, rows.indptr[i], rows.indptr[i + 1], W, f)
    order = np.arange(n).astype(np.uint32)
    largest = np.zeros((1, width), np.float32)
    inner_eps = 1e-2
    for _ in range(problem.max_iter):
        state = shuffle(order, n, state)
        largest[:] = 0
        n_steps = 0
        for at in range(n):
            i = order[at]
            begin, end = rows.indptr[i], rows.indptr[i + 1]
            margins(rows, begin, end, W, f)
            if len(cost):
                bound[:] = problem.C * cost[i]
            taken = logistic_step(sign[i], alpha[i], f, largest, bound, norms[i], inner_eps)
            if taken:
                add_row(rows, begin, end, W, f)
            n_steps += taken
        if largest.max() < problem.eps:
            break
        if n_steps <= n * width // 10:
            inner_eps = max(min(1e-8, problem.eps), 0.1 * inner_eps)
    return W
