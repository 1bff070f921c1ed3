"""Measure a fitted model on labelled documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, ClassVar, Protocol

import numpy as np
from scipy.sparse import csr_array, vstack

from labeltree.core.arrays import CSR
from labeltree.core.dataset import Dataset, Inputs
from labeltree.core.errors import DataError, NotFittedError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.core.model import Takes
from labeltree.metrics import (
    Decider,
    GlobalThreshold,
    first_answers,
    propensity,
    ranking,
    reliability_by_mass,
)
from labeltree.metrics.specific import specific_scores, specific_truth
from labeltree.run.measures import metrics_of
from labeltree.run.restrict import restricted_labels, seen_in_training
from labeltree.run.results import ALL, TRAIN, Report, Settings

BLOCK = 8192
"""Documents predicted at a time."""
LEAST_RANKS = 100
"""Labels asked for each document, or as many as a document has, if more."""


class Fitted(Protocol):
    """A fitted model; it may also have `decider_: Decider`."""

    takes: ClassVar[Takes]
    labels_: Labels

    def predict(self, X: Any, k: int = 5) -> CSR:
        """Return scores (n_samples, n_labels), at most k entries a row."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A report with the matrices it was measured on."""

    report: Report
    Y: CSR
    """Truth that counted, (n_samples, n_true_labels)."""
    S: CSR
    """Scores that counted, (n_samples, n_labels): the first columns of Y."""
    decided: CSR | None
    """Decisions that counted, (n_samples, n_labels)."""
    labels: Labels
    """Of the columns of S."""
    settings: Settings


def evaluate(
    model: Fitted,
    dataset: Dataset,
    *,
    specific: bool = False,
    threshold: float | Decider | None = None,
    ks: Sequence[int] = (1, 3, 5),
    constants: tuple[float, float] = (propensity.A, propensity.B),
    universe: str = ALL,
) -> Report:
    """Predict a data set and measure the rankings; with a threshold or a decider the decisions too.

    Parameters
    ----------
    model
        A fitted model.
    dataset
        Documents whose first columns are the model's labels; others count as misses.
    specific
        Measure most-specific labels only; needs a hierarchy. Propensities still come from the
        training counts of the label sets as they are.
    threshold
        Score at which a label is decided, or a decider; None takes the model's stored one, if any.
    ks
        Cut-offs of the ranking metrics.
    constants
        A and B of the propensities.
    universe
        `TRAIN` restricts truth, rankings and decisions to labels with a training document.

    Raises
    ------
    DataError
        If the columns of the data are not the model's labels, or `specific` has no hierarchy.
    """
    settings = Settings(specific, universe, ks, constants)
    return examine(model, dataset, settings, threshold=threshold).report


def examine(
    model: Fitted,
    dataset: Dataset,
    settings: Settings | None = None,
    *,
    threshold: float | Decider | None = None,
) -> Evaluation:
    """Evaluate as `evaluate` does, and keep truth, scores and decisions for a closer look."""
    settings = settings or Settings()
    labels = _labels_for(model, dataset)
    if settings.specific:
        _needed(labels.hierarchy)
    S, seconds = _predicted(model, dataset, len(labels))
    threshold = getattr(model, "decider_", None) if threshold is None else threshold
    found = _examined(dataset.Y, S, labels, settings, threshold)
    speed = len(dataset) / max(seconds, 1e-9)
    return replace(found, report=replace(found.report, seconds=seconds, documents_per_second=speed))


def evaluate_scores(
    Y: CSR,
    S: CSR,
    labels: Labels,
    *,
    specific: bool = False,
    threshold: float | Decider | None = None,
    ks: Sequence[int] = (1, 3, 5),
    constants: tuple[float, float] = (propensity.A, propensity.B),
) -> Report:
    """Measure ready scores S (n_samples, n_labels) against truth Y; see `evaluate`.

    Y may have more columns than there are labels: those outside the universe. Rankings should
    hold at least max(ks) labels and as many as a document has.

    Raises
    ------
    DataError
        If shapes disagree, or `specific` has no hierarchy.
    """
    settings = Settings(specific, ALL, ks, constants)
    return _examined(Y, S, labels, settings, threshold).report


