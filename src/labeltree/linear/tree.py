"""A label tree with a linear classifier at every node, trained top to bottom, searched by beam."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array, vstack

from labeltree.core.arrays import CSR, as_csr, for_kernel
from labeltree.core.errors import ParameterError
from labeltree.core.pool import Pool, scratch
from labeltree.core.scores import from_ranking
from labeltree.core.seeds import derived
from labeltree.core.store import storable
from labeltree.core.tree import LabelTree
from labeltree.kernels import beam as kernels
from labeltree.kernels.chunk import Chunks as KernelChunks
from labeltree.kernels.compile import announce
from labeltree.kernels.dual_cd import Problem
from labeltree.kernels.node import Node, solve_node
from labeltree.kernels.sparse import Rows
from labeltree.linear.solver import Solver
from labeltree.linear.weights import MAX_SIBLINGS, Chunks, Piece

SIBLINGS_IN_LOCKSTEP = 32
"""Siblings solved together: their weights for one feature fill two cache lines."""
CANDIDATES_IN_FLIGHT = 4_000_000
"""Scores of children (or ranks asked for) held at once, which bounds the memory of a block."""


class _Task(NamedTuple):
    """Siblings trained together: children `first` to `last` of `node`."""

    node: int
    first: int
    last: int


@storable
@dataclass(frozen=True, eq=False)
class LinearTree:
    """A trained tree: score of a label = product of its path's conditional scores."""

    tree: LabelTree
    weights: Chunks
    loss: int
    """0 squared hinge, exp(-max(0, 1 - f)^2); 1 logistic, 1 / (1 + exp(-f))."""
    n_features: int

    @cached_property
    def arrays(self) -> KernelChunks:
        """The tree and its weights as the kernels take them."""
        w = self.weights
        return KernelChunks(
            self.tree.child_ptr, self.tree.label, w.chunk_of, w.first_child, w.chunk_ptr,
            w.entry_ptr, w.feature, w.row_ptr, w.child, w.value, w.bias,
        )  # fmt: skip

    def search(self, rows: Rows, beam: int) -> kernels.Found:
        """Return the candidate labels of a block of documents with their log scores."""
        table = scratch("table", self.n_features, np.int32)
        return kernels.beam_search(rows, self.arrays, self.loss, beam, table)

    def candidates(self, beam: int) -> int:
        """Return how many children a document meets at most on one level."""
        fan = np.diff(self.tree.child_ptr)
        levels = np.split(fan, self.tree.level_ptr[1:-1])
        return max(int(np.sort(level)[::-1][:beam].sum()) for level in levels)


def fit_linear_tree(
    X: CSR, Y: CSR, tree: LabelTree, solver: Solver, *, seed: int, pool: Pool
) -> LinearTree:
    """Train the classifiers of a tree with teacher-forced negatives.

    The siblings below a node are trained on the documents that have a label below it: its positives
    against the positives of its siblings (Parabel, section 4). Documents without a label take part
    at the root only.

    Parameters
    ----------
    X
        Documents, rows of length 1, (n_samples, n_features). A constant feature is added to each.
    Y
        Labels, (n_samples, n_labels).
    """
    announce()
    targets = tree.node_targets(Y).tocsc()
    targets.sort_indices()
    tasks = [
        _Task(int(v), first, min(first + MAX_SIBLINGS, int(tree.child_ptr[v + 1])))
        for v in tree.inner
        for first in range(int(tree.child_ptr[v]), int(tree.child_ptr[v + 1]), MAX_SIBLINGS)
    ]

    rows = Rows(*for_kernel(X))

    def train(task: _Task) -> Piece:
        return _train_siblings(rows, X.shape[1], targets, task, solver, seed)

    n_rows = np.diff(targets.indptr.astype(np.int64))  # times siblings, this may pass 2^31
    cost = [n_rows[t.node] * (t.last - t.first) for t in tasks]
    by_size = np.argsort(cost, kind="stable")[::-1]  # a big node last would leave threads idle
    trained = pool.map(train, [tasks[i] for i in by_size], what="training nodes")
    pieces: list[Piece] = [trained[0]] * len(tasks)
    for at, piece in zip(by_size, trained, strict=True):
        pieces[at] = piece
    node = np.array([t.node for t in tasks], np.int32)
    first_child = np.array([t.first for t in tasks], np.int32)
    weights = Chunks.joined(pieces, node, first_child, tree.n_nodes)
    return LinearTree(tree, weights, solver.loss, int(X.shape[1]))


