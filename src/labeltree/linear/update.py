"""Retraining only what new documents and labels concern.

A classifier is trained again if it is new, or if its positives or its negatives have grown by more
than a share, `drift`. New documents take part in every problem that is solved again; old
classifiers keep their weights, and the tree keeps its shape but for the new leaves.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array

from labeltree.core.arrays import CSR, Bools, Floats, Ints, Longs, for_kernel
from labeltree.core.pool import Pool, scratch
from labeltree.core.tree import LabelTree
from labeltree.grow.extend import Extended, smallest_clusters
from labeltree.kernels import beam
from labeltree.kernels.compile import announce
from labeltree.kernels.node import Piece
from labeltree.kernels.sparse import Rows
from labeltree.linear.solver import SOFTMAX
from labeltree.linear.train import Lesson, Reached, Recipe, Task, all_tasks, assembled, trained
from labeltree.linear.tree import LinearTree
from labeltree.linear.weights import Chunks

Entries = tuple[NDArray[np.uint32], Longs, Floats]
"""Feature, child and value of weights."""


class News(NamedTuple):
    """All documents, the new ones behind those that the tree was trained on."""

    X: CSR
    Y: CSR
    n_old: int
    drift: float
    """A classifier is trained again if its documents have grown by more than this share."""


def updated(
    old: LinearTree, new: Extended, news: News, recipe: Recipe, *, seed: int, pool: Pool
) -> tuple[LinearTree, int]:
    """Return the tree with the classifiers concerned trained again, and their number."""
    announce()
    lesson = Lesson.of(news.X, news.Y, new.tree, recipe, seed)
    stale = concerned(old, new, lesson.targets, news)
    known = new.origin >= 0
    transform = np.full(new.tree.n_nodes, recipe.solver.transform, np.int8)
    transform[known] = old.transform[new.origin[known]]
    if recipe.exclusive:  # a softmax is one problem: all its children or none
        has_stale = np.zeros(new.tree.n_nodes, bool)
        has_stale[new.tree.parent[1:][stale[1:]]] = True
        stale[1:] = has_stale[new.tree.parent[1:]]
        transform[has_stale & (transform == SOFTMAX)] = recipe.solver.transform
    tasks = all_tasks(new.tree)
    again = [Task(t.node, t.first, t.children[stale[t.children]]) for t in tasks]
    again = [t for t in again if len(t.children)]
    found = trained(lesson, again, Reached.by_truth(lesson.targets), transform, pool)
    fresh = {t.first: (t.children, piece) for t, piece in zip(again, found, strict=True)}
    pieces = [_merged(old, new, t, fresh.get(t.first)) for t in tasks]
    whole = assembled(new.tree, tasks, pieces, transform, old.n_features, pool)
    return whole, int(stale.sum())


def concerned(old: LinearTree, new: Extended, targets: csc_array, news: News) -> Bools:
    """Return which nodes have a classifier to be trained again, (n_nodes,)."""
    tree = new.tree
    is_old = np.concatenate([[0], np.cumsum(targets.indices < news.n_old)])
    before = is_old[targets.indptr[1:]] - is_old[targets.indptr[:-1]]
    added = np.diff(targets.indptr) - before
    before[0], added[0] = news.n_old, targets.shape[0] - news.n_old  # all start at the root
    up = np.maximum(tree.parent, 0)
    more_positives = added > news.drift * before
    more_negatives = (added[up] - added) > news.drift * (before[up] - before)
    known = new.origin >= 0
    moved = ~known
    moved[known] = new.origin[up[known]] != old.tree.parent[new.origin[known]]
    stale: Bools = more_positives | more_negatives | moved
    stale[0] = False
    return stale


def _merged(old: LinearTree, new: Extended, task: Task, fresh: tuple[Ints, Piece] | None) -> Piece:
    """Return a chunk's weights: the fresh ones, and those kept of the old tree."""
    again, piece = (np.zeros(0, np.int32), None) if fresh is None else fresh
    kept = np.setdiff1d(task.children, again)
    place = np.full(old.tree.n_nodes, -1, np.int64)
    place[new.origin[kept]] = kept - task.first
    bias = np.empty(len(task.children), np.float32)
    bias[kept - task.first] = old.weights.bias[new.origin[kept]]
    parts: list[Entries] = []
    if len(kept):
        parts += _entries_kept(old, int(old.tree.parent[new.origin[kept[0]]]), place)
    if piece is not None:
        bias[again - task.first] = piece.bias
        at = (again - task.first)[piece.child].astype(np.int64)
        parts.append((np.repeat(piece.feature, np.diff(piece.row_ptr)), at, piece.value))
    feature, child, value = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.argsort(feature, kind="stable")
    used, start = np.unique(feature[order], return_index=True)
    row_ptr = np.concatenate([start, [len(order)]]).astype(np.uint32)
    return Piece(
        used.astype(np.uint32), row_ptr, child[order].astype(np.uint16), value[order], bias
    )


def _entries_kept(old: LinearTree, parent: int, place: Longs) -> list[Entries]:
    """Return (feature, child, value) of the entries below an old node whose place is not -1."""
    weights: Chunks = old.weights
    parts: list[Entries] = []
    for c in range(int(weights.chunk_of[parent]), int(weights.chunk_of[parent + 1])):
        piece = weights.piece(c, 0)
        at = place[int(weights.first_child[c]) + piece.child.astype(np.int64)]
        stays = at >= 0
        feature = np.repeat(piece.feature, np.diff(piece.row_ptr))
        parts.append((feature[stays], at[stays], piece.value[stays]))
    return parts


def homes_for(linear: LinearTree, X: CSR, Y: CSR) -> Ints:
    """Return the cluster where most documents of each new label arrive, (n_new_labels,).

    Parameters
    ----------
    X, Y
        Documents (n_samples, n_features) and their new labels (n_samples, n_new_labels); a label
        without documents goes to a small cluster.
    """
    arrived = arrivals(linear, X)
    entries = Y.tocoo()
    pairs, counts = np.unique(
        np.stack([entries.coords[1], arrived[entries.coords[0]]]), axis=1, return_counts=True
    )
    order = np.lexsort((pairs[1], -counts, pairs[0]))
    first = np.unique(pairs[0][order], return_index=True)[1]
    homes = np.full(Y.shape[1], -1, np.int32)
    homes[pairs[0][order][first]] = pairs[1][order][first]
    unseen = np.flatnonzero(homes < 0)
    homes[unseen] = smallest_clusters(linear.tree, len(unseen))
    return homes


def arrivals(linear: LinearTree, X: CSR) -> Ints:
    """Return the last inner node that a beam of one reaches with each document, (n_samples,)."""
    rows = Rows(*for_kernel(X))
    last = np.zeros(X.shape[0], np.int32)
    table = scratch("table", linear.n_features, np.int32)
    pairs = beam.at_root(X.shape[0])
    while len(pairs.doc):
        last[pairs.doc] = pairs.key
        pairs, _ = beam.descend(rows, linear.arrays, pairs, 1, table)
    return last


def retired(tree: LabelTree, labels: Ints) -> LabelTree:
    """Return the tree without these labels: their nodes stay, but stand for nothing."""
    gone = np.where(np.isin(tree.label, labels), -1, tree.label).astype(np.int32)
    return LabelTree(tree.parent, gone, tree.source)
