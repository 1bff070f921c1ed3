"""A tree grown from the documents of the labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from labeltree.core.arrays import CSR, Ints
from labeltree.core.labels import Labels
from labeltree.core.params import Params, at_least, choice
from labeltree.core.pool import Pool
from labeltree.core.tree import LabelTree
from labeltree.grow.k_means import TwoMeans
from labeltree.grow.pifa import pifa
from labeltree.grow.recursion import spread


class Clusterer(Protocol):
    """Makes a tree over label representations."""

    def cluster(
        self, Z: CSR, labels: Ints, *, seed: int, pool: Pool, max_leaf: int | None = None
    ) -> LabelTree:
        """Return the tree over the rows `labels` of Z (n_labels, n_features).

        `max_leaf` bounds the children of a node where that is less than the clusterer's own limit.
        """


@dataclass
class Grown(Params):
    """Cluster the labels by the features of their documents (PIFA)."""

    clusterer: Clusterer = field(default_factory=TwoMeans)
    """How clusters are split."""
    pifa: str = choice("raw", ("raw", "per_document"))
    """Label representation: `raw` sums documents (Parabel), `per_document` lets the labels of a
    document share its weight (PECOS)."""
    min_weight: float = at_least(0, 0.0)
    """Entries of the label representation of at most this size are dropped."""

    def build(self, X: CSR, Y: CSR, labels: Labels, *, seed: int, pool: Pool) -> LabelTree:
        """Return the grown tree; labels without documents are spread over its smallest leaves."""
        Z = pifa(X, Y, per_document=self.pifa == "per_document", threshold=self.min_weight)
        known = np.diff(Z.indptr) > 0
        clear = np.flatnonzero(known).astype(np.int32)
        tree = self.clusterer.cluster(Z, clear, seed=seed, pool=pool)
        return spread(tree, np.flatnonzero(~known).astype(np.int32))
