"""One-vs-rest: one linear classifier a label, trained against all documents.

Babbar, Schölkopf, "DiSMEC: Distributed Sparse Machines for Extreme Multi-label Classification"
(WSDM 2017).

    min over w_l of |w_l|^2 / 2 + C sum_i max(0, 1 - y_il w_l x_i)^2    (eq. 1)

In this library it is the shallowest tree, a star. Weights of at most 0.01 are dropped. It costs
documents x labels, and is the accuracy that trees are measured against.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from labeltree.grow import Star, TreeSource
from labeltree.linear.model import LinearForest
from labeltree.linear.solver import Solver, SquaredHinge

__all__ = ["OneVsRest"]


@dataclass(eq=False)
class OneVsRest(LinearForest):
    """A linear classifier for each label.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.repeat(np.eye(4), 5, axis=0)
    >>> OneVsRest().fit(X, X).score(X, X)
    1.0
    """

    tree: TreeSource = field(default_factory=Star)
    """The star; any other tree makes it another model."""
    solver: Solver = field(default_factory=lambda: SquaredHinge(threshold=0.01))
    """The linear problem of each label."""
