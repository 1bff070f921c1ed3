"""CRAFTML: a random forest over documents, each node split by clustering hashed labels.

Siblini, Kuntz, Meyer, "CRAFTML, an Efficient Clustering-based Random Forest for Extreme Multi-label
Learning" (ICML 2018).

    x' = hash_t(x) / |hash_t(x)|,  y' = hash_t(y) / |hash_t(y)|           (tree t, random signs)
    c_1 ... c_k = spherical k-means of y' over a sample of the node's documents
    child(x) = argmax_c  x' . mu_c,  mu_c = mean of x' over cluster c

A leaf keeps the mean of its documents' labels; 50 trees vote with their mean.
"""

from __future__ import annotations

from dataclasses import dataclass

from labeltree.core.arrays import CSR
from labeltree.core.labels import Labels
from labeltree.core.params import whole, within
from labeltree.core.pool import ThreadPool
from labeltree.kernels.centroid_tree import CentroidGrowth
from labeltree.linear.instance_forest import InstanceForest, centroid_forest
from labeltree.linear.instance_model import InstanceModel

__all__ = ["Craftml"]


@dataclass(eq=False)
class Craftml(InstanceModel):
    """Fifty trees of ten children a node, split by clusters of hashed labels.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.repeat(np.eye(4), 20, axis=0)
    >>> Craftml(n_trees=5).fit(X, X).score(X, X)
    1.0
    """

    branching: int = whole(2, 10)
    """Children of a node at most."""
    n_buckets: int = whole(1, 10_000)
    """What features, and labels, are hashed to, with a hash of its own for each tree."""
    sample: int = whole(2, 20_000)
    """Documents of a node that are clustered."""
    max_iter: int = whole(1, 2)
    """Rounds of k-means."""
    kept: float = within(0, 1, 0.1)
    """Share of a centroid's weights that is kept, the largest ones."""
    min_kept: int = whole(1, 5)
    """So many weights are kept in any case."""

    def grown(self, X: CSR, Y: CSR, labels: Labels) -> InstanceForest:
        """Return the trees."""
        growth = CentroidGrowth(
            self.max_leaf, self.labels_per_leaf, self.branching, self.sample, self.max_iter,
            float(self.kept), self.min_kept,
        )  # fmt: skip
        pool = ThreadPool(self.n_jobs)
        return centroid_forest(X, Y, growth, self.n_buckets, self.seeds(), pool)
