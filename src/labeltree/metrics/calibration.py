"""Calibration: scores that say how often a label is right, fitted on validation.

A calibrated score p of a ranked label means: of all ranked (document, label) pairs with about this
score, a share p is true. A label that is not ranked has no score and counts as below all others;
what a beam never reached cannot be calibrated back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression, minimize
from scipy.special import expit

from labeltree.core.arrays import CSR, Doubles, Ints, Longs
from labeltree.core.errors import DataError
from labeltree.core.labels import Labels
from labeltree.core.scores import rescored
from labeltree.core.store import storable
from labeltree.metrics.ranking import aligned, locate

LEAST_POSITIVES = 1000
"""True pairs that a level needs for an isotonic curve of its own; with fewer it fits noise."""
PRIOR = 10.0
"""Weight of the pooled coefficients in a level's own."""
LOWEST_SLOPE = 0.05
"""More score never means less probability."""
LOWEST, HIGHEST = -5.0, 16.0
"""Log odds of scores are cut there: lower scores say no more, single precision ends at 16."""


@storable
@dataclass(frozen=True, eq=False)
class Platt:
    """A sigmoid on the log odds of the score: p = 1 / (1 + exp(-(slope_l x + intercept_l)))."""

    slope: Doubles
    """One a label, above 0, (n_labels,)."""
    intercept: Doubles
    """One a label, (n_labels,)."""
    fitted_on: str
    """The data it was fitted on; never test data."""

    def calibrate(self, S: CSR) -> CSR:
        """Return scores (n_samples, n_labels) that are probabilities; ranks may change."""
        _check_width(S, len(self.slope))
        z = self.slope[S.indices] * log_odds(S.data) + self.intercept[S.indices]
        return rescored(S, expit(z))

    def __str__(self) -> str:
        return "Platt"


@storable
@dataclass(frozen=True, eq=False)
class Isotonic:
    """A rising curve through (log odds of the score, probability), one a level."""

    curve: Ints
    """Curve of each label, (n_labels,)."""
    ptr: Longs
    """Knots of curve c are `x[ptr[c]:ptr[c + 1]]`, (n_curves + 1,)."""
    x: Doubles
    """Log odds of the score at each knot, ascending within a curve, (n_knots,)."""
    y: Doubles
    """Probability at each knot, ascending within a curve, (n_knots,)."""
    fitted_on: str
    """The data it was fitted on; never test data."""

    def calibrate(self, S: CSR) -> CSR:
        """Return scores (n_samples, n_labels) that are probabilities; ranks may change."""
        _check_width(S, len(self.curve))
        x, curve = log_odds(S.data), self.curve[S.indices]
        p = np.empty(S.nnz)
        for c in range(len(self.ptr) - 1):
            at, knots = curve == c, slice(self.ptr[c], self.ptr[c + 1])
            p[at] = np.interp(x[at], self.x[knots], self.y[knots])
        return rescored(S, p)

    def __str__(self) -> str:
        return "isotonic"


@storable
@dataclass(frozen=True, eq=False)
class PlattIsotonic:
    """Platt's sigmoid, then rising curves through what it gives."""

    platt: Platt
    """Follows level and training count of a label."""
    isotonic: Isotonic
    """Mends the shape of the sigmoid, level by level."""

    def calibrate(self, S: CSR) -> CSR:
        """Return scores (n_samples, n_labels) that are probabilities; ranks may change."""
        return self.isotonic.calibrate(self.platt.calibrate(S))

    def __str__(self) -> str:
        return f"{self.platt} and {self.isotonic}"


Calibrator = Platt | Isotonic | PlattIsotonic


def fit_platt(Y: CSR, S: CSR, labels: Labels, fitted_on: str) -> Platt:
    """Fit a sigmoid whose slope and intercept follow the label's level and training count.

    Slope and intercept are each linear in log(1 + training documents of the label): a score of a
    rare label means something else than the same score of a frequent one. One logistic regression
    with Platt's targets (Platt, "Probabilistic Outputs for Support Vector Machines", 1999) on all
    ranked pairs, then one a level, held to the pooled coefficients by a ridge.
    Where nothing is ranked the scores stay as they are.
    """
    S, true = _pairs(Y, S)
    _check_width(S, len(labels))
    level, count = levels(labels), np.log1p(labels.counts)
    x, c = log_odds(S.data), count[S.indices]
    design = np.stack([np.ones_like(x), x, c, c * x], axis=1)
    whole = _logistic(design, true, np.array([0.0, 1.0, 0.0, 0.0]), 1e-3)
    own = np.tile(whole, (int(level.max(initial=0)) + 1, 1))
    for d in np.unique(level):
        at = level[S.indices] == d
        if 0 < true[at].sum() < at.sum():
            own[d] = _logistic(design[at], true[at], whole, PRIOR)
    a0, a1, b0, b1 = own[level].T
    slope = np.maximum(a1 + b1 * count, LOWEST_SLOPE)
    return Platt(slope, a0 + b0 * count, fitted_on)


