"""Training the classifiers of a tree: which documents each node sees, and how its children learn.

Teacher forcing: the siblings below a node are trained on the documents that have a label below it,
its positives against the positives of its siblings (Parabel, section 4). Documents without a label
take part at the root only. Matcher-aware negatives (PECOS, Yu et al., JMLR 2022, section 4.2) add
the documents that a beam search over the levels trained so far brings to the node: at prediction
documents come to wrong nodes too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy.sparse import csc_array, csr_array

from labeltree.core.arrays import CSR, Bytes, Floats, Ints, Longs, for_kernel, ranges
from labeltree.core.pool import Pool, scratch
from labeltree.core.seeds import derived
from labeltree.core.tree import LabelTree
from labeltree.kernels import beam
from labeltree.kernels.compile import announce
from labeltree.kernels.found import Pairs
from labeltree.kernels.node import Node, Piece, solve_exclusive_node, solve_node
from labeltree.kernels.sparse import Rows
from labeltree.linear.solver import SOFTMAX, Solver
from labeltree.linear.tree import LinearTree, blocks_of
from labeltree.linear.weights import MAX_SIBLINGS, Chunks

DOCUMENTS_MATCHED = 8192
"""Documents of a block that one thread brings to their nodes."""


@dataclass(frozen=True)
class Recipe:
    """How the classifiers of a tree are trained."""

    solver: Solver
    """The linear problem at each node."""
    matched: int = 0
    """Beam of the search whose nodes also see a document; 0: teacher forcing alone."""
    relevance: str = "none"
    """Weight of a positive at a node: `none` 1, `counts` the document's labels below the node,
    `l1`, `l2`, `max` these counts with each document's row of a level normalised so."""
    exclusive: bool = False
    """Whether children of which each training document has exactly one compete in a softmax."""


class Task(NamedTuple):
    """Siblings trained together: children of `node` in the chunk whose first child is `first`."""

    node: int
    first: int
    children: Ints
    """Ascending."""


@dataclass(frozen=True, eq=False)
class Lesson:
    """What all nodes are trained from."""

    X: Rows
    n_features: int
    targets: csc_array
    """1 where a document has a label at or below the node, (n_samples, n_nodes)."""
    costs: Floats
    """One an entry of `targets`, or none at all: 1."""
    recipe: Recipe
    seed: int

    @classmethod
    def of(cls, X: CSR, Y: CSR, tree: LabelTree, recipe: Recipe, seed: int) -> Lesson:
        """Return the lesson of a tree over documents X (n_samples, n_features) with labels Y."""
        targets = tree.node_targets(Y).tocsc()
        targets.sort_indices()
        costs = np.zeros(0, np.float32)
        if recipe.relevance != "none":
            costs = relevance(Y, tree, targets, recipe.relevance)
        return cls(Rows(*for_kernel(X)), int(X.shape[1]), targets, costs, recipe, seed)


def fit_linear_tree(
    X: CSR, Y: CSR, tree: LabelTree, recipe: Recipe, *, seed: int, pool: Pool
) -> LinearTree:
    """Train the classifiers of a tree.

    Parameters
    ----------
    X
        Documents, rows of length 1, (n_samples, n_features). A constant feature is added to each.
    Y
        Labels, (n_samples, n_labels).
    """
    announce()
    lesson, tasks = Lesson.of(X, Y, tree, recipe, seed), all_tasks(tree)
    transform = np.full(tree.n_nodes, recipe.solver.transform, np.int8)
    if recipe.matched:
        pieces = _by_level(lesson, tree, tasks, transform, pool)
    else:
        pieces = trained(lesson, tasks, Reached.by_truth(lesson.targets), transform, pool)
    return assembled(tree, tasks, pieces, transform, X.shape[1], pool)


def relevance(Y: CSR, tree: LabelTree, targets: csc_array, norm: str) -> Floats:
    """Return the weight of each entry of `targets` (n_samples, n_nodes): PECOS' induced relevance.

    The number of the document's labels at or below the node, its row of a level divided by its
    `l1`, `l2` or `max` norm.
    """
    nodes = tree.label_nodes[: Y.shape[1]]
    counts = csr_array(Y[:, : nodes.shape[0]] @ csr_array(nodes)).tocsc()
    counts.sort_indices()
    counts.eliminate_zeros()
    assert np.array_equal(counts.indptr, targets.indptr)
    weight = counts.data.astype(np.float64)
    if norm == "counts":
        return np.asarray(weight, np.float32)
    level = np.repeat(tree.level, np.diff(counts.indptr))
    row = counts.indices + level.astype(np.int64) * Y.shape[0]
    if norm == "max":
        largest = np.zeros(int(row.max(initial=0)) + 1)
        np.maximum.at(largest, row, weight)
        return np.asarray(weight / largest[row], np.float32)
    power = {"l1": 1, "l2": 2}[norm]
    total = np.bincount(row, weight**power) ** (1 / power)
    return np.asarray(weight / total[row], np.float32)


def all_tasks(tree: LabelTree) -> list[Task]:
    """Return the chunks of a tree: the children of each node, at most `MAX_SIBLINGS` together."""
    tasks = []
    for v in tree.inner.tolist():
        first, last = int(tree.child_ptr[v]), int(tree.child_ptr[v + 1])
        for start in range(first, last, MAX_SIBLINGS):
            children = np.arange(start, min(start + MAX_SIBLINGS, last), dtype=np.int32)
            tasks.append(Task(v, start, children))
    return tasks


