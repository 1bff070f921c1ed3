"""The metrics of a report by name: what can be measured is there, what cannot is absent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from labeltree.core.arrays import CSR, Doubles
from labeltree.core.errors import ParameterError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.metrics import (
    Group,
    by_frequency,
    by_level,
    by_position,
    first_answers,
    frequency_bins,
    hierarchical_quality,
    macro_f1,
    micro_f1,
    propensity,
    ranking,
    reliability_by_mass,
    sample_f1,
    score_violations,
    violations,
)
from labeltree.metrics.coverage import coverage_by, coverage_of
from labeltree.metrics.ranking import Matches
from labeltree.metrics.tail import NAMES, recall_of
from labeltree.run.results import Settings


def metrics_of(
    Y: CSR, S: CSR, decided: CSR | None, labels: Labels, weights: Doubles, settings: Settings
) -> dict[str, float]:
    """Return every metric of the rankings, and of the decisions and the taxonomy where given.

    Parameters
    ----------
    Y, S, decided
        Binary truth (n_samples, n_true_labels); scores and decisions (n_samples, n_labels).
    labels
        Of the columns of S.
    weights
        Inverse propensities, (n_true_labels,).
    settings
        Cut-offs, and whether these are most-specific labels, which miss their parents by design.
    """
    ks = settings.ks
    if not ks or min(ks) < 1:
        raise ParameterError(f"ks must be numbers of 1 or more, found {tuple(ks)}.")
    Y, S = ranking.aligned(Y, S)
    rank = ranking.ranks(S)
    found = ranking.matched(Y, S, rank)
    metrics = _of_rankings(found, Y, weights, ks)
    metrics |= _at("coverage-correct", coverage_of(found, Y, max(ks)), ks)
    metrics |= _at("coverage-predicted", coverage_by(S, rank, max(ks)), ks)
    metrics |= _of_bins(found, Y, labels, max(ks))
    metrics |= _of_calibration(Y, S)
    if decided is not None:
        metrics |= _of_decisions(Y, decided, labels)
    hierarchy = labels.hierarchy
    if hierarchy is not None and decided is not None:
        metrics |= _of_taxonomy(Y, decided, hierarchy)
    if hierarchy is not None and not settings.specific:
        metrics |= _of_consistency(Y, S, decided, hierarchy)
    return metrics


def _of_rankings(found: Matches, Y: CSR, weights: Doubles, ks: Sequence[int]) -> dict[str, float]:
    k = max(ks)
    best = ranking.oracle(Y, weights)
    vectors = {
        "P": found.precision(k),
        "nDCG": found.ndcg(k),
        "R": found.recall(k),
        "PSP": propensity.psp(found, best, weights, k),
        "PSnDCG": propensity.psndcg(found, best, weights, k),
        "attainable-P": best.precision(k),
    }
    whole = {"R-Precision": found.r_precision(), "micro-R-Precision": found.micro_r_precision()}
    at_k: dict[str, float] = {}
    for name, vector in vectors.items():
        at_k |= _at(name, vector, ks)
    return at_k | whole


def _at(name: str, vector: Doubles, ks: Sequence[int]) -> dict[str, float]:
    """Return a metric's values for 1.. at some k."""
    return {f"{name}@{i}": float(vector[i - 1]) for i in ks}


def _of_bins(found: Matches, Y: CSR, labels: Labels, k: int) -> dict[str, float]:
    """Return the recall of each bin that has a true label; none if training was not counted."""
    if not labels.n_train:
        return {}
    bins = frequency_bins(labels.counts, n_columns=Y.shape[1])
    recall = recall_of(found, Y, bins, len(NAMES), k)[:, k - 1]
    present = set(bins[Y.indices].tolist())
    return {f"{NAMES[b]}-R@{k}": float(recall[b]) for b in sorted(present, reverse=True)}


def _of_calibration(Y: CSR, S: CSR) -> dict[str, float]:
    """Return calibration errors, of scores that can be probabilities."""
    if S.nnz and not (S.data.min() >= 0 and S.data.max() <= 1):
        return {}
    first = reliability_by_mass(Y, first_answers(S))
    return {"ECE": reliability_by_mass(Y, S).error, "ECE@1": first.error}


def _of_decisions(Y: CSR, decided: CSR, labels: Labels) -> dict[str, float]:
    named = {"micro-F1": micro_f1, "macro-F1": macro_f1, "sample-F1": sample_f1}
    whole = {name: f1(Y, decided) for name, f1 in named.items()}
    if not labels.n_train:
        return whole
    return whole | _of_groups(by_frequency(Y, decided, labels.counts)[::-1])


def _of_taxonomy(Y: CSR, decided: CSR, hierarchy: Hierarchy) -> dict[str, float]:
    near = hierarchical_quality(Y, decided, hierarchy)
    return {
        "hierarchical-P": near.precision,
        "hierarchical-R": near.recall,
        "hierarchical-F1": near.f1,
        "hierarchical-sample-F1": near.sample_f1,
        "hierarchical-macro-F1": near.macro_f1,
        **_of_groups(by_level(Y, decided, hierarchy)),
        **_of_groups(by_position(Y, decided, hierarchy)),
    }


def _of_consistency(Y: CSR, S: CSR, decided: CSR | None, hierarchy: Hierarchy) -> dict[str, float]:
    """Return violations beside those of the truth: open label sets need not hold parents."""
    found = {
        "violations-of-truth": violations(Y, hierarchy).pairs,
        "score-violations": score_violations(S, hierarchy),
    }
    if decided is None:
        return found
    broken = violations(decided, hierarchy)
    return {
        "violations": broken.pairs,
        "hard-violations": broken.hard,
        "violations-by-document": broken.rows,
        **found,
    }


def _of_groups(groups: Iterable[Group]) -> dict[str, float]:
    """Return the F1s of groups in which something is true."""
    pairs = [(g, g.name.replace(" ", "-")) for g in groups if g.n_true]
    return {
        f"{name}-{average}-F1": getattr(g, average).f1
        for g, name in pairs
        for average in ("micro", "macro")
    }
