"""Fit and predict of models that ask the nearest training documents in learned spaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from labeltree.core.arrays import CSR, Doubles, Floats, Ints, Longs
from labeltree.core.dataset import Dataset
from labeltree.core.inputs import check_k, checked_features, checked_training
from labeltree.core.labels import Labels
from labeltree.core.model import BaseModel
from labeltree.core.params import choice, jobs, seeds, whole
from labeltree.core.pool import ThreadPool, scratch, serial_blas
from labeltree.core.seeds import derived
from labeltree.core.store import storable
from labeltree.grow.pifa import unit_rows
from labeltree.kernels.neighbour_votes import neighbour_votes
from labeltree.linear.blocks import ranked_in_blocks
from labeltree.linear.document_clusters import Parts
from labeltree.linear.neighbours import Atlas, Projection, Region, check_approximate, region


@storable
@dataclass(frozen=True, eq=False)
class LabelSets:
    """The labels of each training document, what neighbours vote with."""

    ptr: Longs
    label: Ints
    n_features: int
    """Of the documents."""


class Voters(NamedTuple):
    """The training documents that answered, best first."""

    row: Ints
    """Row in the training data, -1 behind the last, (n_samples, n_voters)."""
    similarity: Floats
    """Mean over the spaces that found it of its cosine, or of minus half the squared distance where
    distances count, (n_samples, n_voters)."""
    vote: Floats
    """What it gave each of its labels; a label's score is the sum, (n_samples, n_voters)."""
    labels: list[list[Ints]]
    """Columns of its labels, by document and voter."""


