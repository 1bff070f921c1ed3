"""A label tree with a linear classifier at every node, and the search for a document's labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array, vstack

from labeltree.core.arrays import CSR, Bytes, as_csr, for_kernel
from labeltree.core.inputs import check_k
from labeltree.core.pool import Pool, scratch
from labeltree.core.scores import from_ranking
from labeltree.core.store import storable
from labeltree.core.tree import LabelTree
from labeltree.kernels.beam import beam_best, beam_search
from labeltree.kernels.best_first import best_first
from labeltree.kernels.chunk import Chunks as KernelChunks
from labeltree.kernels.compile import announce
from labeltree.kernels.found import Ballot, Found, best_labels
from labeltree.kernels.sparse import Rows
from labeltree.linear.weights import Chunks

CANDIDATES_IN_FLIGHT = 4_000_000
"""Scores of children (or ranks asked for) held at once, which bounds the memory of a block."""


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
        return KernelChunks(
            self.tree.child_ptr, self.tree.label, w.chunk_of, w.first_child, w.chunk_ptr,
            w.entry_ptr, w.feature, w.row_ptr, w.child, w.value, w.bias, self.transform,
        )  # fmt: skip

    def search(self, rows: Rows, how: Search) -> Found:
        """Return the candidate labels of a block of documents with their log scores."""
        table = scratch("table", self.n_features, np.int32)
        if how.exact:
            return best_first(rows, self.arrays, how.k, table)
        return beam_search(rows, self.arrays, how.beam, table)

    @cached_property
    def distinct(self) -> bool:
        """Whether each label stands at one node only."""
        label = self.tree.label[self.tree.label >= 0]
        return len(np.unique(label)) == len(label)

    def candidates(self, beam: int) -> int:
        """Return how many children a document meets at most on one level."""
        fan = np.diff(self.tree.child_ptr)
        levels = np.split(fan, self.tree.level_ptr[1:-1])
        return max(int(np.sort(level)[::-1][:beam].sum()) for level in levels)


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
    width = max(how.k, *(how.k if how.exact else tree.candidates(how.beam) for tree in trees))
    size = int(np.clip(CANDIDATES_IN_FLIGHT // (width * len(trees)), 1, 8192))

    def ranked(block: tuple[int, Rows]) -> CSR:
        rows = block[1]
        if len(trees) == 1 and trees[0].distinct and not how.exact:
            table = scratch("table", trees[0].n_features, np.int32)
            arrays = trees[0].arrays
            return from_ranking(*beam_best(rows, arrays, how.beam, how.k, table), n_labels)
        found = _joined([tree.search(rows, how) for tree in trees])
        labels, scores = best_labels(found, len(rows.indptr) - 1, how.k, ballot(n_labels))
        return from_ranking(labels, scores, n_labels)

    blocks = pool.map(ranked, list(blocks_of(Rows(*for_kernel(X)), size)), what="predicting")
    return blocks[0] if len(blocks) == 1 else csr_array(vstack(blocks, format="csr"))


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
