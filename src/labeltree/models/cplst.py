"""CPLST: label codes that keep the label sets and can be predicted from the features.

Chen, Lin, "Feature-aware Label Space Dimension Reduction for Multi-label Classification" (NIPS
2012).

    H = X (X'X + l2 I)^-1 X'                           what ridge regression keeps of a target
    V = the leading eigenvectors of (Y - 1 y')' H (Y - 1 y')                          (eq. 10)
    z(x) = x W + b, by ridge regression of (Y - 1 y') V;  s(x) = V z(x) + y

The sum of what encoding loses and what regression misses is least for these codes. H = I gives
PLST.
"""

from __future__ import annotations

from dataclasses import dataclass

from labeltree.core.arrays import CSR, Doubles
from labeltree.core.pool import ThreadPool
from labeltree.linear.embedding import Centred, LabelEmbedding
from labeltree.linear.ridge import Gram
from labeltree.linear.spectrum import leading

__all__ = ["Cplst"]

DIRECTION = 1e-3
"""Residual of the regressions that eigenvectors are found with: they turn by less."""


@dataclass(eq=False)
class Cplst(LabelEmbedding):
    """Principal directions of what can be predicted of the label sets.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.repeat(np.eye(4), 5, axis=0)
    >>> Cplst(dim=3).fit(X, X).score(X, X)
    1.0
    """

    def codes(self, X: CSR, Y: Centred) -> Doubles:
        """Return the leading eigenvectors of Yc'HYc, (n_labels, dim)."""
        gram = Gram(X, self.l2, ThreadPool(self.n_jobs), tol=DIRECTION)
        return leading(
            lambda M: Y.transposed_dot(gram.hat(Y.dot(M))), Y.Y.shape[1], self.dim, self.seed
        )[1]
