"""A label tree with a linear classifier at every node, and the search for a document's labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array, vstack

from labeltree.core.arrays import CSR, Bytes, Doubles, Ints, Longs, as_csr, for_kernel, from_parts
from labeltree.core.inputs import check_k
from labeltree.core.pool import Pool, scratch
from labeltree.core.scores import FLOOR
from labeltree.core.store import storable
from labeltree.core.tree import LabelTree
from labeltree.kernels.alone import buckets, spread_out
from labeltree.kernels.beam import beam_best, beam_search
from labeltree.kernels.best_first import best_first
from labeltree.kernels.chunks import Chunks as KernelChunks
from labeltree.kernels.chunks import Index
from labeltree.kernels.compile import announce
from labeltree.kernels.found import Ballot, Found, as_rows, best_labels
from labeltree.kernels.sparse import Rows
from labeltree.linear.weights import Chunks

CANDIDATES_IN_FLIGHT = 4_000_000
"""Scores of children (or ranks asked for) held at once, which bounds the memory of a block."""
FEW, PATIENCE = 16, 8
"""After so many calls with few documents each, the rows of a tree are indexed for such calls."""


class Search(NamedTuple):
    """How a tree is searched."""

    k: int
    """Labels wanted of each document."""
    beam: int = 10
    """Inner nodes that a document may visit on each level."""
    exact: bool = False
    """Best first instead of by beam: the true best k."""


@storable
@dataclass(frozen=True, eq=False)
class LinearTree:
    """A trained tree: score of a label = product of its path's conditional scores."""

    tree: LabelTree
    weights: Chunks
    transform: Bytes
    """What turns the margins of a node's children into scores, see `linear.solver`, (n_nodes,)."""
    n_features: int

    @cached_property
    def arrays(self) -> KernelChunks:
        """The tree and its weights as the kernels take them."""
        w = self.weights
        no_index = Index(
            np.zeros(0, np.int8), np.zeros(1, np.int64), np.zeros(0, np.uint32),
            np.zeros(0, np.int64), np.zeros(0, np.float32),
        )  # fmt: skip
        return KernelChunks(
            self.tree.child_ptr, self.tree.label, w.chunk_of, w.first_child, w.chunk_ptr,
            w.entry_ptr, w.feature, w.row_ptr, w.child, w.value, w.bias, self.transform, no_index,
        )  # fmt: skip

    @cached_property
    def indexed(self) -> KernelChunks:
        """The same with an index of the rows, for documents that come one by one."""
        w, node_of = self.weights, np.diff(self.weights.chunk_of)
        last = self.tree.child_ptr[1:][np.repeat(np.arange(len(node_of)), node_of)]
        following = np.append(w.first_child[1:], self.tree.n_nodes)
        n_children = np.minimum(last, following).astype(np.int64) - w.first_child
        index = buckets(self.arrays, self.n_features)
        spread = spread_out(self.arrays, n_children, self.n_features)
        return self.arrays._replace(rows_index=Index(*index, *spread))

    def search(self, rows: Rows, how: Search) -> Found:
        """Return the candidate labels of a block of documents with their log scores."""
        table = scratch("table", self.n_features, np.int32)
        arrays = self.arrays_for(len(rows.indptr) - 1)
        if how.exact:
            return best_first(rows, arrays, how.k, table)
        return beam_search(rows, arrays, how.beam, table)

    @cached_property
    def distinct(self) -> bool:
        """Whether each label stands at one node only."""
        label = self.tree.label[self.tree.label >= 0]
        return len(np.unique(label)) == len(label)

    def arrays_for(self, n_samples: int) -> KernelChunks:
        """Return the tree as the kernels take it, indexed once documents keep coming one by one.

        The first answers do not wait for an index, and bulk work needs none.
        """
        if n_samples > FEW or next(self._visits) < PATIENCE:
            return self.arrays
        return self.indexed

    @cached_property
    def _visits(self) -> Iterator[int]:
        return count()

    def candidates(self, beam: int) -> int:
        """Return how many children a document meets at most on one level."""
        return max(int(level[min(beam, len(level)) - 1]) for level in self._widest)

    @cached_property
    def _widest(self) -> list[Longs]:
        """For each level the children of its widest node, of its two widest, ..."""
        fan = np.diff(self.tree.child_ptr).astype(np.int64)
        levels = np.split(fan, self.tree.level_ptr[1:-1])
        return [np.cumsum(np.sort(level)[::-1]) for level in levels]


