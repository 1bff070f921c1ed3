"""FastXML: trees over documents that learn to rank.

Prabhu, Varma, "FastXML: a fast, accurate and stable tree-classifier for extreme multi-label
learning" (KDD 2014).

    min |w|_1 + C sum_i log(1 + exp(-s_i w x_i))
        - sum_{s_i = 1} nDCG(r+, y_i) - sum_{s_i = -1} nDCG(r-, y_i)                      (eq. 3)

over the separator w of a node, the side s_i of each of its documents and a ranking of all labels
for either side. Sides start at random; rankings and sides are improved in turn until nDCG stands
still, then w learns the sides (algorithms 1 to 3; the sides hold still while w is learned, so the
weight of the rankings cancels). Documents follow the sign of w x. A leaf of at most 10 documents
keeps its labels' shares; 50 trees vote with their mean.
"""

from __future__ import annotations

from dataclasses import dataclass

from labeltree.linear.ranking_forest import RankingForest

__all__ = ["Fastxml"]


@dataclass(eq=False)
class Fastxml(RankingForest):
    """Fifty trees over documents, split by nDCG and a sparse separator.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.repeat(np.eye(4), 20, axis=0)
    >>> Fastxml(n_trees=5).fit(X, X).score(X, X)
    1.0
    """
