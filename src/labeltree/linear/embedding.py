"""Fit and predict of label embeddings: label sets become short codes, regressed on features.

    encode  Z = (Y - 1 y') V        regress  z(x) = x W + b        decode  s(x) = V z(x) + y

A model of this family says how V is found; y is the mean of Y, or nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from scipy.sparse import csr_array

from labeltree.core.arrays import CSR, Doubles, Floats, Ints
from labeltree.core.dataset import Dataset
from labeltree.core.inputs import check_k, checked_features, checked_training
from labeltree.core.labels import Labels
from labeltree.core.model import BaseModel
from labeltree.core.params import jobs, positive, seeds, whole
from labeltree.core.pool import ThreadPool
from labeltree.grow.pifa import unit_rows
from labeltree.linear.blocks import ranked_in_blocks
from labeltree.linear.decoder import Decoder
from labeltree.linear.ridge import Affine, ridge


class Centred(NamedTuple):
    """Y - 1 mean' of labels Y (n_samples, n_labels), never formed."""

    Y: CSR
    mean: Doubles
    """(n_labels,); zeros leave Y as it is."""

    def dot(self, M: Doubles) -> Doubles:
        """Return (Y - 1 mean') M, (n_samples, c)."""
        return np.asarray(self.Y @ M - self.mean @ M)

    def transposed_dot(self, M: Doubles) -> Doubles:
        """Return (Y - 1 mean')' M, (n_labels, c)."""
        return np.asarray(self.Y.T @ M - np.outer(self.mean, M.sum(axis=0)))


class Evidence(NamedTuple):
    """Why a linear score is what it is: `rest` and all parts add up to it."""

    feature: Ints
    """Features of the document, ascending, (n,)."""
    part: Doubles
    """What each adds to the score, (n,)."""
    rest: float
    """What is added whatever the document."""
    beside: Ints = np.zeros(0, np.int32)
    """Columns of the labels whose choice is taken as given, where labels are chosen together."""


@dataclass(eq=False)
class LabelEmbedding(BaseModel):
    """Codes of labels, and their regression on features."""

    dim: int = whole(1, 100)
    """Length of a code."""
    l2: float = positive(0.1, search="0.01..100:log")
    """Weight of the regularisers."""
    seed: int = seeds()
    """Same seed, same model, for any number of threads."""
    n_jobs: int = jobs()
    """Threads; -1 for all cores."""

    def fit(
        self, X: Any, Y: Any, *, labels: Labels | None = None, validation: Dataset | None = None
    ) -> Self:
        """Find the codes and regress them; see `BaseModel.fit`."""
        X, Y, known = checked_training(X, Y, labels)
        X, seen = unit_rows(X), np.flatnonzero(known.counts).astype(np.int32)
        self.learn(X, csr_array(Y[:, seen]).astype(np.float64), seen)
        self.labels_ = known
        return self

    def learn(self, X: CSR, Y: CSR, seen: Ints) -> None:
        """Set what `fit` learns beside the labels, from the columns of Y that have documents."""
        centred = Centred(Y, self.shift(Y))
        V = self.codes(X, centred)
        self.regressor_: Affine = ridge(X, centred.dot(V), self.l2, ThreadPool(self.n_jobs))
        self.decoder_: Decoder = Decoder(
            seen, V.astype(np.float32), centred.mean.astype(np.float32)
        )

    def shift(self, Y: CSR) -> Doubles:
        """Return what is subtracted from each row of Y, (n_labels,)."""
        return np.asarray(Y.mean(axis=0)).ravel()

    def codes(self, X: CSR, Y: Centred) -> Doubles:
        """Return V, (n_labels, dim)."""
        raise NotImplementedError

    @property
    def n_features(self) -> int:
        """Features of a document."""
        return len(self.regressor_.weight)

    def predict(self, X: Any, k: int = 5) -> CSR:
        """Return scores (n_samples, n_labels), at most k entries a row."""
        self.check_fitted()
        check_k(k)
        X, n_labels = checked_features(X, self.n_features), len(self.labels_)

        def best(block: CSR) -> tuple[Ints, Doubles]:
            return self.decoded(self.regressor_(block), k)

        return ranked_in_blocks(unit_rows(X), best, n_labels, ThreadPool(self.n_jobs))

    def decoded(self, Z: Floats, k: int) -> tuple[Ints, Doubles]:
        """Return (label, score), (n, k), of the k best labels of codes Z (n, dim)."""
        return self.decoder_.best(Z, k)

    def evidence(self, x: Any, column: int) -> Evidence:
        """Return what the features of one document add to the score of a label, exactly.

        Parameters
        ----------
        x
            Features, (1, n_features).
        column
            Of a label that has training documents.
        """
        self.check_fitted()
        x = unit_rows(checked_features(x, self.n_features))
        vector, offset = self.decoder_.of(column)
        return self.along(x, vector, offset)

    def along(self, x: CSR, vector: Doubles, offset: float) -> Evidence:
        """Return what features add to the product of a document's code with a vector (dim,)."""
        part = x.data * (self.regressor_.weight[x.indices].astype(np.float64) @ vector)
        return Evidence(x.indices, part, float(self.regressor_.bias @ vector + offset))
