"""Fit and predict of the linear tree models, written once; a model file is a preset of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from scipy.sparse import csr_array, vstack

from labeltree.core.arrays import CSR, as_csr, widened
from labeltree.core.dataset import Dataset
from labeltree.core.errors import ParameterError
from labeltree.core.inputs import checked_features, checked_growth, checked_training
from labeltree.core.labels import Labels
from labeltree.core.model import BaseModel, Update
from labeltree.core.params import choice, jobs, seeds, whole
from labeltree.core.pool import ThreadPool
from labeltree.core.seeds import derived
from labeltree.core.store import storable
from labeltree.grow import Grown, TreeSource
from labeltree.grow.extend import Extended, below_clusters, by_taxonomy
from labeltree.grow.pifa import unit_rows
from labeltree.linear.solver import Solver, SquaredHinge
from labeltree.linear.train import Recipe, fit_linear_tree
from labeltree.linear.tree import LinearTree, Search, rank
from labeltree.linear.update import News, homes_for, retired, updated


@storable
@dataclass(frozen=True, eq=False)
class Documents:
    """What a model was trained on, kept for updates."""

    X: CSR
    """Features, rows of length 1, (n_samples, n_features)."""
    Y: CSR
    """Labels, (n_samples, n_labels)."""


@dataclass(eq=False)
class LinearForest(BaseModel):
    """Label trees with linear classifiers; a label's score is the mean over the trees."""

    tree: TreeSource = field(default_factory=Grown)
    """Where the trees come from: given, grown, graft, star or random."""
    n_trees: int = whole(1, 1)
    """Trees, each grown and trained with a seed of its own."""
    beam: int = whole(1, 10)
    """Inner nodes that a document may visit on each level of a tree."""
    search: str = choice("beam", ("beam", "exact"))
    """`beam`, or `exact`: best first, until the k best labels of a tree are certain."""
    solver: Solver = field(default_factory=SquaredHinge)
    """The linear problem at each node."""
    seed: int = seeds()
    """Same seed, same model, for any number of threads."""
    n_jobs: int = jobs()
    """Threads; -1 for all cores."""
    updatable: bool = False
    """Whether the training documents' features are kept, so that `update` can learn more."""

    def fit(
        self, X: Any, Y: Any, *, labels: Labels | None = None, validation: Dataset | None = None
    ) -> Self:
        """Grow (or take) and train the trees; see `BaseModel.fit`."""
        X, Y, known = checked_training(X, Y, labels)
        X, pool = unit_rows(X), ThreadPool(self.n_jobs)
        trees = []
        for t in range(self.n_trees):
            seed = int(derived(self.seed, t))
            tree = self.tree.build(X, Y, known, seed=seed, pool=pool)
            trees.append(fit_linear_tree(X, Y, tree, self.recipe(), seed=seed, pool=pool))
        self.labels_ = known
        self.trees_: list[LinearTree] = trees
        if self.updatable:
            self.documents_ = Documents(X, Y)
        return self

    def update(self, X: Any, Y: Any, *, labels: Labels | None = None, drift: float = 0.1) -> Update:
        """Learn from more documents; see `BaseModel.update`."""
        self.check_fitted()
        old, before = self._documents(), self.labels_
        X = unit_rows(checked_features(X, old.X.shape[1]))
        Y, after = checked_growth(X, Y, before, labels)
        news = News(
            as_csr(vstack([old.X, X]), "X"), as_csr(vstack([widened(old.Y, Y.shape[1]), Y]), "Y"),
            old.X.shape[0], drift,
        )  # fmt: skip
        pool, trees, n_retrained = ThreadPool(self.n_jobs), [], 0
        for t, linear in enumerate(self.trees_):
            grown = _with_labels(linear, X, Y, before, after)
            seed = int(derived(self.seed, t))
            tree, n = updated(linear, grown, news, self.recipe(), seed=seed, pool=pool)
            trees.append(tree)
            n_retrained += n
        self.trees_, self.labels_ = trees, after.counted(news.Y)
        self.documents_ = Documents(news.X, news.Y)
        n_nodes = sum(tree.tree.n_nodes - 1 for tree in trees)
        return Update(X.shape[0], len(after) - len(before), n_retrained, n_nodes)

    def retire(self, ids: Sequence[str]) -> None:
        """Never rank these labels again; see `BaseModel.retire`."""
        self.check_fitted()
        gone = self.labels_.columns_of(ids)
        self.trees_ = [replace(t, tree=retired(t.tree, gone)) for t in self.trees_]

    def _documents(self) -> Documents:
        if not hasattr(self, "documents_"):
            raise ParameterError(
                "The model was fitted without its documents: fit it with --updatable true"
                " (updatable=True) to update it later."
            )
        if self.recipe().matched:
            raise ParameterError(
                "Matched negatives depend on the whole tree: such a model cannot be updated in"
                " part. Fit again, or with negatives tfn."
            )
        return self.documents_

    @property
    def n_features(self) -> int:
        """Features of a document."""
        return self.trees_[0].n_features

    def predict(self, X: Any, k: int = 5) -> CSR:
        """Return scores (n_samples, n_labels), at most k entries a row."""
        self.check_fitted()
        X = unit_rows(checked_features(X, self.n_features))
        how = Search(k, self.beam, exact=self.search == "exact")
        pool = ThreadPool(self.n_jobs)
        return rank(self.trees_, X, how, n_labels=len(self.labels_), pool=pool)

    def recipe(self) -> Recipe:
        """Return how the classifiers are trained."""
        return Recipe(self.solver)


def _with_labels(linear: LinearTree, X: CSR, Y: CSR, before: Labels, after: Labels) -> Extended:
    """Return the tree with a place for each new label: in the taxonomy, or among its like."""
    if linear.tree.source is not None and after.hierarchy is not None:
        return by_taxonomy(linear.tree, before, after)
    new = np.arange(len(before), len(after), dtype=np.int32)
    with_new = csr_array(Y[:, new])
    carry = np.flatnonzero(np.diff(with_new.indptr))
    homes = homes_for(linear, csr_array(X[carry]), csr_array(with_new[carry]))
    return below_clusters(linear.tree, homes, new)
