"""From scores to decisions, as fitted on validation and stored with a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from labeltree.core.arrays import CSR
from labeltree.core.errors import DataError, ParameterError
from labeltree.core.labels import Labels
from labeltree.core.store import storable
from labeltree.metrics import sets, thresholds
from labeltree.metrics.calibration import (
    Calibrator,
    fit_isotonic,
    fit_platt,
    fit_platt_isotonic,
)
from labeltree.metrics.conformal import SafeAnswers, fit_safe_answers


class Rule(Protocol):
    """Turns scores into decisions; its `str` is shown to people."""

    @property
    def rule(self) -> str:
        """How it was chosen."""

    @property
    def fitted_on(self) -> str:
        """The data it was chosen on."""

    def decide(self, S: CSR) -> CSR:
        """Return binary decisions, (n_samples, n_labels)."""


Fit = Callable[[CSR, CSR, str, Labels], Rule]
RULES: dict[str, Fit] = {
    "global": lambda Y, S, on, labels: thresholds.fit_global_threshold(Y, S, on),
    "per_label": lambda Y, S, on, labels: thresholds.fit_per_label(Y, S, on),
    "scut": lambda Y, S, on, labels: thresholds.fit_scut(Y, S, on),
    "fbr0": lambda Y, S, on, labels: thresholds.fit_fbr(Y, S, on, highest=False),
    "fbr1": lambda Y, S, on, labels: thresholds.fit_fbr(Y, S, on),
    "rcut": lambda Y, S, on, labels: sets.fit_rcut(Y, S, on),
    "pcut": lambda Y, S, on, labels: thresholds.fit_pcut(Y, S, on, labels=labels),
    "expected_f1": lambda Y, S, on, labels: sets.ExpectedF1("expected F1", on),
    "macro_at_k": lambda Y, S, on, labels: sets.fit_macro_at_k(Y, S, on),
}
"""Rules by the name they have on the command line."""
CALIBRATORS: dict[str, Callable[[CSR, CSR, Labels, str], Calibrator] | None] = {
    "both": fit_platt_isotonic,
    "platt": fit_platt,
    "isotonic": fit_isotonic,
    "none": None,
}
"""Calibrators by the name they have on the command line."""
DEFAULT_RULE, DEFAULT_CALIBRATOR = "global", "both"
NEED_PROBABILITIES = ("expected_f1", "macro_at_k")
"""Rules that mean nothing on scores that are no probabilities."""


@storable
@dataclass(frozen=True, eq=False)
class Decider:
    """Calibrates scores, decides labels, adds their ancestors, gives safe answers."""

    rule: Rule
    """Decides on calibrated scores."""
    calibrator: Calibrator | None = None
    """Makes scores probabilities; None leaves them."""
    closed: bool = False
    """Whether ancestors of decided labels are decided too, as in the training label sets."""
    k: int = 100
    """Labels to ask the model for before deciding: as many as on validation."""
    safe: SafeAnswers | None = None
    """Answers with a stated coverage; None if they were not fitted."""

    def calibrated(self, S: CSR) -> CSR:
        """Return calibrated scores, (n_samples, n_labels)."""
        return S if self.calibrator is None else self.calibrator.calibrate(S)

    def decide(self, S: CSR, labels: Labels) -> CSR:
        """Return binary decisions of scores as the model gives them, (n_samples, n_labels)."""
        decided = self.rule.decide(self.calibrated(S))
        if self.closed and labels.hierarchy is not None:
            decided = labels.hierarchy.close(decided)
        return decided

    def answer(self, S: CSR, labels: Labels, coverage: float) -> CSR:
        """Return one answer a document at most, right with probability `coverage`.

        Raises
        ------
        ParameterError
            If safe answers were not fitted, or the coverage is not between 0 and 1.
        """
        if self.safe is None:
            raise ParameterError("The model has no safe answers: fit them with `decide`.")
        return self.safe.answer(S, labels, coverage)

    @property
    def single_threshold(self) -> float | None:
        """The one threshold on calibrated scores; None if the rule has no single one."""
        rule = self.rule
        return rule.value if isinstance(rule, thresholds.GlobalThreshold) else None

    @property
    def calibration(self) -> str | None:
        """The calibrator for reports; None without one."""
        return None if self.calibrator is None else str(self.calibrator)

    @property
    def spelled(self) -> str:
        """The rule, calibration and closure, and the data they were fitted on, for reports."""
        parts = [self.rule.rule]
        parts += [f"{self.calibrator} calibration"] if self.calibrator is not None else []
        parts += ["ancestors added"] if self.closed else []
        on = f" on {self.rule.fitted_on}" if self.rule.fitted_on else ""
        return ", ".join(parts) + on

    def __str__(self) -> str:
        parts = [str(self.rule)]
        parts += [f"{self.calibrator} calibration"] if self.calibrator is not None else []
        return ", ".join([*parts, "ancestors added"] if self.closed else parts)


def fit_decider(
    Y: CSR,
    S: CSR,
    labels: Labels,
    fitted_on: str,
    *,
    rule: str = DEFAULT_RULE,
    calibrate: str = DEFAULT_CALIBRATOR,
    k: int = 100,
) -> Decider:
    """Fit calibration, the rule on calibrated scores, and safe answers, all on validation.

    Parameters
    ----------
    Y, S
        Truth (n_samples, n_true_labels) and scores (n_samples, n_labels) of validation documents.
    labels
        The model's labels; decisions are closed if its training label sets were.
    rule, calibrate
        Names from `RULES` and `CALIBRATORS`.
    k
        Labels the model was asked for.

    Raises
    ------
    ParameterError
        If a name is unknown, or the rule needs calibrated scores.
    DataError
        If there are no documents.
    """
    check_names(rule, calibrate)
    if not S.shape[0]:
        raise DataError("There are no documents to fit decisions on.")
    make = CALIBRATORS[calibrate] if S.nnz else None
    calibrator = None if make is None else make(Y, S, labels, fitted_on)
    # Safe answers look at raw scores: what saw the same truth would void their guarantee.
    safe = fit_safe_answers(Y, S, labels, fitted_on)
    S = S if calibrator is None else calibrator.calibrate(S)
    return Decider(RULES[rule](Y, S, fitted_on, labels), calibrator, labels.closed is True, k, safe)


def check_names(rule: str, calibrate: str) -> None:
    """Raise `ParameterError` unless both names are known and fit together."""
    for what, name, known in (("rule", rule, RULES), ("calibration", calibrate, CALIBRATORS)):
        if name not in known:
            raise ParameterError(f"no {what} is called {name!r}; there are: {', '.join(known)}")
    if rule in NEED_PROBABILITIES and calibrate == "none":
        raise ParameterError(f"{rule} needs probabilities: calibrate by both, platt or isotonic")
