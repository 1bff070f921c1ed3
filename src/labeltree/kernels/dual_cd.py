"""Dual coordinate descent for linear problems that share their rows: siblings in lockstep.

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

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from labeltree.kernels.compile import fast_kernel
from labeltree.kernels.random import shuffle

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I8 = NDArray[np.int8]
I64 = NDArray[np.int64]
U32 = NDArray[np.uint32]
Number = TypeVar("Number", bound=np.generic)


@fast_kernel
def margins(indices: U32, data: F32, begin: int, end: int, W: F32, out: F32) -> None:
    """Set out[k] = sum_j x_j W[j, k] + bias_k for the row stored at begin:end."""
    width = len(out)
    bias = W[W.shape[0] - 1]
    for k in range(width):
        out[k] = bias[k]
    for j in range(begin, end):
        x = data[j]
        w = W[indices[j]]
        for k in range(width):
            out[k] += x * w[k]


@fast_kernel
def add_row(indices: U32, data: F32, begin: int, end: int, W: F32, step: F32) -> None:
    """Add step[k] times the row (and its constant feature) to W[:, k]."""
    width = len(step)
    bias = W[W.shape[0] - 1]
    for k in range(width):
        bias[k] += step[k]
    for j in range(begin, end):
        x = data[j]
        w = W[indices[j]]
        for k in range(width):
            w[k] += x * step[k]


@fast_kernel
def squared_norms(data: F32, indptr: I64) -> F32:
    """Return |x_i|^2 + 1 for each row; the 1 is the constant feature."""
    out = np.empty(len(indptr) - 1, np.float32)
    for i in range(len(out)):
        total = np.float32(1)
        for j in range(indptr[i], indptr[i + 1]):
            total += data[j] * data[j]
        out[i] = total
    return out


@fast_kernel
def hinge_step(
    sign: I8, alpha: F32, f: F32, old_max: F32, new: F32, diagonal: float, curvature: float
) -> tuple[bool, bool]:
    """Move one row's dual variables of all siblings; f becomes the step of the weights.

    new[0] and new[1] gather the largest and smallest projected gradient of each sibling. Returns
    (does any weight move, can the row be left out until the siblings have converged).
    """
    inverse = np.float32(1 / curvature)
    ridge = np.float32(diagonal)
    largest, smallest = new[0], new[1]
    zero = np.float32(0)
    moved = zero
    open_siblings = 0
    for k in range(len(f)):
        y = np.float32(sign[k])
        a = alpha[k]
        gradient = y * f[k] - np.float32(1) + ridge * a
        at_bound = a == zero
        projected = min(gradient, zero) if at_bound else gradient
        open_siblings += 0 if at_bound and gradient > old_max[k] else 1
        largest[k] = max(largest[k], projected)
        smallest[k] = min(smallest[k], projected)
        stepped = max(a - gradient * inverse, zero)
        step = (stepped - a) * y
        alpha[k] = stepped
        f[k] = step
        moved = max(moved, abs(step))
    return bool(moved > 0), open_siblings == 0


@fast_kernel
def squared_hinge(
    indptr: I64, indices: U32, data: F32, sign: I8, n_columns: int, C: float, eps: float,
    max_iter: int, state: np.uint64,
) -> F32:  # fmt: skip
    """Minimise 1/2 |w_k|^2 + C sum_i max(0, 1 - y_ik w_k x_i)^2 for every sibling k.

    Parameters
    ----------
    indptr, indices, data
        The node's documents, CSR (n, n_columns).
    sign
        (n, width), +1 where the document belongs to the sibling, else -1.
    eps
        A sibling stops when its projected gradients lie within eps over all rows.
    max_iter
        Rounds over the rows at most; stopping early is part of the published behaviour.

    Returns
    -------
    W (n_columns + 1, width); the last row is the bias.
    """
    n, width = sign.shape
    result = np.zeros((n_columns + 1, width), np.float32)
    norms = squared_norms(data, indptr)
    diagonal = 1 / (2 * C)
    live = np.arange(width)  # columns of `result` still being solved
    W = np.zeros((n_columns + 1, width), np.float32)
    alpha = np.zeros((n, width), np.float32)
    order = np.arange(n).astype(np.uint32)
    n_active = n
    f = np.zeros(width, np.float32)
    extremes = np.zeros((2, width), np.float32)
    old_max = np.full(width, np.inf, np.float32)
    for _ in range(max_iter):
        complete = n_active == n
        state = shuffle(order, n_active, state)
        extremes[0] = -np.inf
        extremes[1] = np.inf
        kept = 0
        for at in range(n_active):
            i = order[at]
            begin, end = indptr[i], indptr[i + 1]
            margins(indices, data, begin, end, W, f)
            moved, bounded = hinge_step(
                sign[i], alpha[i], f, old_max, extremes, diagonal, norms[i] + diagonal
            )
            if moved:
                add_row(indices, data, begin, end, W, f)
            if not bounded:
                order[at] = order[kept]
                order[kept] = i
                kept += 1
        n_active = kept
        n_open = 0
        for k in range(len(live)):
            gap = extremes[0, k] - extremes[1, k]
            n_open += gap > eps
            old_max[k] = extremes[0, k] if extremes[0, k] > 0 else np.inf
        if complete and n_open < len(live):
            if n_open == 0:
                break
            if 4 * n_open <= 3 * len(live):  # compact: keep only the open siblings side by side
                still = np.flatnonzero(extremes[0] - extremes[1] > eps)
                done = np.flatnonzero(extremes[0] - extremes[1] <= eps)
                for column in done:
                    result[:, live[column]] = W[:, column]
                W = columns(W, still)
                alpha = columns(alpha, still)
                sign = columns(sign, still)
                old_max = old_max[still]
                live = live[still]
                f = np.zeros(len(live), np.float32)
                extremes = np.zeros((2, len(live)), np.float32)
        elif n_open == 0 or n_active == 0:  # converged on the active rows: check them all
            n_active = n
            old_max[:] = np.inf
    for k in range(len(live)):
        result[:, live[k]] = W[:, k]
    return result


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
    sign: I8, alpha: F64, f: F32, new: F32, C: float, curvature: float, inner_eps: float
) -> int:
    """Newton on one row's pair (alpha, C - alpha) of all siblings; f becomes the weights' step.

    new[0] gathers each sibling's largest gradient. Returns the number of Newton steps.
    """
    n_steps = 0
    for k in range(len(f)):
        y = float(sign[k])
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
    indptr: I64, indices: U32, data: F32, sign: I8, n_columns: int, C: float, eps: float,
    max_iter: int, state: np.uint64,
) -> F32:  # fmt: skip
    """Minimise 1/2 |w_k|^2 + C sum_i log(1 + exp(-y_ik w_k x_i)) for every sibling k.

    Parameters and result as in `squared_hinge`.
    """
    n, width = sign.shape
    norms = squared_norms(data, indptr)
    start = min(1e-3 * C, 1e-8)
    W = np.zeros((n_columns + 1, width), np.float32)
    alpha = np.full((n, width), start)
    f = np.zeros(width, np.float32)
    for i in range(n):
        for k in range(width):
            f[k] = start * sign[i, k]
        add_row(indices, data, indptr[i], indptr[i + 1], W, f)
    order = np.arange(n).astype(np.uint32)
    largest = np.zeros((1, width), np.float32)
    inner_eps = 1e-2
    for _ in range(max_iter):
        state = shuffle(order, n, state)
        largest[:] = 0
        n_steps = 0
        for at in range(n):
            i = order[at]
            begin, end = indptr[i], indptr[i + 1]
            margins(indices, data, begin, end, W, f)
            taken = logistic_step(sign[i], alpha[i], f, largest, C, norms[i], inner_eps)
            if taken:
                add_row(indices, data, begin, end, W, f)
            n_steps += taken
        if largest.max() < eps:
            break
        if n_steps <= n * width // 10:
            inner_eps = max(min(1e-8, eps), 0.1 * inner_eps)
    return W
