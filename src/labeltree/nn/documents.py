"""Documents as networks read them: padded by the batch, when a batch is asked for."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from labeltree.core.arrays import CSR, Bools, Floats, Ints, Longs, ranges

LEAST = 2
"""Positions of the shortest batch of tokens: by one position alone, heads know that there are no
tokens."""
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class TextBatch(NamedTuple):
    """What an encoder reads; it fills the tensors that it needs, others have no columns."""

    ids: Tensor
    """Tokens, or columns of features, (batch, n) int64."""
    mask: Tensor
    """False at padding, (batch, n) bool."""
    features: Tensor
    """Features or embeddings, (batch, width) float32; values of the columns, where ids are such."""

    def to(self, device: torch.device | str) -> TextBatch:
        """Return the batch on a device."""
        return TextBatch(*(part.to(device, non_blocking=True) for part in self))


class Run(NamedTuple):
    """Where and how a network computes."""

    device: torch.device
    precision: str = "fp32"
    """`fp32`, or `bf16` or `fp16` where autocast finds that safe."""
    batch_size: int = 32

    def autocast(self) -> AbstractContextManager[Any]:
        """Return a context in which networks compute with this precision."""
        dtype = _DTYPES[self.precision]
        context: AbstractContextManager[Any] = torch.autocast(
            self.device.type, dtype, enabled=dtype is not torch.float32
        )
        return context


class Documents(Protocol):
    """Documents as an encoder reads them."""

    @property
    def lengths(self) -> Ints:
        """Positions that each takes in a batch, 1 or more, (n_documents,)."""

    def __len__(self) -> int: ...

    def batch(self, rows: Longs) -> TextBatch:
        """Return some of them, as long as the longest; on the CPU."""


@dataclass(frozen=True, eq=False)
class TokenDocuments:
    """Texts as tokens, one after the other."""

    ids: Ints
    """(n_tokens,)"""
    ptr: Longs
    """Where each document starts, and where the last one ends, (n_documents + 1,)."""
    pad: int
    """What fills short documents up."""

    @classmethod
    def of(cls, ids: Ints, ptr: Longs, pad: int, blank: int) -> Self:
        """Return documents of which none is empty: `blank` stands in for no token."""
        empty = ptr[1:] == ptr[:-1]
        if empty.any():
            ids = np.insert(ids, ptr[:-1][empty], blank)
            ptr = ptr + np.concatenate(([0], np.cumsum(empty)))
        return cls(ids, ptr, pad)

    @property
    def lengths(self) -> Ints:
        """Tokens of each, (n_documents,)."""
        return np.diff(self.ptr).astype(np.int32)

    def __len__(self) -> int:
        return len(self.ptr) - 1

    def batch(self, rows: Longs) -> TextBatch:
        """Return some of them, as long as the longest."""
        start = self.ptr[rows]
        count = self.ptr[rows + 1] - start
        mask = _mask(count, LEAST)
        ids = np.full(mask.shape, self.pad, np.int64)
        ids[mask] = self.ids[ranges(start, count)]
        return _batch(len(rows), ids, mask, None)


@dataclass(frozen=True, eq=False)
class SparseDocuments:
    """Sparse features as columns and values, for a first layer that reads only these."""

    X: CSR
    """(n_documents, n_features)"""

    @property
    def lengths(self) -> Ints:
        """Entries of each, 1 where there is none, (n_documents,)."""
        return np.asarray(np.maximum(np.diff(self.X.indptr), 1), np.int32)

    def __len__(self) -> int:
        return int(self.X.shape[0])

    def batch(self, rows: Longs) -> TextBatch:
        """Return some of them, as long as the longest; padding has column 0 and value 0."""
        start = self.X.indptr[rows]
        count = self.X.indptr[rows + 1] - start
        mask = _mask(count, 1)
        ids, values = np.zeros(mask.shape, np.int64), np.zeros(mask.shape, np.float32)
        entries = ranges(start, count)
        ids[mask], values[mask] = self.X.indices[entries], self.X.data[entries]
        return _batch(len(rows), ids, mask, values)


@dataclass(frozen=True, eq=False)
class FeatureDocuments:
    """Features, made dense by the batch."""

    X: CSR
    """(n_documents, n_features)"""

    @property
    def lengths(self) -> Ints:
        """1 each, (n_documents,)."""
        return np.ones(len(self), np.int32)

    def __len__(self) -> int:
        return int(self.X.shape[0])

    def batch(self, rows: Longs) -> TextBatch:
        """Return the features of some of them."""
        return _batch(len(rows), None, None, self.X[rows].toarray())


@dataclass(frozen=True, eq=False)
class EmbeddedDocuments:
    """Vectors that an encoder made before."""

    vectors: Floats
    """(n_documents, width), in memory or mapped from a file."""

    @property
    def lengths(self) -> Ints:
        """1 each, (n_documents,)."""
        return np.ones(len(self), np.int32)

    def __len__(self) -> int:
        return len(self.vectors)

    def batch(self, rows: Longs) -> TextBatch:
        """Return the vectors of some of them."""
        return _batch(len(rows), None, None, np.asarray(self.vectors[rows]))


def _mask(count: NDArray[Any], least: int) -> Bools:
    """Return (batch, n): True at the positions that each document has."""
    return np.asarray(np.arange(max(least, int(count.max(initial=0)))) < count[:, None])


def _batch(n: int, *parts: NDArray[Any] | None) -> TextBatch:
    """Return a batch of n documents of (ids, mask, features), those that there are."""
    kinds = (np.int64, np.bool_, np.float32)
    filled = (
        np.empty((n, 0), kind) if part is None else part
        for kind, part in zip(kinds, parts, strict=True)
    )
    return TextBatch(*map(torch.from_numpy, filled))
