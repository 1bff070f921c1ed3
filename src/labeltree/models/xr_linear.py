"""XR-Linear: B-ary label trees whose negatives may come from the tree's own mistakes.

Yu, Zhong, Zhang, Chang, Dhillon, "PECOS: Prediction for Enormous and Correlated Output Spaces"
(JMLR 2022), sec. 4.

    score of l = prod over nodes n on the path to l of exp(-max(0, 1 - w_n x)^3)

Labels, represented by PIFA with shared documents, are clustered by balanced 2-means to equal depth
and merged to 16 children a node (sec. 4.1). w_n separates by squared hinge loss; its negatives are
the documents of its siblings (teacher forcing) and, if asked for, those that the levels above
would bring to its parent (matcher-aware, sec. 4.2). Positives may cost more where a document has
many labels below a node (relevance, sec. 4.4). A beam keeps 20 nodes a level.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from labeltree.core.params import choice, whole
from labeltree.grow import BAry, Grown, Pifa, TreeSource
from labeltree.linear.model import LinearForest
from labeltree.linear.solver import Solver, SquaredHinge
from labeltree.linear.train import Recipe

__all__ = ["XrLinear"]


@dataclass(eq=False)
class XrLinear(LinearForest):
    """One 16-ary label tree, squared hinge loss, cubed scores, beam of 20.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.repeat(np.eye(4), 5, axis=0)
    >>> XrLinear(negatives="tfn+man").fit(X, X).score(X, X)
    1.0
    """

    tree: TreeSource = field(default_factory=lambda: Grown(BAry(), Pifa(per_document=True)))
    """Where the trees come from: given, grown, graft, star, random or huffman."""
    beam: int = whole(1, 20)
    """Inner nodes that a document may visit on each level of a tree."""
    solver: Solver = field(default_factory=lambda: SquaredHinge(max_iter=100, power=3))
    """The linear problem at each node."""
    negatives: str = choice("tfn", ("tfn", "tfn+man"))
    """`tfn`: documents of the siblings; `tfn+man`: and those that the beam brings to the parent."""
    relevance: str = choice("none", ("none", "counts", "l1", "l2", "max"))
    """Cost of a positive: 1, the document's labels below the node, or these counts with each
    document's row of a level normalised so."""

    def recipe(self) -> Recipe:
        """Return how the classifiers are trained."""
        matched = self.beam if self.negatives == "tfn+man" else 0
        return Recipe(self.solver, matched=matched, relevance=self.relevance)
