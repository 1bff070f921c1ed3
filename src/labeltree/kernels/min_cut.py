"""AnnexML's partition: K linear classifiers that seldom part documents with like labels.

Tagami (KDD 2017), section 3.1. A document's part is the classifier that scores it highest; the
documents most alike in their labels are told to belong there too, documents drawn at random not
to. The logistic losses are followed by FTRL-proximal (McMahan et al., KDD 2013), whose l1 leaves
few weights.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from labeltree.kernels.compile import kernel
from labeltree.kernels.label_neighbours import number_known
from labeltree.kernels.random import advanced, mixed, shuffle
from labeltree.kernels.sparse import Rows
from labeltree.kernels.types import F32, I32


class Followed(NamedTuple):
    """How the classifiers learn."""

    epochs: int
    eta: float
    l1: float


class Ftrl(NamedTuple):
    """Weights and what FTRL remembers of them, each (n_features, n_parts)."""

    weight: F32
    squares: F32
    """Sums of squared gradients."""
    dual: F32


@kernel
def started(X: Rows, n_features: int, n_parts: int, followed: Followed, order: I32) -> Ftrl:
    """Return classifiers that each look like one document, the first ones of `order`."""
    shape = n_features, n_parts
    weight, squares = np.zeros(shape, np.float32), np.ones(shape, np.float32)
    dual = np.zeros(shape, np.float32)
    for k in range(n_parts):
        for j in range(X.indptr[order[k]], X.indptr[order[k] + 1]):
            value = X.data[j]
            weight[X.indices[j], k] = value
            lift = followed.l1 if value > 0 else -followed.l1
            dual[X.indices[j], k] = value / followed.eta + lift
    return Ftrl(weight, squares, dual)


@kernel
def margin(X: Rows, i: int, weight: F32, k: int) -> float:
    """Return the score of document i by classifier k."""
    found = 0.0
    for j in range(X.indptr[i], X.indptr[i + 1]):
        found += X.data[j] * weight[X.indices[j], k]
    return found


@kernel
def part_of(X: Rows, i: int, weight: F32, margins: F32, state: np.uint64) -> int:
    """Return the classifier that scores document i highest, any of them on a tie."""
    margins[:] = 0
    for j in range(X.indptr[i], X.indptr[i + 1]):
        value, f = X.data[j], X.indices[j]
        for k in range(len(margins)):
            margins[k] += value * weight[f, k]
    best, n_tied = 0, 1
    for k in range(1, len(margins)):
        if margins[k] > margins[best]:
            best, n_tied = k, 1
        elif margins[k] == margins[best]:
            n_tied += 1
            state = advanced(state)
            if mixed(state) % np.uint64(n_tied) == 0:
                best = k
    return best


@kernel
def follow(X: Rows, i: int, k: int, wanted: float, ftrl: Ftrl, followed: Followed) -> None:
    """Tell classifier k that document i belongs to it (1) or not (0)."""
    found = margin(X, i, ftrl.weight, k)
    gain = wanted - 1 / (1 + np.exp(-found))
    eta, l1 = followed.eta, followed.l1
    for j in range(X.indptr[i], X.indptr[i + 1]):
        f = X.indices[j]
        g = gain * X.data[j]
        before = np.sqrt(ftrl.squares[f, k])
        ftrl.squares[f, k] += g * g
        after = np.sqrt(ftrl.squares[f, k])
        ftrl.dual[f, k] += g + (after - before) / eta * ftrl.weight[f, k]
        dual = ftrl.dual[f, k]
        if abs(dual) <= l1:
            ftrl.weight[f, k] = 0
        else:
            ftrl.weight[f, k] = eta * (dual - np.sign(dual) * l1) / after


@kernel
def learn_parts(
    X: Rows, positives: I32, shape: tuple[int, int], followed: Followed, seed: np.uint64
) -> F32:
    """Train the classifiers.

    Parameters
    ----------
    positives
        Documents like each one, -1 behind the last, (n, n_positives).
    shape
        (n_features, n_parts)

    Returns
    -------
    Weights (n_features, n_parts).
    """
    n, n_positives = positives.shape
    order = np.arange(n).astype(np.uint32)
    member = order.view(np.int32)
    state = shuffle(order, n, seed)
    ftrl = started(X, shape[0], shape[1], followed, member)
    margins = np.empty(shape[1], np.float32)
    for _ in range(followed.epochs):
        state = shuffle(order, n, state)
        for place in range(n):
            i = member[place]
            known = number_known(positives[i])
            if known == 0:
                continue
            state = advanced(state)
            k = part_of(X, i, ftrl.weight, margins, mixed(state))
            for p in range(n_positives):
                follow(X, positives[i, p % known], k, 1.0, ftrl, followed)
            for _ in range(n_positives):
                state = advanced(state)
                follow(X, int(mixed(state) % np.uint64(n)), k, 0.0, ftrl, followed)
    return ftrl.weight
