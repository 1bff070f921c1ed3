"""Propensity-scored metrics: a right rare label counts more than a right frequent one.

After "Extreme Multi-label Loss Functions for Recommendation, Tagging, Ranking & Other Missing
Label Applications" (Jain, Prabhu & Varma, 2016): rare labels are missing from truth more often,
so a hit is weighted by the inverse of the probability that a true label was annotated. Values
are ratios of two sums over the data set, the model's over that of the best ranking.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from labeltree.core.arrays import CSR, Doubles
from labeltree.core.errors import DataError, ParameterError
from labeltree.metrics.ranking import Matches, match, oracle

A, B = 0.55, 1.5
"""The usual constants. Published too: (0.5, 0.4) for Wikipedia, (0.6, 2.6) for product data."""


def inverse_propensity(
    counts: ArrayLike, n_train: int, a: float = A, b: float = B, *, n_columns: int | None = None
) -> Doubles:
    """Return q = 1 + C (N + b)^-a with C = (ln n_train - 1)(b + 1)^a, one weight a label.

    Parameters
    ----------
    counts
        Training documents N of each label, (n_labels,).
    n_train
        Training documents in all; with fewer than three (C < 0) all labels weigh 1.
    n_columns
        Columns of the truth, if more than labels: those outside the universe have count 0.

    Returns
    -------
    (n_columns,) weights: at least 1, lower for frequent labels, ln n_train for N = 1.
    """
    seen = np.asarray(counts, np.float64)
    if n_columns is not None:
        seen = np.pad(seen, (0, max(0, n_columns - len(seen))))
    if not b > 0 or (seen < 0).any():
        raise ParameterError(f"b must be above 0 and counts 0 or more, found b = {b}.")
    scale = max(0.0, np.log(max(1, n_train)) - 1.0) * (b + 1.0) ** a
    return np.asarray(1.0 + scale * (seen + b) ** -a)


def psp_at(Y: CSR, S: CSR, weights: Doubles, k: int) -> Doubles:
    """Return PSP@1..k: weighted hits over those of the best ranking; shape (k,).

    Parameters
    ----------
    Y, S
        Truth (n_samples, n_true_labels) and scores (n_samples, n_labels).
    weights
        `inverse_propensity`, (n_true_labels,).
    """
    weights = _covering(weights, Y)
    return psp(match(Y, S), oracle(Y, weights), weights, k)


def psndcg_at(Y: CSR, S: CSR, weights: Doubles, k: int) -> Doubles:
    """Return PSnDCG@1..k: as `psp_at`, hits discounted by rank, rows over their ideal DCG; (k,)."""
    weights = _covering(weights, Y)
    return psndcg(match(Y, S), oracle(Y, weights), weights, k)


def psp(found: Matches, best: Matches, weights: Doubles, k: int) -> Doubles:
    """Return PSP@1..k of a ranking's matches against those of `oracle(Y, weights)`."""
    return _ratio(found.gain(k, weights), best.gain(k, weights))


def psndcg(found: Matches, best: Matches, weights: Doubles, k: int) -> Doubles:
    """Return PSnDCG@1..k of a ranking's matches against those of `oracle(Y, weights)`."""
    return _ratio(found.discounted_gain(k, weights), best.discounted_gain(k, weights))


def _ratio(gained: Doubles, possible: Doubles) -> Doubles:
    """Return the ratio of sums, 0 where no document has a label."""
    ratio = np.divide(gained, possible, out=np.zeros_like(gained), where=possible > 0)
    return np.minimum(1.0, ratio)


def _covering(weights: Doubles, Y: CSR) -> Doubles:
    if len(weights) != Y.shape[1]:
        raise DataError(
            f"{len(weights)} propensity weights for {Y.shape[1]} columns of truth.",
            "Pass n_columns=Y.shape[1] to inverse_propensity.",
        )
    return np.asarray(weights, np.float64)
