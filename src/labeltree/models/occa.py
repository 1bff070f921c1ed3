"""OCCA: orthogonally constrained canonical correlation: the label codes easiest to predict.

Chen, Lin, "Feature-aware Label Space Dimension Reduction for Multi-label Classification" (NIPS
2012), section 3.1.

    min |X W' - (Y - 1 y') V|^2,  V'V = I
    V = the leading eigenvectors of (Y - 1 y')' (H - I) (Y - 1 y'),  H = X (X'X + l2 I)^-1 X'

All eigenvalues are at most 0. Codes easy to predict may say little, rare labels above all: CPLST
also asks that they keep the label sets. Here as the published point between the two.
"""

from __future__ import annotations

from dataclasses import dataclass

from labeltree.core.arrays import CSR, Doubles
from labeltree.core.errors import DataError
from labeltree.core.pool import ThreadPool
from labeltree.linear.embedding import Centred, LabelEmbedding
from labeltree.linear.ridge import Gram
from labeltree.linear.spectrum import EXACT, leading

__all__ = ["Occa"]


@dataclass(eq=False)
class Occa(LabelEmbedding):
    """Directions of the label sets that regression misses least of.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.repeat(np.eye(4), 5, axis=0)
    >>> Occa(dim=4).fit(X, X).score(X, X)
    1.0
    """

    def codes(self, X: CSR, Y: Centred) -> Doubles:
        """Return the leading eigenvectors of Yc'(H - I)Yc, (n_labels, dim)."""
        n_labels, gram = Y.Y.shape[1], Gram(X, self.l2, ThreadPool(self.n_jobs))
        if n_labels > EXACT:
            raise DataError(
                f"OCCA decomposes a matrix labels x labels; {n_labels} labels are too many, at"
                f" most {EXACT} work.",
                "Use cplst, which also keeps more of the label sets.",
            )

        def apply(M: Doubles) -> Doubles:
            codes = Y.dot(M)
            return Y.transposed_dot(gram.hat(codes) - codes)

        return leading(apply, n_labels, self.dim, self.seed)[1]
