"""Probabilistic label tree: conditional probabilities multiplied down a tree, searched exactly.

Jasinska, Dembczynski, Busa-Fekete, Pfannschmidt, Klerx, Hullermeier, "Extreme F-measure
Maximization using Sparse Probability Estimates" (ICML 2016); Jasinska-Kobus, Wydmuch, Dembczynski,
Kuznetsov, Busa-Fekete, "Probabilistic Label Trees for Extreme Multi-label Classification" (2020).

    P(y_l = 1 | x) = prod over nodes n on the path to l of P(z_n = 1 | z_parent = 1, x)    (eq. 3)
    P(z_n = 1 | z_parent = 1, x) = 1 / (1 + exp(-w_n x))

z_n says that the document has a label at or below n. w_n is learned by logistic loss from the
documents with z_parent = 1; the root's children also from those without a label. Uniform-cost
search returns the true k best labels. Labels are clustered as in Parabel.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from labeltree.core.params import choice
from labeltree.linear.model import LinearForest
from labeltree.linear.solver import Logistic, Solver

__all__ = ["Plt"]


@dataclass(eq=False)
class Plt(LinearForest):
    """One balanced binary label tree of logistic regressions, searched best first.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.repeat(np.eye(4), 5, axis=0)
    >>> Plt().fit(X, X).score(X, X)
    1.0
    """

    solver: Solver = field(default_factory=lambda: Logistic(max_iter=100, threshold=0.1))
    """The linear problem at each node."""
    search: str = choice("exact", ("beam", "exact"))
    """`exact`: best first, until the k best labels of a tree are certain; or `beam`."""
