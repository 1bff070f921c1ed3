"""Predict of models whose trees stand over documents, written once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from labeltree.core.arrays import CSR, Doubles, Ints, for_kernel
from labeltree.core.dataset import Dataset
from labeltree.core.inputs import check_k, checked_features, checked_training
from labeltree.core.labels import Labels
from labeltree.core.model import BaseModel
from labeltree.core.params import jobs, seeds, whole
from labeltree.core.pool import ThreadPool
from labeltree.core.seeds import derived
from labeltree.kernels.sparse import Rows
from labeltree.linear.blocks import ranked_in_blocks
from labeltree.linear.instance_forest import InstanceForest


@dataclass(eq=False)
class InstanceModel(BaseModel):
    """Trees over documents; the labels of the leaves a document reaches vote."""

    n_trees: int = whole(1, 50)
    """Trees; only their seeds differ."""
    max_leaf: int = whole(1, 10)
    """Nodes of at most so many documents are leaves."""
    labels_per_leaf: int = whole(1, 100)
    """Labels that a leaf keeps, the most frequent ones."""
    seed: int = seeds()
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

    @property
    def n_features(self) -> int:
        """Features of a document."""
        return self.forest_.n_features

    def predict(self, X: Any, k: int = 5) -> CSR:
        """Return scores (n_samples, n_labels), at most k entries a row."""
        self.check_fitted()
        check_k(k)
        X, n_labels = checked_features(X, self.n_features), len(self.labels_)

        def best(block: CSR) -> tuple[Ints, Doubles]:
            return self.best(Rows(*for_kernel(block)), min(k, n_labels))

        return ranked_in_blocks(self.seen(X), best, n_labels, ThreadPool(self.n_jobs))

    def seen(self, X: CSR) -> CSR:
        """Return the features as the trees see them."""
        return X

    def best(self, rows: Rows, k: int) -> tuple[Ints, Doubles]:
        """Return (label, score), (n, k), of the k best labels of a block of documents."""
        return self.forest_.best(rows, k, len(self.labels_))

    def seeds(self) -> list[int]:
        """Return a seed for each tree."""
        return [int(derived(self.seed, t)) for t in range(self.n_trees)]
