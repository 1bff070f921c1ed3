"""Thresholds: one for all labels, or one a label, fitted on validation.

A label that is not scored is below every threshold: fit with the k, and the beam, that decisions
will be made with. The sources of the rules: Yang, "A Study of Thresholding Strategies for Text
Categorization" (SIGIR 2001) for PCut and SCut; Fan and Lin, "A Study on Threshold Selection for
Multi-label Classification" (2007) for FBR.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from labeltree.core.arrays import CSR, Doubles, Longs
from labeltree.core.labels import Labels
from labeltree.core.scores import above
from labeltree.core.store import storable
from labeltree.metrics.decisions import f1_of
from labeltree.metrics.ranking import aligned
from labeltree.metrics.scan import NOTHING, Candidates, candidates, cuts, folds, pooled

BEST_MICRO_F1 = "best micro-F1"
N_FOLDS = 5
"""Parts of validation that shrinkage and FBR are cross-fitted on."""
SHRINKAGE = (3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
"""Positives that the global cut counts for, as tried by `fit_per_label`."""
FBR = tuple(i / 10 for i in range(9))
"""F1 below which FBR distrusts a label's threshold, as tried by `fit_fbr`."""
PORTIONS = tuple(i / 20 for i in range(4, 41))
"""Multiples of a label's share of training tried by `fit_pcut`."""


@storable
@dataclass(frozen=True)
class GlobalThreshold:
    """One threshold for all labels: a label is decided where its score reaches `value`."""

    value: float
    """The threshold; `NOTHING` where no score should pass."""
    rule: str
    """How it was chosen."""
    fitted_on: str
    """The data it was chosen on; never test data."""
    f1: float
    """micro-F1 reached there."""

    def decide(self, S: CSR) -> CSR:
        """Return 1 where a score reaches the threshold, (n_samples, n_labels)."""
        return above(S, self.value)

    def __str__(self) -> str:
        return f"threshold {self.value:.3g} ({self.rule})"


@storable
@dataclass(frozen=True, eq=False)
class LabelThresholds:
    """A threshold a label: it is decided where its score reaches that."""

    values: Doubles
    """The thresholds, (n_labels,); `NOTHING` for labels that are never decided."""
    rule: str
    """How they were chosen."""
    fitted_on: str
    """The data they were chosen on; never test data."""

    def decide(self, S: CSR) -> CSR:
        """Return 1 where a score reaches its label's threshold, (n_samples, n_labels)."""
        return above(S, self.values)

    def __str__(self) -> str:
        return f"a threshold a label ({self.rule})"


def fit_global_threshold(Y: CSR, S: CSR, fitted_on: str) -> GlobalThreshold:
    """Find the threshold with the best micro-F1, by an exact scan over all stored scores.

    Parameters
    ----------
    Y
        Truth, (n_samples, n_true_labels); labels outside the universe count as missed.
    S
        Scores, (n_samples, n_labels), made with the k that decisions will be made with.
    fitted_on
        Name of this data, for the record.

    Returns
    -------
    The threshold halfway between two neighbouring scores, never inside a tie (the lowest score
    itself where all are decided); of equal F1s the highest threshold. `NOTHING` if no stored
    score belongs to a true label.
    """
    value, f1, _ = _global_cut(candidates(Y, S))
    return GlobalThreshold(value, BEST_MICRO_F1, fitted_on, f1)


def fit_scut(Y: CSR, S: CSR, fitted_on: str) -> LabelThresholds:
    """Give each label the threshold with its own best F1 (SCut): macro-F1, overfits rare labels.

    Labels without a true score are never decided. See `fit_global_threshold`.
    """
    return LabelThresholds(_scut(candidates(Y, S))[0], "SCut", fitted_on)


def fit_fbr(
    Y: CSR, S: CSR, fitted_on: str, *, highest: bool = True, seed: int = 0
) -> LabelThresholds:
    """Fit SCut, but raise the thresholds of labels whose best F1 stays below `fbr`.

    To the label's highest score (FBR.1) or, unless `highest`, above all scores (FBR.0). fbr is
    the one of `FBR` with the best cross-fitted macro-F1.
    """

    def family(found: Candidates) -> list[Doubles]:
        cut, f1 = _scut(found)
        most = np.full(len(cut), NOTHING)
        if highest:
            most[found.label[::-1]] = found.score[::-1]
        return [np.where(f1 < fbr, most, cut) for fbr in FBR]

    Y, S = aligned(Y, S)
    found = candidates(Y, S)
    at = int(np.argmax([macro for _, macro in _cross_fitted(Y, found, family, seed)]))
    name = f"FBR.{int(highest)}, fbr {FBR[at]}"
    return LabelThresholds(family(found)[at], name, fitted_on)


