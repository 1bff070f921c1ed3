"""Fit and predict of the linear tree models, written once; a model file is a preset of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

from labeltree.core.arrays import CSR
from labeltree.core.dataset import Dataset
from labeltree.core.labels import Labels
from labeltree.core.model import BaseModel, checked_features, checked_training
from labeltree.core.params import choice, jobs, whole
from labeltree.core.pool import ThreadPool
from labeltree.core.seeds import derived
from labeltree.grow import Grown, TreeSource
from labeltree.grow.pifa import unit_rows
from labeltree.linear.solver import Solver, SquaredHinge
from labeltree.linear.train import Recipe, fit_linear_tree
from labeltree.linear.tree import LinearTree, Search, rank


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
    seed: int = 0
    """Same seed, same model, for any number of threads."""
    n_jobs: int = jobs()
    """Threads; -1 for all cores."""

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
        return self

    def predict(self, X: Any, k: int = 5) -> CSR:
        """Return scores (n_samples, n_labels), at most k entries a row."""
        self.check_fitted()
        X = unit_rows(checked_features(X, self.trees_[0].n_features))
        how = Search(k, self.beam, exact=self.search == "exact")
        pool = ThreadPool(self.n_jobs)
        return rank(self.trees_, X, how, n_labels=len(self.labels_), pool=pool)

    def recipe(self) -> Recipe:
        """Return how the classifiers are trained."""
        return Recipe(self.solver)
