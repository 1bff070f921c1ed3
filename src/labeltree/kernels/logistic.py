"""L2-regularised logistic loss by dual coordinate descent, siblings in lockstep.

Yu, Huang, Lin, "Dual coordinate descent methods for logistic regression and maximum entropy
models" (MLJ 2011), algorithm 5.

    min_w 1/2 |w|^2 + C sum_i c_i log(1 + exp(-y_i w x_i)),   w = sum_i y_i alpha_i x_i,
    0 < alpha_i < C c_i; the dual of a row is solved by Newton's method on the pair
    (alpha_i, C c_i - alpha_i).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from labeltree.kernels.compile import fast_kernel
from labeltree.kernels.lanes import Lanes, load, store, width
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
from labeltree.kernels.types import F32, F64, I8


class LogisticProblem(NamedTuple):
    """What is solved, and how far."""

    C: float
    eps: float
    max_iter: int


@fast_kernel
def logistic_step(
    sign: I8, alpha: F64, f: F32, new: F32, bound: F64, curvature: float, inner_eps: float
) -> int:
    """Newton on one row's pair (alpha, C - alpha) of all siblings; f becomes the weights' step.

    `bound` is C of each sibling's loss on the row; new[0] gathers each sibling's largest gradient.
    Returns the number of Newton steps.
    """
    n_steps = 0
    for k in range(len(alpha)):
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
    problem: LogisticProblem, rows: Rows, sign: I8, n_siblings: int, cost: F32,
    n_columns: int, state: np.uint64, like: Lanes,
) -> F32:  # fmt: skip
    """Solve the problems of the siblings; parameters and result as in `squared_hinge`."""
    n = sign.shape[0]
    norms = squared_norms(rows)
    bound = np.full(n_siblings, problem.C)
    start = min(1e-3 * problem.C, 1e-8)
    W, f = zeros(n_columns + 1, width(like)), zeros(1, width(like))
    alpha = np.full((n, n_siblings), start)
    for i in range(n):
        for k in range(n_siblings):
            f[0, k] = start * sign[i, k]
        add_row(rows, i, W, 0, load(f, 0, 0, like))
    order = np.arange(n).astype(np.uint32)
    largest = np.zeros((1, n_siblings), np.float32)
    inner_eps = 1e-2
    for _ in range(problem.max_iter):
        state = shuffle(order, n, state)
        largest[:] = 0
        n_steps = 0
        for at in range(n):
            if at + AHEAD < n:
                prefetch_row(rows, order[at + AHEAD])
            i = order[at]
            store(f, 0, 0, margins(rows, i, W, 0, like))
            if len(cost):
                bound[:] = problem.C * cost[i, :n_siblings]
            taken = logistic_step(sign[i], alpha[i], f[0], largest, bound, norms[i], inner_eps)
            if taken:
                f[0, n_siblings:] = 0
                add_row(rows, i, W, 0, load(f, 0, 0, like))
            n_steps += taken
        if largest.max() < problem.eps:
            break
        if n_steps <= n * n_siblings // 10:
            inner_eps = max(min(1e-8, problem.eps), 0.1 * inner_eps)
    return W
