"""A tree grown from the documents of the labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from labeltree.core.arrays import CSR, Ints
from labeltree.core.labels import Labels
from labeltree.core.params import Params, at_least, whole
from labeltree.core.pool import Pool
from labeltree.core.tree import LabelTree
from labeltree.grow.k_means import TwoMeans
from labeltree.grow.label_features import LabelFeatures, Pifa
from labeltree.grow.pifa import pruned
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
    """Cluster the labels by what they look like, by default their documents (PIFA)."""

    clusterer: Clusterer = field(default_factory=TwoMeans)
    """How clusters are split."""
    features: LabelFeatures = field(default_factory=Pifa)
    """How labels are represented: by documents (`pifa`), company (`co_occurrence`), both (`joint`)
    or documents and text (`label_text`)."""
    min_weight: float = at_least(0, 0.0)
    """Entries of the label representation of at most this size are dropped."""
    collapse: int = whole(0, 0)
    """Levels taken out between two that stay: 3 makes of a binary tree one of 16 children."""

    def build(self, X: CSR, Y: CSR, labels: Labels, *, seed: int, pool: Pool) -> LabelTree:
        """Return the grown tree; labels without documents are spread over its smallest leaves."""
        Z = self.features.represent(X, Y, labels, pool)
        if self.min_weight > 0:
            Z = pruned(Z, self.min_weight)
        known = np.diff(Z.indptr) > 0
        clear = np.flatnonzero(known).astype(np.int32)
        tree = self.clusterer.cluster(Z, clear, seed=seed, pool=pool)
        if self.collapse:
            tree = tree.collapsed(self.collapse)
        return spread(tree, np.flatnonzero(~known).astype(np.int32))