def _train_siblings(
    X: Rows, n_features: int, targets: CSR, task: _Task, solver: Solver, seed: int
) -> Piece:
    ptr, rows_of = targets.indptr, targets.indices
    if task.node:
        rows = rows_of[ptr[task.node] : ptr[task.node + 1]].astype(np.int32)
    else:  # every document starts at the root, those without a label as negatives
        rows = np.arange(targets.shape[0], dtype=np.int32)
    child_ptr = ptr[task.first : task.last + 1].astype(np.int64)
    positive = np.searchsorted(rows, rows_of[child_ptr[0] : child_ptr[-1]]).astype(np.int32)
    node = Node(rows, child_ptr - child_ptr[0], positive)
    problem = Problem(solver.loss, float(solver.C), float(solver.eps), solver.max_iter)
    seen = scratch("seen", n_features, np.int32)
    own_seed = derived(seed, task.node, task.first)
    return Piece(
        *solve_node(X, node, problem, solver.threshold, SIBLINGS_IN_LOCKSTEP, seen, own_seed)
    )


def rank(
    trees: Sequence[LinearTree], X: CSR, k: int, *, n_labels: int, beam: int, pool: Pool
) -> CSR:
    """Return the scores (n_samples, n_labels) of the k best labels of each document.

    The score of a label is the mean over the trees, 0 for a tree that did not find it. Documents
    are searched in blocks whose memory does not depend on their number.

    Raises
    ------
    ParameterError
        If k is not positive.
    """
    if k < 1:
        raise ParameterError(f"k must be a whole number of 1 or more, found {k!r}.")
    if not X.shape[0]:
        return as_csr(np.zeros((0, n_labels)), "scores")
    announce()
    k = min(k, n_labels)
    width = max(k, *(tree.candidates(beam) for tree in trees))
    size = int(np.clip(CANDIDATES_IN_FLIGHT // (width * len(trees)), 1, 8192))
    starts = range(0, X.shape[0], size)
    documents = Rows(*for_kernel(X))

    def ranked(start: int) -> CSR:
        rows = _block(documents, start, min(start + size, X.shape[0]))
        found = _joined([tree.search(rows, beam) for tree in trees])
        labels, scores = kernels.best_labels(
            found, len(rows.indptr) - 1, k, scratch("label_score", n_labels, np.float64, -np.inf),
            scratch("total", n_labels, np.float64),
            scratch("sure", n_labels, np.float32, -np.inf),
        )  # fmt: skip
        return from_ranking(labels, scores, n_labels)

    blocks = pool.map(ranked, starts, what="predicting")
    return blocks[0] if len(blocks) == 1 else csr_array(vstack(blocks, format="csr"))


def _block(rows: Rows, start: int, stop: int) -> Rows:
    a, b = rows.indptr[start], rows.indptr[stop]
    return Rows(rows.indptr[start : stop + 1] - a, rows.indices[a:b], rows.data[a:b])


def _joined(found: list[kernels.Found]) -> kernels.Found:
    """Put the trees' findings one after the other."""
    if len(found) == 1:
        return found[0]
    ends = np.cumsum([0, *(f.ptr[-1] for f in found)])
    starts = [f.ptr[:-1] + end for f, end in zip(found, ends[:-1], strict=True)]
    _, *parts = zip(*found, strict=True)
    return kernels.Found(np.concatenate([*starts, ends[-1:]]), *map(np.concatenate, parts))
