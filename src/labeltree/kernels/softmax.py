"""Dual coordinate descent for multinomial logistic regression: siblings that exclude each other.

Yu, Huang, Lin, "Dual coordinate descent methods for logistic regression and maximum entropy models"
(MLJ 2011), with the problem of one row solved exactly through the Wright omega function as in
Lapin, Hein, Schiele, "Analysis and optimization of loss functions for multiclass, top-k, and
multilabel classification" (PAMI 2018).

    W_k = sum_i (C [y_i = k] - alpha_ik) x_i,   alpha_i >= 0,   sum_k alpha_ik = C
    row i:  alpha_ik = omega(f_k + q alpha_ik + log q - lambda) / q,   q = |x_i|^2,

where lambda makes the row sum to C. The constant feature is counted in x as in `lockstep`.
"""

from __future__ import annotations

import numpy as np

from labeltree.kernels.compile import fast_kernel
from labeltree.kernels.lanes import LINE, line, load, store
from labeltree.kernels.lockstep import add_row, margins, squared_norms, zeros
from labeltree.kernels.logistic import LogisticProblem
from labeltree.kernels.random import shuffle
from labeltree.kernels.sparse import Rows
from labeltree.kernels.types import F32, F64, I32


@fast_kernel
def omega(x: float) -> float:
    """Return w with w + log(w) = x, by two steps of Fritsch, Shafer and Crowley (CACM 1973)."""
    if x < -30.0:
        return float(np.exp(x))
    if x < -2.0:
        w = np.exp(x)
    elif x < 2.0:
        w = 0.567143 + 0.361896 * x + 0.0735 * x * x  # series at 0
    else:
        w = x - np.log(x)
    for _ in range(2):
        r = x - w - np.log(w)
        p = 2.0 * (1.0 + w) * (1.0 + w + 2.0 * r / 3.0)
        w *= 1.0 + r / (1.0 + w) * (p - r) / (p - 2.0 * r)
    return float(w)


@fast_kernel
def exclusive_step(alpha: F32, f: F32, goal: F64, C: float, q: float) -> float:
    """Solve one row's dual variables (width,); f becomes the step of the weights.

    Parameters
    ----------
    goal
        Scratch (width,).
    q
        Squared length of the row.

    Returns
    -------
    The largest change of a margin.
    """
    log_q, total = np.log(q), C * q
    for k in range(len(f)):
        goal[k] = f[k] + q * alpha[k] + log_q
    # The sum over k falls, convex, in lambda; here its largest term alone is the total.
    shift = goal.max() - total - np.log(total)
    for _ in range(50):
        excess, slope = -total, 0.0
        for k in range(len(f)):
            w = omega(goal[k] - shift)
            excess += w
            slope += w / (1.0 + w)
        shift += excess / slope
        if excess <= 1e-6 * total:
            break
    largest = 0.0
    for k in range(len(f)):
        step = omega(goal[k] - shift) / q - alpha[k]
        alpha[k] += np.float32(step)
        f[k] = np.float32(-step)
        largest = max(largest, q * abs(step))
    return largest


@fast_kernel
def softmax(
    rows: Rows, right: I32, width: int, n_columns: int, problem: LogisticProblem, state: np.uint64
) -> F32:
    """Minimise 1/2 sum_k |w_k|^2 - C sum_i log softmax(W x_i)[y_i].

    Parameters
    ----------
    rows
        The node's documents, (n, n_columns).
    right
        The right sibling y_i of each document, (n,), below `width`.
    problem
        It is solved when no margin changes by `eps` in a round, or after `max_iter` rounds.

    Returns
    -------
    W (n_columns + 1, at least `width`); the last row is the bias.
    """
    n, C = len(right), problem.C
    padded = (width + LINE - 1) // LINE * LINE
    norms = squared_norms(rows)
    W, f = zeros(n_columns + 1, padded), zeros(1, padded)
    alpha = np.zeros((n, width), np.float32)
    for i in range(n):
        alpha[i, right[i]] = C  # where W is 0
    goal = np.empty(width)
    order = np.arange(n).astype(np.uint32)
    for _ in range(problem.max_iter):
        state = shuffle(order, n, state)
        largest = 0.0
        for at in range(n):
            i = order[at]
            for first in range(0, padded, LINE):
                store(f, 0, first, margins(rows, i, W, first, line()))
            largest = max(largest, exclusive_step(alpha[i], f[0, :width], goal, C, norms[i]))
            f[0, width:] = 0
            for first in range(0, padded, LINE):
                add_row(rows, i, W, first, load(f, 0, first, line()))
        if largest < problem.eps:
            break
    return W