def rank(trees: Sequence[LinearTree], X: CSR, how: Search, *, n_labels: int, pool: Pool) -> CSR:
    """Return the scores (n_samples, n_labels) of the k best labels of each document.

    The score of a label is the mean over the trees, 0 for a tree that did not find it. Documents
    are searched in blocks whose memory does not depend on their number.

    Raises
    ------
    ParameterError
        If k is not positive.
    """
    check_k(how.k)
    if not X.shape[0]:
        return as_csr(np.zeros((0, n_labels)), "scores")
    announce()
    how = how._replace(k=min(how.k, n_labels))
    if X.shape[0] == 1:  # somebody waits
        return ranked(trees, Rows(*for_kernel(X)), how, n_labels)
    width = max(how.k, *(how.k if how.exact else tree.candidates(how.beam) for tree in trees))
    share = -(-X.shape[0] // pool.n_jobs)  # so that nobody waits
    size = int(np.clip(CANDIDATES_IN_FLIGHT // (width * len(trees)), 1, min(8192, share)))

    def of_block(block: tuple[int, Rows]) -> CSR:
        return ranked(trees, block[1], how, n_labels)

    blocks = pool.map(of_block, list(blocks_of(Rows(*for_kernel(X)), size)), what="predicting")
    return blocks[0] if len(blocks) == 1 else csr_array(vstack(blocks, format="csr"))


def ranked(trees: Sequence[LinearTree], rows: Rows, how: Search, n_labels: int) -> CSR:
    """Return the scores of the k best labels for a block of documents."""
    labels, scores = best_of_block(trees, rows, how, n_labels)
    indptr, indices, data = as_rows(labels, scores, FLOOR)
    return from_parts(data, indices, indptr, (len(labels), n_labels))


def best_of_block(
    trees: Sequence[LinearTree], rows: Rows, how: Search, n_labels: int
) -> tuple[Ints, Doubles]:
    """Return (labels, scores) by rank for a block of documents; see `best_labels`."""
    first, n = trees[0], len(rows.indptr) - 1
    if len(trees) == 1 and first.distinct and not how.exact:
        table = scratch("table", first.n_features, np.int32)
        return beam_best(rows, first.arrays_for(n), how.beam, how.k, table)
    found = _joined([tree.search(rows, how) for tree in trees])
    return best_labels(found, n, how.k, ballot(n_labels))


def ballot(n_labels: int) -> Ballot:
    """Return this thread's scratch for counting votes."""
    return Ballot(
        scratch("highest", n_labels, np.float64, -np.inf),
        scratch("label_score", n_labels, np.float64, -np.inf),
        scratch("total", n_labels, np.float64),
        scratch("certainty", n_labels, np.float32, -np.inf),
    )


def blocks_of(rows: Rows, size: int) -> Iterator[tuple[int, Rows]]:
    """Yield the first row and the rows of each block of documents; the arrays are shared."""
    for start in range(0, len(rows.indptr) - 1, size):
        ptr = rows.indptr[start : start + size + 1]
        a, b = ptr[0], ptr[-1]
        yield start, Rows(ptr - a, rows.indices[a:b], rows.data[a:b])


def _joined(found: list[Found]) -> Found:
    """Put the trees' findings one after the other."""
    if len(found) == 1:
        return found[0]
    ends = np.cumsum([0, *(f.ptr[-1] for f in found)])
    starts = [f.ptr[:-1] + end for f, end in zip(found, ends[:-1], strict=True)]
    _, *parts = zip(*found, strict=True)
    return Found(np.concatenate([*starts, ends[-1:]]), *map(np.concatenate, parts))