@dataclass(eq=False)
class NeighbourModel(BaseModel):
    """Learned spaces in which a document's nearest training documents vote with their labels."""

    n_learners: int = whole(1, 15)
    """Partitions of the documents that vote; only their seeds differ."""
    dim: int = whole(1, 50)
    """Length of a code."""
    n_neighbours: int = whole(1, 10, search="5..50:log")
    """Nearest training documents of a document that vote, in each partition."""
    part_size: int = whole(1, 6000)
    """Documents of a part on average: N / part_size parts, rounded down, at least one."""
    search: str = choice("exact", ("exact", "approximate"))
    """Look at every training document of the part, or walk a graph (needs the extra `ann`)."""
    seed: int = seeds()
    """Same seed, same model, for any number of threads."""
    n_jobs: int = jobs()
    """Threads; -1 for all cores."""

    def fit(
        self, X: Any, Y: Any, *, labels: Labels | None = None, validation: Dataset | None = None
    ) -> Self:
        """Cut the documents into parts and learn a space for each; see `BaseModel.fit`."""
        if self.search == "approximate":
            check_approximate()
        X, Y, known = checked_training(X, Y, labels)
        X = unit_rows(X)
        pool = ThreadPool(self.n_jobs)
        seeds = [int(derived(self.seed, t)) for t in range(self.n_learners)]
        parts = pool.map(lambda seed: self.parts(X, Y, seed), seeds, what="cutting into parts")
        self.atlases_: tuple[Atlas, ...] = self._charted(X, Y, parts, seeds, pool)
        self.memory_ = LabelSets(Y.indptr.astype(np.int64), Y.indices, int(X.shape[1]))
        self.labels_ = known
        return self

    def _charted(
        self, X: CSR, Y: CSR, parts: list[Parts], seeds: list[int], pool: ThreadPool
    ) -> tuple[Atlas, ...]:
        """Learn the spaces of all parts of all learners."""
        part = [cut(X) for cut in parts]
        tasks = [(t, p) for t, cut in enumerate(parts) for p in range(len(cut))]

        def learn(task: tuple[int, int]) -> Region:
            t, p = task
            member = np.flatnonzero(part[t] == p).astype(np.int32)
            used, here = _used_columns(csr_array(X[member]))
            weight = self.projected(here, csr_array(Y[member]), int(derived(seeds[t], p)))
            return region(
                X, member, Projection(used, np.ascontiguousarray(weight), self.by_cosine())
            )

        with serial_blas():
            regions = iter(pool.map(learn, tasks, what="learning spaces"))
        return tuple(Atlas(cut, [next(regions) for _ in range(len(cut))]) for cut in parts)

    def by_cosine(self) -> bool:
        """Whether cosines tell who is near, else distances."""
        return True

    def n_parts(self, n_documents: int) -> int:
        """Return how many parts so many documents are cut into."""
        return max(1, n_documents // self.part_size)

    def parts(self, X: CSR, Y: CSR, seed: int) -> Parts:
        """Cut documents, rows of length 1 or 0, into parts."""
        raise NotImplementedError

    def projected(self, X: CSR, Y: CSR, seed: int) -> Floats:
        """Return the map of the documents of a part to codes, (n_features, dim)."""
        raise NotImplementedError

    @property
    def n_features(self) -> int:
        """Features of a document."""
        return self.memory_.n_features

    def predict(self, X: Any, k: int = 5) -> CSR:
        """Return scores (n_samples, n_labels), at most k entries a row."""
        self.check_fitted()
        check_k(k)
        X, n_labels = self._checked(X), len(self.labels_)

        def best(block: CSR) -> tuple[Ints, Doubles]:
            row, _ = self._nearest(block)
            total = scratch("votes", n_labels, np.float32)
            room = total, scratch("voted", n_labels, np.int32)
            memory, weight = self.memory_, self._votes(row)
            return neighbour_votes(row, weight, (memory.ptr, memory.label), room, min(k, n_labels))

        return ranked_in_blocks(X, best, n_labels, ThreadPool(self.n_jobs))

    def neighbours(self, X: Any, k: int = 5) -> Voters:
        """Return the k training documents whose votes weighed most, for each document.

        Parameters
        ----------
        X
            CSR features (n_samples, n_features).
        k
            Of n_learners * n_neighbours that vote at most; all of them together give the scores.
        """
        self.check_fitted()
        check_k(k)
        row, similarity = self._nearest(self._checked(X))
        vote = self._votes(row)
        shown = [_strongest(*columns, k) for columns in zip(row, similarity, vote, strict=True)]
        ptr, label = self.memory_.ptr, self.memory_.label
        labels = [[label[ptr[j] : ptr[j + 1]] for j in rows] for rows, _, _ in shown]
        rows, near, votes = zip(*shown, strict=True) if shown else ((), (), ())
        return Voters(
            _table(rows, -1).astype(np.int32),
            _table(near, 0.0).astype(np.float32),
            _table(votes, 0.0).astype(np.float32),
            labels,
        )

    def _checked(self, X: Any) -> CSR:
        return unit_rows(checked_features(X, self.n_features))

    def _nearest(self, X: CSR) -> tuple[Ints, Floats]:
        """Return (row, similarity), (n_samples, n_learners * n_neighbours), learner by learner."""
        exact = self.search == "exact"
        found = [atlas.nearest(X, self.n_neighbours, exact=exact) for atlas in self.atlases_]
        rows, near = zip(*found, strict=True)
        return np.ascontiguousarray(np.hstack(rows)), np.hstack(near)

    def _votes(self, row: Ints) -> Floats:
        """Return what each neighbour gives its labels: a document's neighbours share one vote."""
        n = np.maximum(1, (row >= 0).sum(axis=1, keepdims=True))
        return np.broadcast_to((1 / n).astype(np.float32), row.shape)


def _used_columns(X: CSR) -> tuple[Ints, CSR]:
    """Return the features that occur, ascending, and X with these columns only."""
    used = np.unique(X.indices).astype(np.int32)
    place = np.searchsorted(used, X.indices).astype(np.int32)
    return used, csr_array((X.data, place, X.indptr), shape=(X.shape[0], len(used)))


def _strongest(
    row: Ints, similarity: Floats, vote: Floats, k: int
) -> tuple[Ints, Doubles, Doubles]:
    """Join the finds of one document by several learners; return the k that weigh most."""
    found = row >= 0
    rows, at = np.unique(row[found], return_inverse=True)
    times = np.bincount(at, minlength=len(rows))
    near = np.bincount(at, similarity[found], len(rows)) / np.maximum(1, times)
    votes = np.bincount(at, vote[found].astype(np.float64), len(rows))
    order = np.lexsort((rows, -near, -votes))[:k]
    return rows[order], np.asarray(near[order]), np.asarray(votes[order], np.float64)


def _table(rows: Sequence[NDArray[Any]], fill: float) -> NDArray[Any]:
    """Return rows of different lengths side by side, `fill` behind the last of each."""
    table = np.full((len(rows), max(map(len, rows), default=0)), fill)
    for to, values in zip(table, rows, strict=True):
        to[: len(values)] = values
    return table
