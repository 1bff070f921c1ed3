"""PLST: principal label space transformation, the directions along which label sets vary most.

Tai, Lin, "Multilabel Classification with Principal Label Space Transformation" (Neural Computation
2012).

    V = the leading right singular vectors of Y - 1 y'                             (algorithm 2)
    z(x) = x W + b, by ridge regression of (Y - 1 y') V;  s(x) = V z(x) + y

Of all codes of this length, these lose least of the label sets.
"""

from __future__ import annotations

from dataclasses import dataclass

from labeltree.core.arrays import CSR, Doubles
from labeltree.linear.embedding import Centred, LabelEmbedding
from labeltree.linear.spectrum import leading

__all__ = ["Plst"]


@dataclass(eq=False)
class Plst(LabelEmbedding):
    """Principal directions of the label sets, regressed on the features.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.repeat(np.eye(4), 5, axis=0)
    >>> Plst(dim=3).fit(X, X).score(X, X)
    1.0
    """

    def codes(self, X: CSR, Y: Centred) -> Doubles:
        """Return the leading eigenvectors of Yc'Yc, (n_labels, dim)."""
        return leading(lambda M: Y.transposed_dot(Y.dot(M)), Y.Y.shape[1], self.dim, self.seed)[1]
