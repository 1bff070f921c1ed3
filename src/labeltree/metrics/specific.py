"""Most-specific labels: truth and scores without what the taxonomy implies.

Where label sets hold all ancestors, a constant guess of the top label looks good. Here a label
counts only where no label below it is annotated, and scores are turned into estimates of that.
Meta-labels are seen through: below means any labelled descendant.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array, hstack

from labeltree.core.arrays import CSR, Doubles, Ints, Longs, as_binary, row_of_entry
from labeltree.core.errors import DataError
from labeltree.core.hierarchy import Hierarchy
from labeltree.metrics.ranking import as_scores, keys, position_in, select

BLOCK = 1 << 20
"""(entry, ancestor) pairs held in memory at a time."""


def specific_truth(Y: CSR, hierarchy: Hierarchy) -> CSR:
    """Return Y (n_samples, n_true_labels) without labels that have a descendant in their row.

    Works on decisions too. Columns beyond the hierarchy's labels stay as they are.
    """
    Y = as_binary(Y, "Y")
    n = _covered(hierarchy, Y)
    inside = hierarchy.most_specific(csr_array(Y[:, :n]))
    if n == Y.shape[1]:
        return as_binary(inside, "Y")
    return as_binary(hstack([inside, Y[:, n:]], format="csr"), "Y")


def specific_scores(S: CSR, hierarchy: Hierarchy, share: Doubles) -> CSR:
    """Estimate the score that a label is annotated and none of its descendants is.

    s'(v) = s(v) r(v) (1 - max s(d) over the labels d below v), where r(v) is how often label v was
    the most specific one where it was annotated in training, and s(d) = 0 where d is not ranked.

    Parameters
    ----------
    S
        Scores in (0, 1], (n_samples, n_labels).
    share
        r, see `Labels.specific_share`, (n_labels,).

    Returns
    -------
    Scores of the same shape; entries that fall to 0 are dropped.
    """
    S = as_scores(S)
    n = _covered(hierarchy, S)
    if share.shape != (S.shape[1],):
        raise DataError(f"{len(share)} shares for {S.shape[1]} labels.", "Give one a label.")
    above = hierarchy.label_ancestors
    # Columns that the hierarchy does not cover have no ancestors.
    above_ptr = np.pad(above.indptr.astype(np.int64), (0, S.shape[1] - n), mode="edge")
    below = _best_below(S, above_ptr, above.indices)
    own = (S.data * share[S.indices] * (1.0 - below)).astype(S.dtype)
    return select(S, own, own > 0)


def _best_below(S: CSR, above_ptr: Longs, above_idx: Ints) -> Doubles:
    """Return for each entry of S the highest score in its row of a label below it, (nnz,).

    Each entry hands its score up to its ancestors, `above_idx[above_ptr[l]:above_ptr[l + 1]]`
    for label l; 0 where no descendant is ranked.
    """
    width = S.shape[1]
    row, stored = row_of_entry(S), keys(S, width)
    n_above = np.diff(above_ptr)[S.indices]
    best = np.zeros(S.nnz)
    for first, stop in _blocks(n_above):
        n = n_above[first:stop]
        entry = np.repeat(np.arange(first, stop), n)
        nth = np.arange(len(entry)) - np.repeat(np.cumsum(n) - n, n)
        ancestor = above_idx[above_ptr[S.indices[entry]] + nth]
        at = position_in(stored, row[entry] * width + ancestor)
        np.maximum.at(best, at[at >= 0], S.data[entry[at >= 0]].astype(np.float64))
    return best


def _blocks(sizes: Longs) -> list[tuple[int, int]]:
    """Cut entries into (first, stop) runs whose sizes add up to about BLOCK each."""
    total = np.cumsum(sizes)
    steps = np.arange(BLOCK, int(total[-1]) if len(total) else 0, BLOCK)
    cuts = np.unique(np.concatenate(([0], np.searchsorted(total, steps), [len(sizes)])))
    return list(zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True))


def _covered(hierarchy: Hierarchy, matrix: CSR) -> int:
    """Return the number of first columns that the hierarchy covers."""
    if hierarchy.n_labels > matrix.shape[1]:
        raise DataError(
            f"The hierarchy has {hierarchy.n_labels} labels, the matrix {matrix.shape[1]} columns.",
            "Build it with the ids of the columns: Hierarchy.from_edges(edges, label_ids).",
        )
    return hierarchy.n_labels
