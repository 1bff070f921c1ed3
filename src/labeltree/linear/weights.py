"""The weights of a linear tree, stored by chunk: siblings together, feature by feature."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labeltree.core.arrays import Floats, Ints, Longs
from labeltree.core.pool import Pool, ThreadPool
from labeltree.core.store import storable
from labeltree.kernels.chunks import row_starts
from labeltree.kernels.node import Piece

Small = NDArray[np.uint8] | NDArray[np.uint16]
"""Bytes where no chunk has more than `BYTE` children, as in most trees."""
Words = NDArray[np.uint32]

MAX_SIBLINGS = 1024
"""Children in one chunk at most: wide nodes have several, which also train side by side."""
BYTE = 255


@storable
@dataclass(frozen=True, eq=False)
class Chunks:
    """Sparse weights of all nodes (Etter et al., WWW 2022: masked sparse chunk multiplication).

    Chunk c holds children `first_child[c]`, `first_child[c] + 1`, ... of one node. Its rows are
    `chunk_ptr[c]:chunk_ptr[c + 1]`, one a feature, ascending; their entries follow each other from
    `entry_ptr[c]` on, `row_size` of each row.
    """

    chunk_of: Ints
    """Chunks of node v are `chunk_of[v]:chunk_of[v + 1]`, (n_nodes + 1,)."""
    first_child: Ints
    """Node of each chunk's first child, (n_chunks,)."""
    chunk_ptr: Longs
    """Rows of each chunk, (n_chunks + 1,)."""
    entry_ptr: Longs
    """First entry of each chunk, (n_chunks + 1,)."""
    feature: Words
    """Feature of each row, (n_rows,)."""
    row_size: Small
    """Entries of each row, (n_rows,)."""
    child: Small
    """Child of each entry, counted from the chunk's first, (n_entries,)."""
    value: Floats
    """Weights, (n_entries,)."""
    bias: Floats
    """Bias of each node, (n_nodes,): -inf never right, +inf always right."""

    @classmethod
    def joined(
        cls, pieces: list[Piece], node: Ints, first_child: Ints, n_nodes: int,
        pool: Pool | None = None,
    ) -> Chunks:  # fmt: skip
        """Put pieces together; `node` (n_chunks,) ascends and says whose children each holds."""
        bias = np.full(n_nodes, np.inf, np.float32)
        for piece, first in zip(pieces, first_child, strict=True):
            bias[first : first + len(piece.bias)] = piece.bias
        widest = max((len(p.bias) for p in pieces), default=0)
        small = np.uint8 if widest <= BYTE else np.uint16
        parts: list[tuple[list[NDArray[Any]], type]] = [
            ([p.feature for p in pieces], np.uint32),
            ([np.diff(p.row_ptr) for p in pieces], small),
            ([p.child for p in pieces], small),
            ([p.value for p in pieces], np.float32),
        ]
        stacked = (pool or ThreadPool(1)).map(_stacked, parts, what="joining nodes")
        feature, row_size, child, value = stacked
        return cls(
            np.searchsorted(node, np.arange(n_nodes + 1)).astype(np.int32),
            first_child,
            _offsets([len(p.feature) for p in pieces]),
            _offsets([len(p.value) for p in pieces]),
            feature, row_size, child, value, bias,
        )  # fmt: skip

    @cached_property
    def row_ptr(self) -> Words:
        """Where each row's entries begin within its chunk; see `kernels.chunks.row_starts`."""
        return row_starts(self.chunk_ptr, self.row_size)

    @property
    def n_bytes(self) -> int:
        """Size in memory."""
        return sum(getattr(self, f).nbytes for f in self.__dataclass_fields__)

    def piece(self, c: int, n_children: int) -> Piece:
        """Return the weights of chunk c, which holds `n_children`."""
        rows = slice(int(self.chunk_ptr[c]), int(self.chunk_ptr[c + 1]))
        entries = slice(int(self.entry_ptr[c]), int(self.entry_ptr[c + 1]))
        first = int(self.first_child[c])
        return Piece(
            self.feature[rows], self.row_ptr[rows.start + c : rows.stop + c + 1],
            self.child[entries], self.value[entries], self.bias[first : first + n_children],
        )  # fmt: skip

    def of_child(self, node: int, parent: int) -> tuple[Words, Floats]:
        """Return (features, weights) of one node's classifier, for explanations."""
        first, last = int(self.chunk_of[parent]), int(self.chunk_of[parent + 1])
        c = first - 1 + int(np.searchsorted(self.first_child[first:last], node, "right"))
        rows = slice(int(self.chunk_ptr[c]), int(self.chunk_ptr[c + 1]))
        entries = slice(int(self.entry_ptr[c]), int(self.entry_ptr[c + 1]))
        counts = self.row_size[rows]
        mine = self.child[entries] == node - self.first_child[c]
        return np.repeat(self.feature[rows], counts)[mine], self.value[entries][mine]


def _stacked(part: tuple[list[NDArray[Any]], type]) -> NDArray[Any]:
    """Return arrays one after the other, as a type."""
    arrays, dtype = part
    return np.concatenate([np.zeros(0, dtype), *arrays], dtype=dtype, casting="unsafe")


def _offsets(lengths: list[int]) -> Longs:
    return np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
