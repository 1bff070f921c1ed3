"""A tree source: where a model's tree comes from is a choice of the model."""

from __future__ import annotations

from typing import Protocol

from labeltree.core.arrays import CSR
from labeltree.core.labels import Labels
from labeltree.core.pool import Pool
from labeltree.core.tree import LabelTree


class TreeSource(Protocol):
    """Makes the tree over the labels that a model searches."""

    def build(self, X: CSR, Y: CSR, labels: Labels, *, seed: int, pool: Pool) -> LabelTree:
        """Return a tree that holds every label at least once.

        Parameters
        ----------
        X
            Features of the training documents, rows of length 1, (n_samples, n_features).
        Y
            Their labels, (n_samples, n_labels).
        """
