"""SVP: short codes of documents whose inner products keep what a few pairs have in common.

Jain, Meka, Dhillon, "Guaranteed Rank Minimization via Singular Value Projection" (NIPS 2010), as
SLEEC uses it (Bhatia et al., NIPS 2015, algorithm 2):

    min |P(M) - G|^2  over M of rank <= dim without negative eigenvalues
    M <- the dim largest eigenpairs, at least 0, of  M + eta (G - P(M))

P keeps the pairs that are known. M is never formed: it is Z Z', and what is added to it is sparse.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from labeltree.core.arrays import CSR, Floats
from labeltree.kernels.compile import announce
from labeltree.kernels.sampled_products import sampled_products

MORE = 10
"""Vectors that are followed beside the leading ones."""
LONGER, LONGEST = 1.2, 64.0
"""What eta is multiplied with after a step that went well, and its bound."""


class Projected(NamedTuple):
    """A matrix M = Z Z' on its way."""

    Z: Floats
    """(n, dim), orthogonal columns."""
    basis: Floats
    """Orthonormal, spans Z and little more, where the next eigenvectors are looked for."""
    products: Floats
    """P(M), (nnz,)."""
    error: float
    """|P(M) - G| / |G|."""


def svp(
    G: CSR, dim: int, seed: int, *, max_iter: int = 50, tol: float = 0.02
) -> tuple[Floats, list[float]]:
    """Return codes Z (n, dim) and the errors |P(Z Z') - G| / |G| after each step, never rising.

    Parameters
    ----------
    G
        Known products, a symmetric matrix (n, n) whose pattern is symmetric too; zeros that are
        known are stored.
    tol
        Stop when a step lowers the error by less than this share of it.
    """
    announce()
    G = csr_array(G, dtype=np.float32)
    now, errors, eta = _nothing(G, dim, seed), [], 1.0
    for _ in range(max_iter):
        after, eta = _improved(G, now, eta)
        errors.append(after.error)
        gain, now = now.error - after.error, after
        if gain <= tol * now.error or now.error < tol:
            break
        eta = min(LONGEST, eta * LONGER)
    return now.Z, errors


def _nothing(G: CSR, dim: int, seed: int) -> Projected:
    n = G.shape[0]
    dim = min(dim, n)
    start = np.random.default_rng(seed).standard_normal((n, min(n, dim + MORE)))
    basis = np.linalg.qr(start)[0].astype(np.float32)
    return Projected(np.zeros((n, dim), np.float32), basis, np.zeros(G.nnz, np.float32), 1.0)


def _improved(G: CSR, now: Projected, eta: float) -> tuple[Projected, float]:
    """Take a step that does not raise the error, with eta or less; return it and the eta."""
    missing = csr_array((G.data - now.products, G.indices, G.indptr), shape=G.shape)
    while True:
        after = _stepped(G, missing, now, eta)
        if after.error <= now.error:
            return after, eta
        eta /= 2
        if eta < 1 / LONGEST:  # nothing is left to gain at this precision
            return now, eta


def _stepped(G: CSR, missing: CSR, now: Projected, eta: float) -> Projected:
    """Return the projection of M + eta * missing, by one round of subspace iteration."""

    def apply(B: Floats) -> Floats:
        return np.asarray(now.Z @ (now.Z.T @ B) + np.float32(eta) * (missing @ B))

    Q = np.linalg.qr(apply(now.basis))[0]
    small = (Q.T @ apply(Q)).astype(np.float64)
    values, vectors = np.linalg.eigh((small + small.T) / 2)
    dim = now.Z.shape[1]
    kept = np.sqrt(np.maximum(values[::-1][:dim], 0))
    basis = Q @ vectors[:, ::-1].astype(np.float32)
    Z = np.ascontiguousarray(basis[:, :dim] * kept.astype(np.float32))
    products = np.empty(G.nnz, np.float32)
    sampled_products(G.indptr, G.indices, Z, products)
    return Projected(Z, basis, products, _length(G.data - products) / (_length(G.data) or 1.0))


def _length(values: Floats) -> float:
    return float(np.sqrt(np.square(values, dtype=np.float64).sum()))
