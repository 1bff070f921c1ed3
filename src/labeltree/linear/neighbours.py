"""Nearest training documents in a learned space, part by part."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array

from labeltree.core.arrays import CSR, Doubles, Floats, Ints, from_parts
from labeltree.core.errors import MissingExtraError
from labeltree.core.store import storable
from labeltree.kernels.compile import announce
from labeltree.kernels.products import best_products, side_by_side
from labeltree.linear.document_clusters import Parts

CONNECTIONS, WIDTH = 16, 128
"""Of the graph that approximate search walks: edges a document, and documents kept on the way."""


class Found(NamedTuple):
    """Neighbours of documents, best first, -1 and 0 behind the last."""

    row: Ints
    """(n_samples, k)"""
    similarity: Floats
    """Cosine, or minus half the squared distance where codes keep their length, (n_samples, k)."""


@storable
@dataclass(frozen=True, eq=False)
class Projection:
    """A linear map from the features that some documents use to codes."""

    feature: Ints
    """Ascending, (n_used,)."""
    weight: Floats
    """(n_used, dim)"""
    unit: bool = True
    """Whether codes are brought to length 1."""

    def __call__(self, X: CSR) -> Floats:
        """Return codes, (n_samples, dim)."""
        Z = np.asarray(self.used(X) @ self.weight)
        if not self.unit:
            return Z
        length = np.sqrt(np.square(Z).sum(axis=1, keepdims=True))
        return np.asarray(np.divide(Z, length, out=np.zeros_like(Z), where=length > 0))

    def used(self, X: CSR) -> CSR:
        """Return the columns of X (n_samples, n_used) that the map knows."""
        place = np.searchsorted(self.feature, X.indices)
        place[place == len(self.feature)] = 0
        known = self.feature[place] == X.indices if len(self.feature) else np.zeros(X.nnz, bool)
        indptr = np.concatenate(([0], np.cumsum(known)))[X.indptr]
        shape = X.shape[0], len(self.feature)
        return from_parts(X.data[known], place[known].astype(np.int32), indptr, shape)


@storable
@dataclass(frozen=True, eq=False)
class Region:
    """The training documents of a part, and where they lie."""

    member: Ints
    """Their rows in the training data, ascending, (n,)."""
    projection: Projection
    code: Floats
    """(n, dim)"""

    def nearest(self, X: CSR, k: int, *, exact: bool) -> Found:
        """Return the k nearest members of each document."""
        Z, k = self.projection(X), min(k, len(self.member))
        place, similarity = self._exactly(Z, k) if exact else self._roughly(Z, k)
        row = np.where(place >= 0, self.member[place], -1)
        return Found(row.astype(np.int32), similarity.astype(np.float32))

    def _exactly(self, Z: Floats, k: int) -> tuple[Ints, Doubles]:
        place, product = best_products(Z, self._blocks, self._offset, k)
        # |z - c|^2 = |z|^2 - 2 z.c + |c|^2
        return place, product if self.projection.unit else product - _half_squares(Z)[:, None]

    def _roughly(self, Z: Floats, k: int) -> tuple[Ints, Floats]:
        found = self._graph.search(Z, k, threads=1)
        place, distance = found.keys.reshape(len(Z), -1), found.distances.reshape(len(Z), -1)
        missed = np.isnan(distance)  # the walk may end before it has met k
        distance = np.where(missed, 0, distance)
        near = 1 - distance if self.projection.unit else -distance / 2
        return np.where(missed, -1, place).astype(np.int32), np.where(missed, 0, near)

    @cached_property
    def _blocks(self) -> Floats:
        announce()
        return side_by_side(self.code)

    @cached_property
    def _offset(self) -> Floats:
        """What is added to products: with it the largest is that of the nearest."""
        n = len(self.code)
        return np.zeros(n, np.float32) if self.projection.unit else -_half_squares(self.code)

    @cached_property
    def _graph(self) -> Any:
        """An HNSW graph, built when first asked for: nothing of it is stored."""
        check_approximate()
        from usearch.index import Index

        graph = Index(
            ndim=self.code.shape[1],
            metric="ip" if self.projection.unit else "l2sq",
            dtype="f32",
            connectivity=CONNECTIONS,
            expansion_add=WIDTH,
            expansion_search=WIDTH,
        )
        graph.add(np.arange(len(self.code)), self.code, threads=1)  # else by chance
        return graph


def _half_squares(Z: Floats) -> Floats:
    """Return half the squared length of each row."""
    return np.asarray(np.square(Z).sum(axis=1) / 2, np.float32)


def check_approximate() -> None:
    """Raise `MissingExtraError` if the library for approximate search is not installed."""
    try:
        import usearch.index  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("Approximate search", "ann") from error


def region(X: CSR, member: Ints, projection: Projection) -> Region:
    """Return the region of some rows of X (n_samples, n_features)."""
    return Region(member, projection, projection(csr_array(X[member])))


@storable
@dataclass(frozen=True, eq=False)
class Atlas:
    """A partition of the training documents, each part with a space of its own."""

    parts: Parts
    regions: list[Region]

    def nearest(self, X: CSR, k: int, *, exact: bool) -> Found:
        """Return the k nearest training documents of each document, of its own part."""
        row = np.full((X.shape[0], k), -1, np.int32)
        similarity = np.zeros((X.shape[0], k), np.float32)
        part = self.parts(X)
        for p in np.unique(part):
            at = np.flatnonzero(part == p)
            found = self.regions[p].nearest(csr_array(X[at]), k, exact=exact)
            row[at, : found.row.shape[1]] = found.row
            similarity[at, : found.row.shape[1]] = found.similarity
        return Found(row, similarity)