def _examined(
    Y: CSR,
    S: CSR,
    labels: Labels,
    settings: Settings,
    threshold: float | Decider | None,
) -> Evaluation:
    Y, S = ranking.aligned(Y, S)
    if S.shape[1] != len(labels):
        raise DataError(f"Scores have {S.shape[1]} columns but there are {len(labels)} labels.")
    decider = _as_decider(threshold)
    closed, n_true = _closed(Y, labels.hierarchy), Y.nnz
    decided = None if decider is None else decider.decide(S, labels)
    after = {} if decider is None or settings.specific else _calibrated(Y, S, decider)
    if settings.universe == TRAIN:
        Y, S, decided, labels = _restricted(Y, S, decided, labels)
    read = Y
    if settings.specific:
        Y, S, decided = _specific(Y, S, decided, labels)
    weights = propensity.inverse_propensity(
        labels.counts, labels.n_train, *settings.constants, n_columns=Y.shape[1]
    )
    report = Report(
        metrics={**metrics_of(Y, S, decided, labels, weights, settings), **after},
        n_documents=int(Y.shape[0]),
        n_without_labels=int((np.diff(read.indptr) == 0).sum()),
        n_labels=len(labels),
        n_outside=int((read.indices >= len(labels)).sum()),
        closed=closed,
        specific=settings.specific,
        universe=settings.universe,
        threshold=None if decider is None else decider.single_threshold,
        threshold_rule=None if decider is None else decider.spelled,
        calibration=None if decider is None else decider.calibration,
        propensity_a=settings.constants[0],
        propensity_b=settings.constants[1],
        n_left_out=n_true - read.nnz,
    )
    return Evaluation(report, Y, S, decided, labels, settings)


def _calibrated(Y: CSR, S: CSR, decider: Decider) -> dict[str, float]:
    """Return calibration errors of the scores that the decider makes of S, if others than S."""
    if decider.calibrator is None:
        return {}
    S = decider.calibrated(S)
    first = reliability_by_mass(Y, first_answers(S))
    return {
        "ECE-calibrated": reliability_by_mass(Y, S).error,
        "ECE-calibrated@1": first.error,
    }


def _restricted(
    Y: CSR, S: CSR, decided: CSR | None, labels: Labels
) -> tuple[CSR, CSR, CSR | None, Labels]:
    """Return the columns of labels with a training document."""
    columns = seen_in_training(labels)
    decided = None if decided is None else decided[:, columns]
    return Y[:, columns], S[:, columns], decided, restricted_labels(labels, columns)


def _specific(Y: CSR, S: CSR, decided: CSR | None, labels: Labels) -> tuple[CSR, CSR, CSR | None]:
    """Return truth, scores and decisions of most-specific labels."""
    hierarchy = _needed(labels.hierarchy)
    decided = None if decided is None else specific_truth(decided, hierarchy)
    S = specific_scores(S, hierarchy, labels.specific_share)
    return specific_truth(Y, hierarchy), S, decided


def _labels_for(model: Fitted, dataset: Dataset) -> Labels:
    """Return the model's labels, with the data's hierarchy if the model was fitted without."""
    labels: Labels | None = getattr(model, "labels_", None)
    if labels is None:
        raise NotFittedError(f"This {type(model).__name__} is not fitted yet: call fit first.")
    if dataset.labels.ids[: len(labels)] != labels.ids:
        raise DataError(
            f"The first {len(labels)} labels of the data are not those of the model.",
            "Read the data with the model's labels.",
        )
    if labels.hierarchy is None and dataset.n_universe == len(labels):
        labels = replace(labels, hierarchy=dataset.labels.hierarchy)
    return labels


def _predicted(model: Fitted, dataset: Dataset, n_labels: int) -> tuple[CSR, float]:
    """Return scores of all documents, and the seconds it took to predict them."""
    most = int(np.diff(dataset.Y.indptr).max(initial=0))
    k = min(n_labels, max(LEAST_RANKS, most))
    inputs = dataset.inputs(model.takes)
    blocks, started = [csr_array((0, n_labels), dtype=np.float32)], perf_counter()
    for start in range(0, len(dataset), BLOCK):
        blocks.append(model.predict(_slice(inputs, start, start + BLOCK), k=k))
    seconds = perf_counter() - started
    return vstack(blocks, format="csr"), seconds


def _slice(inputs: Any, start: int, stop: int) -> Any:
    if isinstance(inputs, Inputs):
        return Inputs(inputs.texts[start:stop], inputs.features[start:stop])
    return inputs[start:stop]


def _closed(Y: CSR, hierarchy: Hierarchy | None) -> bool | None:
    if hierarchy is None:
        return None
    return hierarchy.is_closed(csr_array(Y[:, : hierarchy.n_labels]))


def _needed(hierarchy: Hierarchy | None) -> Hierarchy:
    if hierarchy is None:
        raise DataError(
            "Most-specific labels need a taxonomy, and the data has none.",
            "Put a taxonomy.tsv (parent<TAB>child) beside the data, or leave out specific.",
        )
    return hierarchy


def _as_decider(threshold: float | Decider | None) -> Decider | None:
    if threshold is None or isinstance(threshold, Decider):
        return threshold
    return Decider(GlobalThreshold(float(threshold), "given", "", float("nan")))
