"""What an evaluation says: metrics by name, and the facts needed to compare them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from labeltree.core.errors import ParameterError
from labeltree.metrics import propensity

ALL, TRAIN = "train and hierarchy", "train"
"""What an evaluation counts: all labels, or only those with a training document."""
AT_K = (
    "P", "nDCG", "R", "PSP", "PSnDCG", "attainable-P", "coverage-correct", "coverage-predicted",
)  # fmt: skip
"""Metrics measured at each cut-off."""


@dataclass(frozen=True)
class Report:
    """Metrics in [0, 1], and the facts needed to compare them."""

    metrics: dict[str, float]
    """By name; docs/metrics.md has the equations. Rankings: P, nDCG, R, PSP, PSnDCG,
    attainable-P (the highest possible P), coverage-correct and coverage-predicted at each k,
    R-Precision (documents with labels), micro-R-Precision, tail-R (and of the other bins that
    have a true label) at the last k. Scores in [0, 1]: ECE, ECE@1; with a
    stored calibration ECE-calibrated, ECE-calibrated@1, of all labels. With decisions: micro-F1,
    macro-F1 (over all columns of the truth), sample-F1, those of the bins. With a hierarchy:
    score-violations; with both hierarchical-P, -R, -F1, F1 by level, of leaf and inner labels,
    violations."""
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
    """The labels that count: `ALL`, or `TRAIN` for those with a training document."""
    threshold: float | None
    """(Calibrated) score at which a label is decided; None without decisions or a single one."""
    threshold_rule: str | None
    """How labels were decided, and on what that was fitted; None if no decisions were made."""
    calibration: str | None
    """What made probabilities of the scores before decisions; None if nothing did."""
    propensity_a: float
    """Constant A of PSP@k and PSnDCG@k."""
    propensity_b: float
    """Constant B of PSP@k and PSnDCG@k."""
    n_left_out: int = 0
    """True label occurrences not counted at all, because the universe was restricted."""
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


@dataclass(frozen=True)
class Settings:
    """What an evaluation counts."""

    specific: bool = False
    """Most-specific labels only; needs a hierarchy."""
    universe: str = ALL
    """`ALL`, or `TRAIN`: other labels are dropped from truth, rankings and decisions."""
    ks: Sequence[int] = (1, 3, 5)
    """Cut-offs of the ranking metrics."""
    constants: tuple[float, float] = (propensity.A, propensity.B)
    """A and B of the propensities."""

    def __post_init__(self) -> None:
        if self.universe not in (ALL, TRAIN):
            raise ParameterError(f"universe must be {ALL!r} or {TRAIN!r}, found {self.universe!r}.")


def by_cut_off(metrics: dict[str, float]) -> tuple[dict[str, dict[int, float]], dict[str, float]]:
    """Return the metrics of `AT_K` as {name: {k: value}}, and all others."""
    at_k: dict[str, dict[int, float]] = {}
    others = {}
    for name, value in metrics.items():
        base, _, k = name.rpartition("@")
        if base in AT_K:
            at_k.setdefault(base, {})[int(k)] = value
        else:
            others[name] = value
    return at_k, others
