"""Measure a fitted model on labelled documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from time import perf_counter
from typing import Any, ClassVar, Protocol

import numpy as np
from scipy.sparse import csr_array, vstack

from labeltree.core.arrays import CSR
from labeltree.core.dataset import Dataset, Inputs
from labeltree.core.errors import DataError, NotFittedError, ParameterError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.core.model import Takes
from labeltree.core.scores import above
from labeltree.metrics import propensity, ranking
from labeltree.metrics.decisions import GlobalThreshold, macro_f1, micro_f1, sample_f1
from labeltree.metrics.specific import specific_scores, specific_truth

BLOCK = 8192
"""Documents predicted at a time."""
LEAST_RANKS = 100
"""Labels asked for each document, or as many as a document has, if more."""


class Fitted(Protocol):
    """A fitted model; it may also have `threshold_: GlobalThreshold`."""

    takes: ClassVar[Takes]
    labels_: Labels

    def predict(self, X: Any, k: int = 5) -> CSR:
        """Return scores (n_samples, n_labels), at most k entries a row."""


@dataclass(frozen=True)
class Report:
    """Metrics in [0, 1], and the facts needed to compare them."""

    metrics: dict[str, float]
    """P@k, nDCG@k, R@k, PSP@k, PSnDCG@k for each k, attainable-P@k (the highest possible P@k),
    R-Precision (documents with labels), micro-R-Precision; with a threshold micro-F1, macro-F1
    (over all columns of the truth) and sample-F1."""
    n_documents: int
    """Documents, the denominator of all means."""
    n_without_labels: int
    """Documents without a true label: they score 0."""
    n_labels: int
    """Labels of the universe."""
    n_outside: int
    """True label occurrences outside the universe: they count as misses."""
    closed: bool | None
    """Whether the label sets, as read, hold all ancestors; None without a hierarchy."""
    specific: bool
    """Whether truth, rankings and decisions were reduced to most-specific labels."""
    universe: str
    """The labels that may be predicted."""
    threshold: float | None
    """Score at which a label is decided, None if no decisions were made."""
    threshold_rule: str | None
    """How the threshold was chosen, and on what."""
    propensity_a: float
    """Constant A of PSP@k and PSnDCG@k."""
    propensity_b: float
    """Constant B of PSP@k and PSnDCG@k."""
    zero_division: float = 0.0
    """F1 of a label or document with nothing true and nothing decided."""
    seconds: float | None = None
    """Wall time of prediction; None for ready scores."""
    documents_per_second: float | None = None
    """Documents predicted a second."""

    def to_json(self) -> dict[str, Any]:
        """Return one flat object: each metric by name, then the facts."""
        facts = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "metrics"}
        return {**self.metrics, **facts}


def evaluate(
    model: Fitted,
    dataset: Dataset,
    *,
    specific: bool = False,
    threshold: float | GlobalThreshold | None = None,
    ks: Sequence[int] = (1, 3, 5),
    constants: tuple[float, float] = (propensity.A, propensity.B),
) -> Report:
    """Predict a data set and measure the rankings; with a threshold the decisions too.

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
        Score at which a label is decided; None takes the model's stored one, if any.
    ks
        Cut-offs of the ranking metrics.
    constants
        A and B of the propensities.

    Raises
    ------
    DataError
        If the columns of the data are not the model's labels, or `specific` has no hierarchy.
    """
    labels = _labels_for(model, dataset)
    if specific:
        _needed(labels.hierarchy)
    S, seconds = _predicted(model, dataset, len(labels))
    threshold = getattr(model, "threshold_", None) if threshold is None else threshold
    report = evaluate_scores(
        dataset.Y, S, labels, specific=specific, threshold=threshold, ks=ks, constants=constants
    )
    return replace(report, seconds=seconds, documents_per_second=len(dataset) / max(seconds, 1e-9))


def evaluate_scores(
    Y: CSR,
    S: CSR,
    labels: Labels,
    *,
    specific: bool = False,
    threshold: float | GlobalThreshold | None = None,
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
    Y, S = ranking.aligned(Y, S)
    if S.shape[1] != len(labels):
        raise DataError(f"Scores have {S.shape[1]} columns but there are {len(labels)} labels.")
    if not (threshold is None or isinstance(threshold, GlobalThreshold)):
        threshold = GlobalThreshold(float(threshold), "given", "", float("nan"))
    closed = _closed(Y, labels.hierarchy)
    decided = None if threshold is None else above(S, threshold.value)
    truth = Y
    if specific:
        hierarchy = _needed(labels.hierarchy)
        truth = specific_truth(Y, hierarchy)
        S = specific_scores(S, hierarchy, labels.specific_share)
        decided = None if decided is None else specific_truth(decided, hierarchy)
    weights = propensity.inverse_propensity(
        labels.counts, labels.n_train, *constants, n_columns=Y.shape[1]
    )
    return Report(
        metrics={**_of_rankings(truth, S, weights, ks), **_of_decisions(truth, decided)},
        n_documents=int(Y.shape[0]),
        n_without_labels=int((np.diff(Y.indptr) == 0).sum()),
        n_labels=len(labels),
        n_outside=int((Y.indices >= len(labels)).sum()),
        closed=closed,
        specific=specific,
        universe="train and hierarchy",
        threshold=None if threshold is None else threshold.value,
        threshold_rule=None if threshold is None else _spelled(threshold),
        propensity_a=constants[0],
        propensity_b=constants[1],
    )


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


def _of_rankings(Y: CSR, S: CSR, weights: Any, ks: Sequence[int]) -> dict[str, float]:
    if not ks or min(ks) < 1:
        raise ParameterError(f"ks must be numbers of 1 or more, found {tuple(ks)}.")
    k = max(ks)
    found, best = ranking.match(Y, S), ranking.oracle(Y, weights)
    vectors = {
        "P": found.precision(k),
        "nDCG": found.ndcg(k),
        "R": found.recall(k),
        "PSP": propensity.psp(found, best, weights, k),
        "PSnDCG": propensity.psndcg(found, best, weights, k),
        "attainable-P": best.precision(k),
    }
    at_k = {f"{name}@{i}": float(vector[i - 1]) for name, vector in vectors.items() for i in ks}
    whole = {"R-Precision": found.r_precision(), "micro-R-Precision": found.micro_r_precision()}
    return {**at_k, **whole}


def _of_decisions(Y: CSR, decided: CSR | None) -> dict[str, float]:
    if decided is None:
        return {}
    named = {"micro-F1": micro_f1, "macro-F1": macro_f1, "sample-F1": sample_f1}
    return {name: f1(Y, decided) for name, f1 in named.items()}


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


def _spelled(threshold: GlobalThreshold) -> str:
    return f"{threshold.rule} on {threshold.fitted_on}" if threshold.fitted_on else threshold.rule
