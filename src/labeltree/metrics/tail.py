"""Metrics by how often a label was seen in training: tail, torso, head, and never.

Means over all labels hide the rare ones: P@k can rise while no rare label is ever found.
Labels without a training document, those outside the universe among them, are a bin of their
own: a model without label texts cannot know them, and they would blur the tail.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from labeltree.core.arrays import CSR, Doubles, Longs, as_binary
from labeltree.core.errors import DataError, ParameterError
from labeltree.metrics.counts import Group, by_group, ratio
from labeltree.metrics.ranking import Matches, match

EDGES = (0, 25, 100)
"""Most training documents of zero-shot, tail and torso labels; those above are the head."""
NAMES = ("zero-shot", "tail", "torso", "head")
FINE_EDGES = (0, 5, 25, 100)
"""A finer cut, for curves."""


def frequency_bins(
    counts: ArrayLike, edges: Sequence[int] = EDGES, *, n_columns: int | None = None
) -> Longs:
    """Return the bin of each label, (n_columns,): the first whose edge is at least its count.

    Parameters
    ----------
    counts
        Training documents of each label, (n_labels,).
    edges
        Highest count of each bin but the last, ascending.
    n_columns
        Columns of the truth, if more than labels: those outside the universe have count 0.
    """
    seen = np.asarray(counts, np.int64)
    if n_columns is not None:
        seen = np.pad(seen, (0, max(0, n_columns - len(seen))))
    if any(a >= b for a, b in pairwise(edges)) or (seen < 0).any():
        raise ParameterError(f"edges must ascend and counts be 0 or more, found {tuple(edges)}.")
    return np.searchsorted(np.asarray(edges, np.int64), seen, side="left").astype(np.int64)


def bin_names(edges: Sequence[int]) -> tuple[str, ...]:
    """Return how each bin is written: "0", "1-5", ..., "> 100"."""
    low = [0, *(e + 1 for e in edges)]
    spans = (f"{a}" if a == b else f"{a}-{b}" for a, b in zip(low, edges, strict=False))
    return (*spans, f"> {edges[-1]}")


def by_frequency(Y: CSR, decisions: CSR, counts: ArrayLike) -> list[Group]:
    """Return precision, recall and F1 of zero-shot, tail, torso and head labels.

    Truth and decisions are both restricted to the bin: a wrong head label does not lower the
    precision of the tail.
    """
    return by_group(Y, decisions, frequency_bins(counts, n_columns=Y.shape[1]), NAMES)


def recall_by_bin(Y: CSR, S: CSR, bins: Longs, n_bins: int, k: int) -> Doubles:
    """Return, by bin, the share of its true occurrences ranked among the first 1..k; (n_bins, k).

    Pooled over documents (a mean over documents would leave most out of a rare bin); 0 for a bin
    without a true occurrence.

    Parameters
    ----------
    Y, S
        Truth (n_samples, n_true_labels) and scores (n_samples, n_labels).
    bins
        Bin of each column of Y, (n_true_labels,).
    """
    Y = as_binary(Y, "Y")
    return recall_of(match(Y, S), Y, bins, n_bins, k)


def precision_contributions(Y: CSR, S: CSR, bins: Longs, n_bins: int, k: int) -> Doubles:
    """Return how much of P@1..k each bin contributes, (n_bins, k); columns sum to P@1..k."""
    found = match(Y, S)
    ranks = np.arange(1, k + 1) * max(1, len(found.sizes))
    return np.asarray(hits_of(found, _checked(bins, Y), n_bins, k) / ranks)


def recall_of(found: Matches, Y: CSR, bins: Longs, n_bins: int, k: int) -> Doubles:
    """Return `recall_by_bin` of a ranking's matches with the binary truth Y."""
    occurrences = np.bincount(_checked(bins, Y)[Y.indices], minlength=n_bins)
    hits = hits_of(found, bins, n_bins, k)
    return ratio(hits, np.broadcast_to(occurrences[:, None], hits.shape))


def hits_of(found: Matches, bins: Longs, n_bins: int, k: int) -> Longs:
    """Return the hits of each bin among the first 1..k ranks of all documents, (n_bins, k)."""
    if k < 1:
        raise ParameterError(f"k must be 1 or more, found {k}.")
    near = found.rank < k
    cell = bins[found.label[near]] * k + found.rank[near]
    return np.cumsum(np.bincount(cell, minlength=n_bins * k).reshape(n_bins, k), axis=1)


def _checked(bins: Longs, Y: CSR) -> Longs:
    if bins.shape != (Y.shape[1],):
        raise DataError(
            f"{len(bins)} bins for {Y.shape[1]} columns of truth.",
            "Pass n_columns=Y.shape[1] to frequency_bins.",
        )
    return bins
