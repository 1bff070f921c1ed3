"""Bonsai: shallow, wide label trees whose clusters have any size.

Khandagale, Xiao, Babbar, "Bonsai: diverse and shallow trees for extreme multi-label classification"
(Machine Learning 109, 2020).

The label's score is the product of the path's conditional scores, exp(-max(0, 1 - w x)^2) each, as
in Parabel. Two things differ: labels are split by spherical k-means into up to 100 clusters at once
(sec. 3.2), so a path has two or three edges and errors multiply less; and the clusters need not be
equal, so tail labels are not forced together with head labels. Trees differ through their random
first centres; three vote.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from labeltree.core.params import whole
from labeltree.grow import Grown, KMeans, TreeSource
from labeltree.linear.model import LinearForest

__all__ = ["Bonsai"]


@dataclass(eq=False)
class Bonsai(LinearForest):
    """Three shallow label trees of up to 100 children a node, squared hinge loss, beam of 10.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.repeat(np.eye(4), 5, axis=0)
    >>> Bonsai(n_trees=1).fit(X, X).score(X, X)
    1.0
    """

    tree: TreeSource = field(default_factory=lambda: Grown(clusterer=KMeans()))
    """Where the trees come from: given, grown, graft, star or random."""
    n_trees: int = whole(1, 3)
    """Trees, each grown and trained with a seed of its own."""
