"""Do decisions respect the taxonomy: a label without its parent is a violation.

Root and meta-labels cannot be decided: the parents of a label are the nearest labels above it.
On a graph with several parents a violation is hard where all parents are missing, soft where
only some are. Two repairs make any decisions consistent: `close_up` adds what is missing above,
`prune_down` drops what hangs in the air. (`labeltree.core.scores.with_ancestors` repairs scores:
each parent gets at least the score of what is below it.)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array, diags_array

from labeltree.core.arrays import (
    CSR,
    Longs,
    as_binary,
    binarised_product,
    entries_of,
    row_of_entry,
)
from labeltree.core.errors import DataError
from labeltree.core.hierarchy import Hierarchy
from labeltree.metrics.hierarchical import widened
from labeltree.metrics.ranking import as_scores, keys, position_in, select

TOLERANCE = 1e-6
"""A child may score this much above its parent: rounding, no violation."""


class Violations(NamedTuple):
    """Shares in [0, 1]; 0 where nothing was decided."""

    pairs: float
    """Decided (document, label) pairs that miss a parent: hard + soft."""
    hard: float
    """Decided pairs that miss all their parents."""
    soft: float
    """Decided pairs that miss some of their parents, not all."""
    rows: float
    """Documents with at least one violation."""


def violations(decisions: CSR, hierarchy: Hierarchy) -> Violations:
    """Count decided labels whose parents were not decided.

    Parameters
    ----------
    decisions
        Decided labels, (n_samples, n_labels); columns beyond the hierarchy's have no parents.
    """
    D = as_binary(decisions, "decisions")
    n_parents, n_present = _present(D, label_parents(hierarchy))
    missing = n_present < n_parents
    hard = missing & (n_present == 0)
    rows = len(np.unique(row_of_entry(D)[missing]))
    n = max(1, D.nnz)
    all_, some = float(hard.sum()) / n, float((missing & ~hard).sum()) / n
    return Violations(float(missing.sum()) / n, all_, some, rows / max(1, D.shape[0]))


def score_violations(S: CSR, hierarchy: Hierarchy) -> float:
    """Return the share of (ranked label, parent) pairs whose parent scores lower, by `TOLERANCE`.

    A parent that is not ranked scores 0. A label that is not ranked cannot violate, and is not in
    the denominator. 0 where no ranked label has a parent.
    """
    S = as_scores(S)
    child, parent = entries_of(label_parents(hierarchy), S.indices)
    at = position_in(keys(S, S.shape[1]), row_of_entry(S)[child] * S.shape[1] + parent)
    above = np.where(at >= 0, S.data[at] if S.nnz else 0.0, 0.0)
    wrong = S.data[child] > above + TOLERANCE
    return float(wrong.sum() / max(1, len(child)))


def close_up(decisions: CSR, hierarchy: Hierarchy) -> CSR:
    """Return the decisions with all ancestors added: nothing violates, no recall is lost."""
    D = _checked(decisions, hierarchy)
    n = hierarchy.n_labels
    added = csr_array(D[:, :n] @ hierarchy.label_ancestors)
    return as_binary(D + widened(as_binary(added, "ancestors"), D.shape[1]), "decisions")


def prune_down(decisions: CSR, hierarchy: Hierarchy) -> CSR:
    """Return the decisions without labels that miss an ancestor: nothing violates."""
    D = _checked(decisions, hierarchy)
    n_above, n_present = _present(D, hierarchy.label_ancestors)
    return select(D, D.data, n_present == n_above)


def label_parents(hierarchy: Hierarchy) -> CSR:
    """Return (n_labels, n_labels): row l marks the nearest labels above label l.

    Nodes that are no label are seen through; a label with none above it has an empty row.
    """
    nodes, n = hierarchy.node_of_label, hierarchy.n_nodes
    parent, child = hierarchy.edges
    ones = np.ones(len(child), np.float32)
    up = csr_array((ones, (child, parent)), shape=(n, n))
    through = diags_array((hierarchy.label < 0).astype(np.float32), format="csr")
    step, found = csr_array(up[nodes]), csr_array((len(nodes), n), dtype=np.float32)
    while step.nnz:
        found = found + step
        step = binarised_product(csr_array(step @ through), up)
    return as_binary(found[:, nodes], "parents")


def _present(D: CSR, table: CSR) -> tuple[Longs, Longs]:
    """Count, for each decided pair, the labels that the table lists for its label.

    Returns how many there are, and how many of them are decided in the same row; each (nnz,).
    """
    entry, other = entries_of(table, D.indices)
    width = D.shape[1]
    at = position_in(keys(D, width), row_of_entry(D)[entry] * width + other)
    n_present = np.bincount(entry[at >= 0], minlength=D.nnz)
    return np.bincount(entry, minlength=D.nnz), n_present


def _checked(decisions: CSR, hierarchy: Hierarchy) -> CSR:
    D = as_binary(decisions, "decisions")
    if hierarchy.n_labels > D.shape[1]:
        raise DataError(
            f"The hierarchy has {hierarchy.n_labels} labels, the matrix {D.shape[1]} columns.",
            "Build it with the ids of the columns: Hierarchy.from_edges(edges, label_ids).",
        )
    return D
