"""Fit and predict of models that code labels as bits and train a classifier for each bit."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
from scipy.sparse import csr_array

from labeltree.core.arrays import (
    CSR,
    Doubles,
    Floats,
    Ints,
    as_binary,
    binarised_product,
    for_kernel,
)
from labeltree.core.dataset import Dataset
from labeltree.core.inputs import check_k, checked_features, checked_training, seen_place
from labeltree.core.labels import Labels
from labeltree.core.model import BaseModel
from labeltree.core.params import jobs, seeds
from labeltree.core.pool import ThreadPool, scratch
from labeltree.core.store import storable
from labeltree.core.tree import LabelTree
from labeltree.grow.pifa import unit_rows
from labeltree.kernels.beam import at_root, level_margins
from labeltree.kernels.codes import as_probabilities
from labeltree.kernels.compile import announce
from labeltree.kernels.sparse import Rows
from labeltree.linear.blocks import DOCUMENTS_IN_FLIGHT, ranked_in_blocks
from labeltree.linear.solver import Logistic, Solver
from labeltree.linear.train import Recipe, fit_linear_tree
from labeltree.linear.tree import LinearTree

BITS_IN_FLIGHT = 4_000_000
"""Values of bits held at once, which bounds the memory of a block of documents."""


@storable
@dataclass(frozen=True, eq=False)
class Code:
    """The bits of each label."""

    column: Ints
    """Column of each label that has training documents, ascending, (n_seen,)."""
    bits: Ints
    """(n_seen, n_parts); a label may have a bit more than once."""
    n_bits: int
    cluster: Ints | None = None
    """Cluster of each label, -1 for none, (n_seen,); None where labels are not clustered."""

    def matrix(self) -> CSR:
        """Return 1 where a label has a bit, (n_seen, n_bits)."""
        n, n_parts = self.bits.shape
        ptr = np.arange(0, n * n_parts + 1, n_parts)
        shape = (n, self.n_bits)
        ones = np.ones(n * n_parts, np.float32)
        return as_binary(csr_array((ones, self.bits.ravel(), ptr), shape=shape), "code")

    def of(self, column: int) -> Ints:
        """Return the bits of a label, (n_parts,).

        Raises
        ------
        DataError
            If it has no training documents.
        """
        return np.asarray(self.bits[seen_place(self.column, column)])

    @cached_property
    def carriers(self) -> Rows:
        """The labels that have each bit."""
        return Rows(*for_kernel(csr_array(self.matrix().T)))


@dataclass(eq=False)
class BitModel(BaseModel):
    """A bit of a document is on if one of its labels has that bit."""

    solver: Solver = field(default_factory=lambda: Logistic(threshold=0.1))
    """The linear problem of each bit."""
    seed: int = seeds()
    """Same seed, same model, for any number of threads."""
    n_jobs: int = jobs()
    """Threads; -1 for all cores."""

    def fit(
        self, X: Any, Y: Any, *, labels: Labels | None = None, validation: Dataset | None = None
    ) -> Self:
        """Code the labels and train the bits; see `BaseModel.fit`."""
        X, Y, known = checked_training(X, Y, labels)
        seen = np.flatnonzero(known.counts).astype(np.int32)
        Y = csr_array(Y[:, seen])
        self.code_: Code = self.coded(Y, seen)
        self.learn(unit_rows(X), Y)
        self.labels_ = known
        return self

    def coded(self, Y: CSR, seen: Ints) -> Code:
        """Return the code of the columns of Y (n_samples, n_seen), all of which have documents."""
        raise NotImplementedError

    def learn(self, X: CSR, Y: CSR) -> None:
        """Train the bits on documents of length 1 and the columns of Y that the code knows."""
        self.bits_: LinearTree = fit_linear_tree(
            X, binarised_product(Y, self.code_.matrix()), _star(self.code_.n_bits),
            Recipe(self.solver), seed=self.seed, pool=ThreadPool(self.n_jobs),
        )  # fmt: skip

    @property
    def n_features(self) -> int:
        """Features of a document."""
        return self.bits_.n_features

    def predict(self, X: Any, k: int = 5) -> CSR:
        """Return scores (n_samples, n_labels), at most k entries a row."""
        self.check_fitted()
        check_k(k)
        X, n_labels = checked_features(X, self.n_features), len(self.labels_)
        announce()
        k = min(k, len(self.code_.column))

        def best(block: CSR) -> tuple[Ints, Doubles]:
            label, score = self.best(self.values(block), k)
            return np.where(label >= 0, self.code_.column[label], -1), score

        size = int(np.clip(BITS_IN_FLIGHT // self.code_.n_bits, 1, DOCUMENTS_IN_FLIGHT))
        return ranked_in_blocks(unit_rows(X), best, n_labels, ThreadPool(self.n_jobs), size)

    def values(self, X: CSR) -> Floats:
        """Return what the classifiers say of each bit, (n_samples, n_bits)."""
        return values(self.bits_, Rows(*for_kernel(X)))

    def best(self, value: Floats, k: int) -> tuple[Ints, Doubles]:
        """Return (label, score), (n, k), of documents whose bits have these values (n, n_bits).

        Labels count those of the code; -1 after the last.
        """
        raise NotImplementedError

    @property
    def how(self) -> str:
        """How the bits of a label make its score: `mean`, `min` or `median` of their values."""
        raise NotImplementedError

    def together(self, value: Doubles) -> float:
        """Return what the values of a label's bits (n_parts,) say together: its score."""
        if self.how == "min":
            return float(value.min())
        return float(np.median(value) if self.how == "median" else value.mean())

    def evidence(self, x: Any, column: int) -> list[BitEvidence]:
        """Return what the features of one document add to the margin of each bit of a label.

        Parameters
        ----------
        x
            Features, (1, n_features).
        column
            Of a label that has training documents.

        Raises
        ------
        DataError
            If it has none.
        """
        self.check_fitted()
        x = unit_rows(checked_features(x, self.n_features))
        value = self.values(x)[0]
        return [
            BitEvidence(float(value[bit]), *self.parts(x, int(bit)), self.carriers(int(bit)))
            for bit in self.code_.of(column)
        ]

    def parts(self, x: CSR, bit: int) -> tuple[Ints, Doubles, float]:
        """Return features of one document, what each adds to the margin of a bit, and the bias."""
        feature, weight = self.bits_.weights.of_child(bit + 1, 0)
        known, here, there = np.intersect1d(
            feature, x.indices, assume_unique=True, return_indices=True
        )
        part = weight[here].astype(np.float64) * x.data[there]
        return known.astype(np.int32), part, float(self.bits_.weights.bias[bit + 1])

    def carriers(self, bit: int) -> Ints:
        """Return the columns of the labels that have a bit."""
        return np.asarray(self.code_.column[(self.code_.bits == bit).any(axis=1)])


class BitEvidence(NamedTuple):
    """Why a bit is on, or off: `bias` and all parts add up to its margin."""

    value: float
    """Its probability."""
    feature: Ints
    """Features of the document with a weight, ascending, (n,)."""
    part: Doubles
    """What each adds to the margin, (n,)."""
    bias: float
    carriers: Ints
    """Columns of the labels that have the bit."""


def values(bits: LinearTree, rows: Rows) -> Floats:
    """Return the probability of each bit, (n, n_bits)."""
    n = len(rows.indptr) - 1
    table = scratch("table", bits.n_features, np.int32)
    _, margins = level_margins(rows, bits.arrays_for(n), at_root(n), table)
    return np.asarray(as_probabilities(margins, bits.transform[0]).reshape(n, -1))


def _star(n_bits: int) -> LabelTree:
    return LabelTree(
        np.r_[-1, np.zeros(n_bits)].astype(np.int32), np.arange(-1, n_bits, dtype=np.int32)
    )
