"""Compressed sensing: random projections of label sets, decoded as sparse vectors.

Hsu, Kakade, Langford, Zhang, "Multi-Label Prediction via Compressed Sensing" (NIPS 2009).

    encode  z = A y, A (dim, n_labels) random with entries of variance 1 / dim
    regress z(x) = x W + b, ridge
    decode  orthogonal matching pursuit: `sparsity` labels whose columns of A explain z(x) best

The guarantee wants E[y | x] to be sparse, not y. Scores are the coefficients of the decoded labels;
all others are not ranked. Decoding looks at all labels for each label found: slow with many. It is
a kernel of this library: scikit-learn's multiplies a batch at once, so that a document's labels
would depend on the documents beside it, and prediction would have to import it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from labeltree.core.arrays import CSR, Doubles, Floats, Ints
from labeltree.core.inputs import checked_features, seen_place
from labeltree.core.params import choice, whole
from labeltree.grow.pifa import unit_rows
from labeltree.kernels.pursuit import pursue
from labeltree.linear.embedding import Centred, Evidence, LabelEmbedding

__all__ = ["CompressedSensing"]


@dataclass(eq=False)
class CompressedSensing(LabelEmbedding):
    """Random codes of label sets, decoded by orthogonal matching pursuit.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.repeat(np.eye(4), 5, axis=0)
    >>> CompressedSensing(dim=8, sparsity=1).fit(X, X).score(X, X)
    1.0
    """

    sparsity: int = whole(1, 10)
    """Labels decoded for a document: about twice as many as documents carry."""
    matrix: str = choice("gaussian", ("gaussian", "bernoulli", "hadamard"))
    """Entries of A: normal, of random sign, or random rows of a Hadamard matrix."""

    def shift(self, Y: CSR) -> Doubles:
        """Return zeros: label sets are sparse as they are."""
        return np.zeros(Y.shape[1])

    def codes(self, X: CSR, Y: Centred) -> Doubles:
        """Return A', (n_labels, dim)."""
        n_labels, rng = Y.Y.shape[1], np.random.default_rng(self.seed)
        if self.matrix == "gaussian":
            A = rng.standard_normal((n_labels, self.dim))
        elif self.matrix == "bernoulli":
            A = rng.choice([-1.0, 1.0], (n_labels, self.dim))
        else:
            A = _hadamard(n_labels, self.dim, rng)
        return np.asarray(A / np.sqrt(self.dim))

    def decoded(self, Z: Floats, k: int) -> tuple[Ints, Doubles]:
        """Return (label, coefficient), (n, k), best first; -1 after the last decoded label."""
        label, score = self._pursued(Z)
        order = np.argsort(-score, axis=1, kind="stable")[:, :k]
        score = np.take_along_axis(score, order, 1)
        label = np.take_along_axis(label, order, 1)
        return np.where(score > 0, self.decoder_.column[label], -1), score

    def _pursued(self, Z: Floats) -> tuple[Ints, Doubles]:
        """Return (place, coefficient), (n, sparsity), as labels were chosen; -1 after the last."""
        vectors = np.ascontiguousarray(self.decoder_.vector)
        most = min(self.sparsity, *vectors.shape)
        return pursue(Z.astype(np.float64), vectors, self.decoder_.blocks, most)

    def evidence(self, x: Any, column: int) -> Evidence:
        """Return what features add to a label's coefficient, given the labels chosen beside it.

        Which labels are chosen is no sum over features; how much each of them gets is, for it
        solves a least-squares problem. A label that was not chosen is shown as if it came last.
        """
        self.check_fitted()
        x = unit_rows(checked_features(x, self.n_features))
        at = seen_place(self.decoder_.column, column)
        chosen = self._pursued(self.regressor_(x))[0][0]
        others = np.setdiff1d(chosen[chosen >= 0], [at])
        vectors = self.decoder_.vector[np.r_[at, others]].astype(np.float64)
        found = self.along(x, np.asarray(np.linalg.pinv(vectors)[:, 0], np.float64), 0.0)
        return found._replace(beside=self.decoder_.column[others])


def _hadamard(n_labels: int, dim: int, rng: np.random.Generator) -> Doubles:
    """Return `dim` random rows of the smallest Hadamard matrix with n_labels columns, transposed.

    Entry (i, j) of Sylvester's matrix is -1 to the number of bits that i and j share.
    """
    size = 1 << max(0, n_labels - 1, dim - 1).bit_length()
    rows = rng.choice(size, dim, replace=False).astype(np.uint64)
    shared = np.bitwise_count(np.arange(n_labels, dtype=np.uint64)[:, None] & rows)
    return np.where(shared % 2, -1.0, 1.0)
