"""What an evaluation report shows: tables by level, bin and label, curves, single documents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labeltree.core.arrays import CSR, Doubles, Longs, as_binary
from labeltree.core.dataset import Dataset
from labeltree.metrics import (
    Counts,
    Group,
    Reliability,
    bin_names,
    by_frequency,
    by_level,
    by_position,
    count,
    first_answers,
    frequency_bins,
    ranking,
    reliability_by_mass,
    reliability_by_width,
)
from labeltree.metrics.counts import ratio
from labeltree.metrics.tail import FINE_EDGES, hits_of
from labeltree.run.evaluate import Evaluation
from labeltree.run.report.mistakes import (
    Case,
    Confusion,
    confident_mistakes,
    confusions,
    overlooked,
)
from labeltree.run.results import Report

K = 10
"""Cut-offs of the ranking curves."""
N_CONFUSIONS = 40
N_CASES = 15


@dataclass(frozen=True, eq=False)
class RankingCurves:
    """Metrics for k = 1 .. K, each (K,)."""

    precision: Doubles
    attainable: Doubles
    recall: Doubles
    ndcg: Doubles


@dataclass(frozen=True, eq=False)
class FrequencyCurve:
    """Recall by how many training documents a label has."""

    names: tuple[str, ...]
    """Training documents of each bin."""
    recall: Doubles
    """Share of the bin's true occurrences among the first five, (n_bins,)."""
    share: Doubles
    """Share of all hits among the first five, (n_bins,)."""
    n_true: Longs
    """True occurrences, (n_bins,)."""
    n_labels: Longs
    """Labels, (n_bins,)."""


@dataclass(frozen=True, eq=False)
class ThresholdCurve:
    """Micro precision, recall and F1 where one threshold decides, each (n,)."""

    threshold: Doubles
    precision: Doubles
    recall: Doubles
    f1: Doubles


@dataclass(frozen=True, eq=False)
class Findings:
    """What `labeltree evaluate --report` shows."""

    report: Report
    ids: tuple[str, ...]
    """Of the columns of the truth, (n_true_labels,)."""
    names: tuple[str, ...]
    """Of the columns of the truth, (n_true_labels,)."""
    n_train: Longs
    """Training documents of each, (n_true_labels,)."""
    counts: Counts
    """Decisions label by label; of first answers where the model decides nothing."""
    levels: list[Group]
    positions: list[Group]
    bins: list[Group]
    ranking: RankingCurves
    frequency: FrequencyCurve
    thresholds: ThresholdCurve
    reliability: Reliability
    """Of all scored pairs, bins of equal width."""
    reliability_first: Reliability
    """Of first answers, bins of equal mass."""
    confusions: list[Confusion]
    confident: list[Case]
    overlooked: list[Case]


def gather(evaluation: Evaluation, dataset: Dataset) -> Findings:
    """Look closer at an evaluation of a data set.

    Where the model stores no threshold, the first answer of each document is its decision.
    """
    Y, S, labels = evaluation.Y, evaluation.S, evaluation.labels
    n, outside = Y.shape[1], dataset.labels
    decided = evaluation.decided
    decided = as_binary(first_answers(S) if decided is None else decided, "decisions")
    hierarchy = labels.hierarchy
    return Findings(
        report=evaluation.report,
        ids=(*labels.ids, *outside.ids[len(labels) :])[:n],
        names=(*labels.names, *outside.names[len(labels) :])[:n],
        n_train=np.pad(labels.counts, (0, n - len(labels))),
        counts=count(Y, decided),
        levels=[] if hierarchy is None else by_level(Y, decided, hierarchy),
        positions=[] if hierarchy is None else by_position(Y, decided, hierarchy),
        bins=by_frequency(Y, decided, labels.counts)[::-1],
        ranking=_ranking_curves(Y, S),
        frequency=_frequency_curve(Y, S, labels.counts),
        thresholds=_threshold_curve(Y, S),
        reliability=reliability_by_width(Y, S),
        reliability_first=reliability_by_mass(Y, first_answers(S), n_bins=10),
        confusions=confusions(Y, decided, hierarchy, N_CONFUSIONS),
        confident=confident_mistakes(Y, S, dataset.texts, N_CASES),
        overlooked=overlooked(Y, S, dataset.texts, N_CASES),
    )


def _ranking_curves(Y: CSR, S: CSR) -> RankingCurves:
    found = ranking.match(Y, S)
    best = ranking.oracle(Y)
    return RankingCurves(found.precision(K), best.precision(K), found.recall(K), found.ndcg(K))


def _frequency_curve(Y: CSR, S: CSR, counts: Longs, k: int = 5) -> FrequencyCurve:
    bins, names = frequency_bins(counts, FINE_EDGES, n_columns=Y.shape[1]), bin_names(FINE_EDGES)
    n_true = np.bincount(bins[Y.indices], minlength=len(names))
    hits = hits_of(ranking.match(Y, S), bins, len(names), k)[:, k - 1]
    n_labels = np.bincount(bins, minlength=len(names))
    return FrequencyCurve(names, ratio(hits, n_true), hits / max(1, hits.sum()), n_true, n_labels)


def _threshold_curve(Y: CSR, S: CSR, n: int = 200) -> ThresholdCurve:
    """Return the curve at n thresholds from 1 / n to 1."""
    threshold = np.arange(1, n + 1) / n
    at = ranking.locate(Y, S)
    right, decided = (
        len(scores) - np.searchsorted(np.sort(scores), threshold)
        for scores in (S.data[at[at >= 0]].astype(np.float64), S.data.astype(np.float64))
    )
    f1 = ratio(2 * right, decided + Y.nnz)
    return ThresholdCurve(threshold, ratio(right, decided), right / max(1, Y.nnz), f1)
