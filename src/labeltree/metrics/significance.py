"""The paired bootstrap: is one system better than another, or lucky with these documents.

Documents are drawn again with replacement, the same for both systems, and the metric of each is
computed anew; the spread of the differences tells how sure the observed one is ("An Introduction
to the Bootstrap", Efron & Tibshirani, 1993; for text, "Statistical Significance Tests for Machine
Translation Evaluation", Koehn, 2004). It answers for documents like these, not for other
training sets or seeds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from labeltree.core.arrays import CSR, Doubles, as_binary, row_of_entry
from labeltree.core.errors import DataError, ParameterError
from labeltree.metrics.counts import ratio
from labeltree.metrics.ranking import Matches, aligned, locate, match, oracle

CELLS = 1 << 22
"""Document counts held in memory at a time."""


@dataclass(frozen=True)
class Difference:
    """How far system A lies above system B on the same documents."""

    a: float
    """The metric of A on all documents."""
    b: float
    """The metric of B."""
    difference: float
    """a - b."""
    low: float
    """Lower end of the interval of the difference."""
    high: float
    """Upper end."""
    p: float
    """Two-sided: twice the share of samples beyond 0, at least 2 / (n_resamples + 1)."""
    confidence: float
    """Coverage of the interval."""
    n_documents: int
    n_resamples: int
    seed: int


def paired_bootstrap(
    a: ArrayLike,
    b: ArrayLike,
    *,
    n_resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Difference:
    """Compare two systems on the same documents.

    Parameters
    ----------
    a, b
        One value a document, (n_documents,), for metrics that are means; or a numerator and a
        denominator, (n_documents, 2), for metrics that are ratios of sums: micro-F1, PSP@k,
        R-Precision. `document_values` makes them.
    n_resamples
        Samples drawn; 1000 resolve p to about 0.01.
    confidence
        Coverage of the percentile interval.
    seed
        Of the draws: same seed, same result.

    Raises
    ------
    DataError
        If shapes differ, there is no document, or a value is not finite.
    ParameterError
        If n_resamples or confidence is out of range.
    """
    sums = _as_sums(a, b)
    if n_resamples < 1 or not 0 < confidence < 1:
        raise ParameterError(
            f"n_resamples must be 1 or more and confidence between 0 and 1, found {n_resamples}"
            f" and {confidence}."
        )
    drawn = _values(resampled_sums(sums, n_resamples, seed))
    differences = drawn[:, 0] - drawn[:, 1]
    outside = (1 - confidence) / 2
    low, high = np.quantile(differences, (outside, 1 - outside))
    tail = min((differences <= 0).sum(), (differences >= 0).sum())
    p = min(1.0, 2 * (int(tail) + 1) / (n_resamples + 1))
    value_a, value_b = _values(sums.sum(axis=0)).tolist()
    return Difference(
        value_a, value_b, value_a - value_b, float(low), float(high), p, confidence, len(sums),
        n_resamples, seed,
    )  # fmt: skip


def holm(p: ArrayLike) -> Doubles:
    """Return p values (n,) of which the smallest hold although n differences were looked at.

    Holm, "A simple sequentially rejective multiple test procedure" (1979): the i-th smallest is
    multiplied by n - i + 1, none becomes smaller than one before it, or larger than 1.

    Raises
    ------
    DataError
        If they are not numbers from 0 to 1.
    """
    found = np.asarray(p, np.float64)
    if found.ndim != 1 or not ((found >= 0) & (found <= 1)).all():
        raise DataError("p values must be a list of numbers from 0 to 1.")
    order = np.argsort(found, kind="stable")
    adjusted = np.empty_like(found)
    times = np.arange(len(found), 0, -1)
    adjusted[order] = np.maximum.accumulate(found[order] * times).clip(max=1)
    return adjusted


def resampled_sums(values: Doubles, n_resamples: int, seed: int) -> Doubles:
    """Return the column sums of each bootstrap sample, (n_resamples, n_columns).

    Parameters
    ----------
    values
        (n_documents, n_columns).
    """
    n = len(values)
    rng = np.random.default_rng(seed)
    step = max(1, CELLS // n)
    parts = []
    for start in range(0, n_resamples, step):
        m = min(step, n_resamples - start)
        drawn = rng.integers(0, n, (m, n)) + np.arange(m)[:, None] * n
        times = np.bincount(drawn.ravel(), minlength=m * n).reshape(m, n)
        parts.append(times @ values)
    return np.concatenate(parts)


def document_values(
    Y: CSR, S: CSR, k: int, *, weights: Doubles | None = None, decided: CSR | None = None
) -> dict[str, Doubles]:
    """Return what `paired_bootstrap` takes, for each metric by the name of the report.

    The means (or ratios of sums) of these values are the metrics themselves.

    Parameters
    ----------
    Y, S
        Truth (n_samples, n_true_labels) and scores (n_samples, n_labels).
    k
        Cut-off of P, R, nDCG and PSP.
    weights
        `inverse_propensity`, (n_true_labels,): adds PSP@k.
    decided
        Decided labels, (n_samples, n_labels): adds micro-F1 and sample-F1.
    """
    found = match(Y, S)
    n = len(found.sizes)
    near = found.rank < k
    hits = np.bincount(found.row[near], minlength=n).astype(np.float64)
    first = np.bincount(found.row[found.rank < found.sizes[found.row]], minlength=n)
    values: dict[str, Doubles] = {
        f"P@{k}": hits / k,
        f"R@{k}": ratio(hits, found.sizes),
        f"nDCG@{k}": _ndcg(found, k),
        "R-Precision": np.stack((ratio(first, found.sizes), found.sizes > 0), 1),
        "micro-R-Precision": np.stack((first, found.sizes), 1).astype(np.float64),
    }
    if weights is not None:
        parts = [_gain(m, k, weights) for m in (found, oracle(Y, weights))]
        values[f"PSP@{k}"] = np.stack(parts, 1)
    if decided is not None:
        values |= _of_decisions(Y, decided)
    return values


def _gain(found: Matches, k: int, weights: Doubles) -> Doubles:
    near = found.rank < k
    sums = np.bincount(found.row[near], weights[found.label[near]], len(found.sizes))
    return sums.astype(np.float64)


def _ndcg(found: Matches, k: int) -> Doubles:
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    near = found.rank < k
    dcg = np.bincount(found.row[near], discount[found.rank[near]], len(found.sizes))
    ideal = np.concatenate(([0.0], np.cumsum(discount)))[np.minimum(found.sizes, k)]
    return ratio(dcg, ideal)


def _of_decisions(Y: CSR, decided: CSR) -> dict[str, Doubles]:
    Y, decided = aligned(Y, as_binary(decided, "decisions"))
    both = np.bincount(row_of_entry(Y)[locate(Y, decided) >= 0], minlength=Y.shape[0])
    total = np.diff(Y.indptr).astype(np.int64) + np.diff(decided.indptr)
    pair = np.stack((2.0 * both, total), 1)
    return {"micro-F1": pair, "sample-F1": ratio(2 * both, total)}


def _as_sums(a: ArrayLike, b: ArrayLike) -> Doubles:
    """Return (n_documents, 4): numerator and denominator of A, then of B."""
    both = [np.asarray(x, np.float64) for x in (a, b)]
    shape = both[0].shape
    if both[1].shape != shape or not shape or shape[1:] not in ((), (2,)) or not shape[0]:
        raise DataError(
            f"Values of shape {shape} and {both[1].shape} cannot be compared.",
            "Give both one value, or numerator and denominator, for each of the same documents.",
        )
    if not all(np.isfinite(x).all() for x in both):
        raise DataError("Values to compare hold NaN or infinity.")
    columns = [np.stack((x, np.ones(len(x))), 1) if x.ndim == 1 else x for x in both]
    return np.concatenate(columns, axis=1)


def _values(sums: Doubles) -> Doubles:
    """Return the ratios of (..., 4) sums, (..., 2); 0 where a denominator is 0."""
    return ratio(sums[..., 0::2], sums[..., 1::2])
