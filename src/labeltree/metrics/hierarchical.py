"""Hierarchical precision, recall and F1: sets compared after their ancestors are added.

A wrong answer near the truth shares ancestors with it and costs less than one far away. After
"Learning and Evaluation in the Presence of Class Hierarchies" (Kiritchenko, Matwin, Nock & Famili,
2006): with An(S) = S and all ancestors of S, the root excluded, T = An(truth), D = An(decided),

    hP = sum |T & D| / sum |D|,    hR = sum |T & D| / sum |T|,    hF = 2 hP hR / (hP + hR),

sums over documents. On a graph with several parents, ancestors are those along all paths, each
counted once. Nodes that are no label (meta-labels) count as ancestors.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from labeltree.core.arrays import CSR, as_binary, entries_of, from_parts, row_of_entry
from labeltree.core.errors import DataError
from labeltree.core.hierarchy import Hierarchy
from labeltree.metrics.counts import count, ratio
from labeltree.metrics.ranking import aligned, locate


class Hierarchical(NamedTuple):
    """Quality of decisions after ancestors are added to both sides, in [0, 1]."""

    precision: float
    """hP, pooled over documents."""
    recall: float
    """hR, pooled over documents."""
    f1: float
    """hF, pooled over documents."""
    sample_f1: float
    """Mean over documents of 2 |T & D| / (|T| + |D|), 0 where both are empty."""
    macro_f1: float
    """Mean over all nodes but the root of the node's F1 on the sets with ancestors."""


def hierarchical_quality(Y: CSR, decisions: CSR, hierarchy: Hierarchy) -> Hierarchical:
    """Measure decisions with their ancestors against truth with its ancestors.

    Parameters
    ----------
    Y
        Truth, (n_samples, n_true_labels); a label outside the hierarchy is a node of its own.
    decisions
        Decided labels, (n_samples, n_labels): the first columns of Y.
    hierarchy
        Over the first columns of Y.

    Raises
    ------
    DataError
        If shapes disagree.
    """
    Y, decisions = aligned(as_binary(Y, "Y"), as_binary(decisions, "decisions"))
    T, D = augmented(Y, hierarchy), augmented(widened(decisions, Y.shape[1]), hierarchy)
    counts = count(T, D)
    common = np.bincount(row_of_entry(T)[locate(T, D) >= 0], minlength=T.shape[0])
    sizes = np.diff(T.indptr).astype(np.int64) + np.diff(D.indptr)
    sample = ratio(2 * common, sizes).sum() / max(1, T.shape[0])
    return Hierarchical(*counts.micro(), float(sample), counts.macro().f1)


def augmented(Y: CSR, hierarchy: Hierarchy) -> CSR:
    """Return An(Y) over nodes, (n_samples, n_nodes - 1 + n_outside), binary.

    Column v - 1 is node v of the hierarchy, the root left out; columns of Y beyond the
    hierarchy's labels follow.
    """
    Y = as_binary(Y, "Y")
    n_outside = Y.shape[1] - hierarchy.n_labels
    if n_outside < 0:
        raise DataError(
            f"The hierarchy has {hierarchy.n_labels} labels, the matrix {Y.shape[1]} columns.",
            "Build it with the ids of the columns: Hierarchy.from_edges(edges, label_ids).",
        )
    outside = hierarchy.n_nodes + np.arange(n_outside)
    node = np.concatenate((hierarchy.node_of_label, outside))[Y.indices]
    row, width = row_of_entry(Y), hierarchy.n_nodes + n_outside
    which, above = entries_of(hierarchy.ancestors, node)
    keys = np.sort(np.concatenate((row * width + node, row[which] * width + above)))
    first = np.ones(len(keys), np.bool_)
    first[1:] = keys[1:] != keys[:-1]
    row, node = np.divmod(keys[first], width)
    row, node = row[node > 0], node[node > 0]
    indptr = np.concatenate(([0], np.cumsum(np.bincount(row, minlength=Y.shape[0]))))
    ones = np.ones(len(row), np.float32)
    return from_parts(ones, (node - 1).astype(np.int32), indptr, (Y.shape[0], width - 1))


def widened(matrix: CSR, n_columns: int) -> CSR:
    """Return the canonical matrix with empty columns added behind."""
    shape = (matrix.shape[0], max(n_columns, matrix.shape[1]))
    return from_parts(matrix.data, matrix.indices, matrix.indptr, shape)
