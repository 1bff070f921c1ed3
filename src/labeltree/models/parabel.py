"""Parabel: balanced label trees with a linear classifier at every node.

Prabhu, Kag, Harsola, Agrawal, Varma, "Parabel: Partitioned Label Trees for Extreme Classification
with Application to Dynamic Search Advertising" (WWW 2018).

    P(y_l = 1 | x) = prod over nodes n on the path to l of P(z_n = 1 | z_parent = 1, x)    (eq. 1)
    P(z_n = 1 | z_parent = 1, x) = exp(-max(0, 1 - w_n x)^2)

Labels are represented by the mean of their documents (PIFA) and split by balanced spherical
2-means until at most 100 are left (sec. 3). w_n separates the documents with a label below n from
those with a label below n's parent only, by squared hinge loss (sec. 4). A beam search follows the
10 best nodes of each level (sec. 5), and three trees vote.
"""

from __future__ import annotations

from dataclasses import dataclass

from labeltree.core.params import whole
from labeltree.linear.model import LinearForest

__all__ = ["Parabel"]


@dataclass(eq=False)
class Parabel(LinearForest):
    """Three balanced binary label trees, squared hinge loss, beam of 10.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.repeat(np.eye(4), 5, axis=0)
    >>> Y = X.copy()
    >>> Parabel(n_trees=1).fit(X, Y).score(X, Y)
    1.0
    """

    n_trees: int = whole(1, 3)
    """Trees, each grown and trained with a seed of its own."""