@dataclass(frozen=True, eq=False)
class Reached:
    """The documents that each node is trained on: node v's are `row[ptr[v - low]:...]`."""

    low: int
    ptr: Longs
    row: Ints

    @classmethod
    def by_truth(cls, targets: csc_array) -> Reached:
        """Documents with a label below the node; all documents start at the root."""
        n, first = targets.shape[0], int(targets.indptr[1])
        row = np.concatenate([np.arange(n), targets.indices[first:]]).astype(np.int32)
        ptr = targets.indptr.astype(np.int64) - first + n
        ptr[0] = 0
        return cls(0, ptr, row)

    @classmethod
    def by_both(cls, targets: csc_array, low: int, high: int, doc: Ints, node: Ints) -> Reached:
        """Documents with a label below nodes low to high, and those that a search brought there."""
        n = targets.shape[0]
        ptr = targets.indptr[low : high + 1].astype(np.int64)
        column = np.repeat(np.arange(high - low), np.diff(ptr))
        true = column * n + targets.indices[ptr[0] : ptr[-1]]
        both = np.union1d(true, (node.astype(np.int64) - low) * n + doc)
        ends = np.searchsorted(both, np.arange(high - low + 1) * n)
        return cls(low, ends.astype(np.int64), (both % n).astype(np.int32))

    def of(self, node: int) -> Ints:
        """Return the documents of a node, ascending."""
        at = node - self.low
        return self.row[self.ptr[at] : self.ptr[at + 1]]


def trained(
    lesson: Lesson, tasks: Sequence[Task], reached: Reached, transform: Bytes, pool: Pool
) -> list[Piece]:
    """Train nodes side by side; `transform` (n_nodes,) is set where children exclude each other."""
    n_rows = np.diff(reached.ptr)
    cost = [n_rows[t.node - reached.low] * len(t.children) for t in tasks]
    by_size = np.argsort(cost, kind="stable")[::-1]  # a big node last would leave threads idle

    def train(task: Task) -> tuple[Piece, bool]:
        return _train_siblings(lesson, task, reached.of(task.node))

    found = pool.map(train, [tasks[i] for i in by_size], what="training nodes")
    in_order = [found[at] for at in np.argsort(by_size)]
    for task, (_, exclusive) in zip(tasks, in_order, strict=True):
        if exclusive:
            transform[task.node] = SOFTMAX
    return [piece for piece, _ in in_order]


def _train_siblings(lesson: Lesson, task: Task, rows: Ints) -> tuple[Piece, bool]:
    """Return the siblings' weights, and whether they compete in a softmax."""
    targets, solver = lesson.targets, lesson.recipe.solver
    start = targets.indptr[task.children].astype(np.int64)
    counts = targets.indptr[task.children + 1] - start
    entries = ranges(start, counts)
    positive = np.searchsorted(rows, targets.indices[entries]).astype(np.int32)
    node = Node(rows, np.concatenate([[0], np.cumsum(counts)]), positive)
    seen = scratch("seen", lesson.n_features, np.int32)
    seed = derived(lesson.seed, task.node, task.first)
    if lesson.recipe.exclusive and _exclude_each_other(node):
        piece = solve_exclusive_node(lesson.X, node, solver.problem, solver.threshold, seen, seed)
        return Piece(*piece), True
    cost = lesson.costs[entries] if len(lesson.costs) else lesson.costs
    piece = solve_node(lesson.X, node, cost, solver.problem, solver.threshold, seen, seed)
    return Piece(*piece), False


def _exclude_each_other(node: Node) -> bool:
    """Whether each document has exactly one of these children, and not all the same."""
    n_open = int((np.diff(node.ptr) > 0).sum())
    each = np.bincount(node.positive, minlength=len(node.rows))
    return n_open > 1 and bool((each == 1).all())


def _by_level(
    lesson: Lesson, tree: LabelTree, tasks: list[Task], transform: Bytes, pool: Pool
) -> list[Piece]:
    """Train level by level; a search over the levels done brings documents to the next."""
    pieces: list[Piece] = []
    starts, blocks = zip(*blocks_of(lesson.X, DOCUMENTS_MATCHED), strict=True)
    standing = [beam.at_root(len(rows.indptr) - 1) for rows in blocks]
    for t in range(tree.depth):
        low, high = int(tree.level_ptr[t]), int(tree.level_ptr[t + 1])
        of_level = [task for task in tasks if low <= task.node < high]
        doc = np.concatenate([p.doc + start for p, start in zip(standing, starts, strict=True)])
        node = np.concatenate([p.key for p in standing])
        reached = Reached.by_both(lesson.targets, low, high, doc, node)
        found = trained(lesson, of_level, reached, transform, pool)
        level = assembled(tree, of_level, found, transform, lesson.n_features, pool)
        below = partial(_below, level, lesson.recipe.matched)
        standing = pool.map(below, list(zip(blocks, standing, strict=True)), what="matching")
        pieces += found
    return pieces


def _below(level: LinearTree, width: int, block: tuple[Rows, Pairs]) -> Pairs:
    """Return the pairs (document, node) that a beam keeps one level further down."""
    rows, standing = block
    table = scratch("table", level.n_features, np.int32)
    return beam.descend(rows, level.arrays, standing, width, table)[0]


def assembled(
    tree: LabelTree, tasks: Sequence[Task], pieces: list[Piece], transform: Bytes,
    n_features: int, pool: Pool,
) -> LinearTree:  # fmt: skip
    """Return the tree with the pieces of its chunks; those of other nodes are empty."""
    node = np.array([t.node for t in tasks], np.int32)
    first_child = np.array([t.first for t in tasks], np.int32)
    weights = Chunks.joined(pieces, node, first_child, tree.n_nodes, pool)
    return LinearTree(tree, weights, transform, int(n_features))
