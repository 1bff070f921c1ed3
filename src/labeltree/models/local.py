"""Local classifiers: one decision at each node of a taxonomy, from the top down.

Koller, Sahami, "Hierarchically Classifying Documents Using Very Few Words" (ICML 1997); the local
classifier per parent node of Silla, Freitas, "A Survey of Hierarchical Classification across
Different Application Domains" (DMKD 2011).

    P(child | parent, x) = exp(w_child x) / sum over siblings s of exp(w_s x)    where they exclude
    P(child | parent, x) = 1 / (1 + exp(-w_child x))                             each other, else

Children exclude each other where every training document of their parent has exactly one of them,
which is measured node by node: then one multinomial regression chooses among them. Otherwise each
child has a regression of its own, against its siblings. A label's score is the product down its
path; unlike a greedy descent, a beam keeps 10 paths, so that one early mistake is not final.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from labeltree.grow import GivenOrGrown, TreeSource
from labeltree.linear.model import LinearForest
from labeltree.linear.solver import Logistic, Solver
from labeltree.linear.train import Recipe

__all__ = ["Local"]


@dataclass(eq=False)
class Local(LinearForest):
    """Logistic regressions along the given taxonomy, a softmax among exclusive children.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.repeat(np.eye(4), 5, axis=0)
    >>> Local().fit(X, X).score(X, X)
    1.0
    """

    tree: TreeSource = field(default_factory=GivenOrGrown)
    """The taxonomy, or a grown tree where the data has none; any other source too."""
    solver: Solver = field(default_factory=lambda: Logistic(threshold=0.1))
    """The linear problem at each node."""
    exclusive: bool = True
    """Whether children that exclude each other compete in a softmax."""

    def recipe(self) -> Recipe:
        """Return how the classifiers are trained."""
        return Recipe(self.solver, exclusive=self.exclusive)