def fit_per_label(Y: CSR, S: CSR, fitted_on: str, *, seed: int = 0) -> LabelThresholds:
    """Give each label the threshold that serves micro- and macro-F1 alike, shrunk to the global.

    A label's own threshold t maximises its part of the mean of micro- and macro-F1,

        (2 TP(t) - F D(t)) / D  +  2 TP(t) / (D(t) + P) / n_labels,

    where TP are its true and D(t) its decided documents, P its positives, and F and D the
    micro-F1 and the true and decided pairs at the global cut g: micro-F1 linearised there. So a
    frequent label answers to micro-F1, a rare one to macro-F1. Then

        logit(threshold) = (P logit(t) + m logit(g)) / (P + m).

    Of the m in `SHRINKAGE` it takes the one with the best mean of both F1s on folds that the
    thresholds were not fitted on, among those that lose no micro-F1 there against the global
    cut; if all lose, the global cut stands.
    """
    Y, S = aligned(Y, S)
    found = candidates(Y, S)
    micro, macro = np.array(_cross_fitted(Y, found, _shrunk, seed)).T
    mean = np.where(micro >= micro[-1], micro + macro, -np.inf)
    at = int(np.argmax(mean))
    shrinkage = (*SHRINKAGE, np.inf)[at]
    return LabelThresholds(_shrunk(found)[at], f"per label, shrinkage {shrinkage:g}", fitted_on)


def fit_pcut(Y: CSR, S: CSR, fitted_on: str, *, labels: Labels) -> LabelThresholds:
    """Give each label a threshold that a share of documents passes: x times its share of train.

    PCut needs the whole batch; here the score that so many validation documents reach stands for
    it, so that a document is decided by itself. x is the one of `PORTIONS` with the best micro-F1.
    """
    Y, S = aligned(Y, S)
    found = candidates(Y, S)
    share = labels.counts / max(1, labels.n_train) * S.shape[0]
    ranked = cuts(found)
    best, values, chosen = -1.0, np.full(S.shape[1], NOTHING), PORTIONS[0]
    for x in PORTIONS:
        wanted = np.rint(x * share)
        inside = ranked.decided <= wanted[ranked.label]
        cut = np.full(S.shape[1], NOTHING)
        cut[ranked.label[inside]] = ranked.value[inside]  # the last one written is the lowest
        right, decided = found.counts(cut)
        f1 = float(f1_of(right.sum(), found.n_true, decided.sum()))
        if f1 > best:
            best, values, chosen = f1, cut, x
    return LabelThresholds(values, f"PCut, x {chosen:g}", fitted_on)


def _global_cut(found: Candidates) -> tuple[float, float, int]:
    """Return (cut, micro-F1, decided pairs) where micro-F1 is best."""
    one = pooled(found)
    places = cuts(one)
    if not places.right.any():
        return NOTHING, 0.0, 0
    f1 = f1_of(places.right, found.n_true, places.decided)
    at = int(np.argmax(f1))
    return float(places.value[at]), float(f1[at]), int(places.decided[at])


def _scut(found: Candidates) -> tuple[Doubles, Doubles]:
    """Return (cut, F1) of each label where its F1 is best; `NOTHING` and 0 if it stays 0."""
    places, n = cuts(found), len(found.positives)
    f1 = f1_of(places.right, found.positives[places.label], places.decided)
    cut, best = places.best(f1, n)
    return np.where(best > 0, cut, NOTHING), np.maximum(best, 0)


def _shrunk(found: Candidates) -> list[Doubles]:
    """Return the thresholds of `fit_per_label` for each m of `SHRINKAGE`, then the global cut."""
    places, n = cuts(found), len(found.positives)
    cut, micro, n_decided = _global_cut(found)
    if cut == NOTHING:
        return [np.full(n, NOTHING)] * (len(SHRINKAGE) + 1)
    weight = found.positives.astype(np.float64)
    own = f1_of(places.right, found.positives[places.label], places.decided)
    linear = (2 * places.right - micro * places.decided) / (found.n_true + n_decided)
    best, worth = places.best(linear + own / n, n)
    weight[worth <= 0] = 0  # nothing was learned of these labels
    pull, to = weight * _logit(best), _logit(np.array(cut))
    shrunk = [_sigmoid((pull + m * to) / (weight + m)) for m in SHRINKAGE]
    return [*(np.where(weight > 0, s, cut) for s in shrunk), np.full(n, cut)]


def _cross_fitted(
    Y: CSR, found: Candidates, family: Callable[[Candidates], Sequence[Doubles]], seed: int
) -> list[tuple[float, float]]:
    """Return (micro-F1, macro-F1) of each member of a family of thresholds on unseen folds."""
    fold, n = folds(Y.shape[0], N_FOLDS, seed), len(found.positives)
    totals: list[list[Longs]] = []
    for i in range(N_FOLDS):
        inside, outside = found.of_rows(Y, fold != i), found.of_rows(Y, fold == i)
        members = family(inside)
        totals = totals or [[np.zeros(n, np.int64), np.zeros(n, np.int64)] for _ in members]
        for total, member in zip(totals, members, strict=True):
            right, decided = outside.counts(member)
            total[0] += right
            total[1] += decided
    return [
        (
            float(f1_of(right.sum(), found.n_true, decided.sum())),
            float(f1_of(right, found.positives, decided).mean()),
        )
        for right, decided in totals
    ]


def _logit(p: Doubles) -> Doubles:
    p = np.clip(p.astype(np.float64), 1e-30, 1 - 1e-7)
    return np.asarray(np.log(p / (1 - p)))


def _sigmoid(x: Doubles) -> Doubles:
    return np.asarray(1 / (1 + np.exp(-x)))