def fit_isotonic(Y: CSR, S: CSR, labels: Labels, fitted_on: str) -> Isotonic:
    """Fit a rising curve a level, one for all levels with too few true pairs.

    Pool adjacent violators; between the centres of the pools the curve is linear, so that it
    rises strictly (centred isotonic regression: Oron and Flournoy 2017).

    Raises
    ------
    DataError
        If shapes disagree, or nothing is ranked.
    """
    S, true = _pairs(Y, S)
    _check_width(S, len(labels))
    if not S.nnz:
        raise DataError("Nothing is ranked: there is nothing to calibrate on.")
    level, x = levels(labels), log_odds(S.data)
    of_pair = level[S.indices]
    curve, knots = np.zeros(len(labels), np.int32), [_rising(x, true)]
    for d in np.unique(level):
        at = of_pair == d
        if true[at].sum() >= LEAST_POSITIVES and not at.all():
            curve[level == d] = len(knots)
            knots.append(_rising(x[at], true[at]))
    ptr = np.cumsum([0, *(len(kx) for kx, _ in knots)], dtype=np.int64)
    kx, ky = (np.concatenate(part) for part in zip(*knots, strict=True))
    return Isotonic(curve, ptr, kx, ky, fitted_on)


def fit_platt_isotonic(Y: CSR, S: CSR, labels: Labels, fitted_on: str) -> PlattIsotonic:
    """Fit `Platt`, then `Isotonic` on its scores.

    Raises
    ------
    DataError
        If shapes disagree, or nothing is ranked.
    """
    platt = fit_platt(Y, S, labels, fitted_on)
    return PlattIsotonic(platt, fit_isotonic(Y, platt.calibrate(S), labels, fitted_on))


def levels(labels: Labels) -> Ints:
    """Return the level of each label's node, (n_labels,); all 0 without a hierarchy."""
    found = np.zeros(len(labels), np.int32)
    if labels.hierarchy is not None:
        nodes = labels.hierarchy.node_of_label
        found[: len(nodes)] = labels.hierarchy.level[nodes]
    return found


def log_odds(scores: Doubles) -> Doubles:
    """Return log(s / (1 - s)) of scores in (0, 1], kept within bounds."""
    s = np.asarray(scores, np.float64)
    with np.errstate(divide="ignore"):
        return np.asarray(np.clip(np.log(s) - np.log1p(-s), LOWEST, HIGHEST))


def _logistic(X: Doubles, true: Longs, prior: Doubles, ridge: float) -> Doubles:
    """Return the coefficients (n_features,) of a logistic regression drawn to `prior`."""
    n_true = true.sum()
    high, low = (n_true + 1) / (n_true + 2), 1 / (len(true) - n_true + 2)
    target = np.where(true > 0, high, low)  # Platt's: keeps separable data finite

    def loss(w: Doubles) -> tuple[float, Doubles]:
        z, away = X @ w, w - prior
        value = np.logaddexp(0, z).sum() - target @ z + ridge / 2 * away @ away
        return value, (expit(z) - target) @ X + ridge * away

    def curvature(w: Doubles) -> Doubles:
        p = expit(X @ w)
        return np.asarray((X.T * (p * (1 - p))) @ X + ridge * np.eye(X.shape[1]))

    found = minimize(loss, prior, jac=True, hess=curvature, method="trust-exact", tol=1e-6)
    return np.asarray(found.x)


def _rising(x: Doubles, true: Longs) -> tuple[Doubles, Doubles]:
    """Return the knots (x, y) of a centred isotonic regression, one a pool."""
    places, at, size = np.unique(x, return_inverse=True, return_counts=True)
    mean = np.bincount(at, true) / size
    found = isotonic_regression(mean, weights=size)
    pool = np.repeat(np.arange(len(found.blocks) - 1), np.diff(found.blocks))
    centre = np.bincount(pool, places * size) / np.bincount(pool, size)
    return centre, found.x[found.blocks[:-1]]


def _pairs(Y: CSR, S: CSR) -> tuple[CSR, Longs]:
    """Return canonical scores, and 1 for each true stored pair."""
    Y, S = aligned(Y, S)
    at = locate(Y, S)
    true = np.zeros(S.nnz, np.int64)
    true[at[at >= 0]] = 1
    return S, true


def _check_width(S: CSR, n_labels: int) -> None:
    if S.shape[1] != n_labels:
        raise DataError(f"Scores have {S.shape[1]} columns, there are {n_labels} labels.")
