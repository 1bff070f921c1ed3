"""AnnexML's embedding: documents with like labels come to point the same way.

Tagami, "AnnexML: Approximate Nearest Neighbor Search for Extreme Multi-label Classification"
(KDD 2017), section 3.2: with z = W'x, a positive p and negatives n of a document i lose

    -ln  exp(gamma cos(z_i, z_p)) / (exp(gamma cos(z_i, z_p)) + sum_n exp(gamma cos(z_i, z_n)))

which AdaGrad minimises, one document after the other.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from labeltree.kernels.compile import fast_kernel
from labeltree.kernels.label_neighbours import number_known
from labeltree.kernels.random import advanced, mixed, shuffle
from labeltree.kernels.sparse import Rows
from labeltree.kernels.types import F32, F64, I32

TINY = 1e-12
"""Length below which a code has no direction: it is left alone."""


class Contrast(NamedTuple):
    """How an embedding is trained."""

    epochs: int
    gamma: float
    """Factor of the cosines."""
    eta: float
    """AdaGrad's step."""


@fast_kernel
def embed(X: Rows, i: int, W: F32, z: F32) -> float:
    """Set z to W'x_i, (dim,); return its length."""
    z[:] = 0
    for j in range(X.indptr[i], X.indptr[i + 1]):
        value, f = X.data[j], X.indices[j]
        for c in range(len(z)):
            z[c] += value * W[f, c]
    return float(np.sqrt(inner(z, z)))


@fast_kernel
def pulls(cosine: F64, n_positives: int, gamma: float, pull: F64) -> float:
    """Set the derivative of the loss of all positives by each cosine, its sign turned.

    Parameters
    ----------
    cosine
        Of the positives, then the negatives, to the document.
    pull
        Like `cosine`: above 0 for positives, below for negatives.

    Returns
    -------
    The loss.
    """
    pull[:] = 0
    loss = 0.0
    for p in range(n_positives):
        total = 1.0
        for n in range(n_positives, len(cosine)):
            total += np.exp(gamma * (cosine[n] - cosine[p]))
        loss += np.log(total)
        for n in range(n_positives, len(cosine)):
            share = gamma * np.exp(gamma * (cosine[n] - cosine[p])) / total
            pull[p] += share
            pull[n] -= share
    return loss


@fast_kernel
def turn(
    X: Rows, i: int, own: F32, other: F32, step: tuple[float, float, float], W: F32, G: F32
) -> None:
    """Move W by AdaGrad along the gradient of pull * cos(own, other) through document i.

    Parameters
    ----------
    own, other
        Codes z of document i and of its partner, (dim,).
    step
        (eta, pull / (|own| |other|), own . other / |own|^2).
    G
        Sums of squared gradients, like W.
    """
    eta, factor, back = np.float32(step[0]), np.float32(step[1]), np.float32(step[2])
    for j in range(X.indptr[i], X.indptr[i + 1]):
        f, scale = X.indices[j], factor * X.data[j]
        for c in range(len(own)):
            g = scale * (other[c] - back * own[c])
            squared = G[f, c] + g * g
            G[f, c] = squared
            W[f, c] += eta * g / np.sqrt(squared)


@fast_kernel
def learn_directions(X: Rows, positives: I32, W: F32, contrast: Contrast, seed: np.uint64) -> F64:
    """Train W in place.

    Parameters
    ----------
    positives
        Documents like each one, most alike first, -1 behind the last, (n, n_positives); where
        there are fewer they come again, and as many negatives are drawn.
    W
        (n_features, dim)

    Returns
    -------
    The mean loss of a positive in each epoch, (epochs,).
    """
    n, n_positives = positives.shape
    G, partner = np.ones_like(W), np.empty(2 * n_positives, np.int32)
    room = np.empty((2 * n_positives, W.shape[1]), np.float32)
    order, losses = np.arange(n).astype(np.uint32), np.zeros(contrast.epochs)
    member, state = order.view(np.int32), seed
    for epoch in range(contrast.epochs):
        state = shuffle(order, n, state)
        counted = 0
        for place in range(n):
            i = member[place]
            known = number_known(positives[i])
            if known == 0:
                continue
            for p in range(n_positives):
                partner[p] = positives[i, p % known]
                state = advanced(state)
                partner[n_positives + p] = mixed(state) % np.uint64(n)
            losses[epoch] += learn_one(X, i, partner, W, G, contrast, room)
            counted += n_positives
        losses[epoch] /= max(1, counted)
    return losses


@fast_kernel
def learn_one(
    X: Rows, i: int, partner: I32, W: F32, G: F32, contrast: Contrast, codes: F32
) -> float:
    """Move W for document i and its partners, positives first; return the loss before.

    NOTE: `codes` is scratch, (n_partners, dim).
    """
    n_partners = len(partner)
    own, length = np.empty(W.shape[1], np.float32), np.empty(n_partners)
    cosine, pull = np.zeros(n_partners), np.empty(n_partners)
    own_length = embed(X, i, W, own)
    for p in range(n_partners):
        length[p] = embed(X, partner[p], W, codes[p])
        both = own_length * length[p]
        if both > TINY:
            cosine[p] = inner(own, codes[p]) / both
    loss = pulls(cosine, n_partners // 2, contrast.gamma, pull)
    for p in range(n_partners):
        both = own_length * length[p]
        if both > TINY:
            factor, product = pull[p] / both, cosine[p] * both
            step = contrast.eta, factor, product / own_length**2
            turn(X, i, own, codes[p], step, W, G)
            step = contrast.eta, factor, product / length[p] ** 2
            turn(X, partner[p], codes[p], own, step, W, G)
    return loss


@fast_kernel
def inner(a: F32, b: F32) -> float:
    """Return the inner product."""
    found = np.float32(0)
    for c in range(len(a)):
        found += a[c] * b[c]
    return float(found)
