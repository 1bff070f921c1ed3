"""Predict of models whose trees stand over documents, written once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.sparse import csr_array, vstack

from labeltree.core.arrays import CSR, Doubles, Ints, as_csr, for_kernel
from labeltree.core.dataset import Dataset
from labeltree.core.inputs import check_k, checked_features, checked_training
from labeltree.core.labels import Labels
from labeltree.core.model import BaseModel
from labeltree.core.params import jobs, whole
from labeltree.core.pool import ThreadPool
from labeltree.core.scores import from_ranking
from labeltree.core.seeds import derived
from labeltree.kernels.sparse import Rows
from labeltree.linear.instance_forest import InstanceForest
from labeltree.linear.tree import blocks_of

DOCUMENTS_IN_FLIGHT = 1024
"""Documents that one thread sends down all trees at a time."""


@dataclass(eq=False)
class InstanceModel(BaseModel):
    """Trees over documents; the labels of the leaves a document reaches vote."""

    n_trees: int = whole(1, 50)
    """Trees; only their seeds differ."""
    max_leaf: int = whole(1, 10)
    """Nodes of at most so many documents are leaves."""
    labels_per_leaf: int = whole(1, 100)
    """Labels that a leaf keeps, the most frequent ones."""
    seed: int = 0
    """Same seed, same model, for any number of threads."""
    n_jobs: int = jobs()
    """Threads; -1 for all cores."""

    def fit(
        self, X: Any, Y: Any, *, labels: Labels | None = None, validation: Dataset | None = None
    ) -> Self:
        """Grow the trees; see `BaseModel.fit`."""
        X, Y, known = checked_training(X, Y, labels)
        self.forest_: InstanceForest = self.grown(X, Y, known)
        self.labels_ = known
        return self

    def grown(self, X: CSR, Y: CSR, labels: Labels) -> InstanceForest:
        """Return the trees."""
        raise NotImplementedError

    def predict(self, X: Any, k: int = 5) -> CSR:
        """Return scores (n_samples, n_labels), at most k entries a row."""
        self.check_fitted()
        check_k(k)
        X, n_labels = checked_features(X, self.forest_.n_features), len(self.labels_)
        if not X.shape[0]:
            return as_csr(np.zeros((0, n_labels)), "scores")

        def of_block(block: tuple[int, Rows]) -> CSR:
            label, score = self.best(block[1], min(k, n_labels))
            return from_ranking(label, score, n_labels)

        blocks = list(blocks_of(Rows(*for_kernel(self.seen(X))), DOCUMENTS_IN_FLIGHT))
        found = ThreadPool(self.n_jobs).map(of_block, blocks, what="predicting")
        return found[0] if len(found) == 1 else csr_array(vstack(found, format="csr"))

    def seen(self, X: CSR) -> CSR:
        """Return the features as the trees see them."""
        return X

    def best(self, rows: Rows, k: int) -> tuple[Ints, Doubles]:
        """Return (label, score), (n, k), of the k best labels of a block of documents."""
        return self.forest_.best(rows, k, len(self.labels_))

    def seeds(self) -> list[int]:
        """Return a seed for each tree."""
        return [int(derived(self.seed, t)) for t in range(self.n_trees)]
