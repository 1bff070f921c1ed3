"""Rules that look at a document's whole ranking: so many labels, or the set that is worth most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labeltree.core.arrays import CSR, Doubles, row_of_entry
from labeltree.core.errors import ParameterError
from labeltree.core.scores import best, ranked, top_k
from labeltree.core.store import storable
from labeltree.metrics.decisions import f1_of, macro_f1
from labeltree.metrics.ranking import aligned, match, select

DEPTH = 100
"""Ranks that expected F1 looks at; what lies below adds nothing to speak of."""
BLOCK = 512
"""Documents held as dense (documents, ranks) arrays at a time."""
STEPS = 20
"""Frank-Wolfe steps of `fit_macro_at_k`."""


@storable
@dataclass(frozen=True)
class RCut:
    """The first t labels of each document."""

    t: int
    """Labels a document."""
    rule: str
    """How t was chosen."""
    fitted_on: str
    """The data it was chosen on; never test data."""

    def decide(self, S: CSR) -> CSR:
        """Return 1 at the first t ranks, (n_samples, n_labels)."""
        return _ones(best(S, self.t))

    def __str__(self) -> str:
        return f"the first {self.t} labels ({self.rule})"


@storable
@dataclass(frozen=True)
class ExpectedF1:
    """The set with the highest expected F1, if the scores are probabilities.

    Labels count as independent given the document. The best set of each size is the head of the
    ranking; the expected F1 of every head is exact, by the recursion of Ye, Chai, Lee and Chieu,
    "Optimizing F-measures: A Tale of Two Approaches" (ICML 2012), algorithm 1, with beta = 1.
    """

    rule: str
    """What it is called."""
    fitted_on: str
    """The data that calibrated the scores; never test data."""

    def decide(self, S: CSR) -> CSR:
        """Return 1 for each label of the best head, (n_samples, n_labels); one label at least."""
        sizes = np.zeros(S.shape[0], np.int64)
        for start in range(0, S.shape[0], BLOCK):
            part = S[start : start + BLOCK]
            depth = int(min(DEPTH, np.diff(part.indptr).max(initial=0)))
            if depth:
                values = top_k(part, depth)[1].astype(np.float64)
                sizes[start : start + BLOCK] = expected_f1(values).argmax(axis=1) + 1
        entry, ptr = ranked(S)
        rank = np.empty(S.nnz, np.int64)
        rank[entry] = np.arange(S.nnz) - np.repeat(ptr[:-1], np.diff(ptr))
        return _ones(select(S, S.data, rank < sizes[row_of_entry(S)]))

    def __str__(self) -> str:
        return "the set with the best expected F1"


@storable
@dataclass(frozen=True, eq=False)
class MacroAtK:
    """At most k labels a document, chosen for macro-F1.

    A label's gain on a document is weight_l (2 p - f_l), where p is the calibrated score, f_l the
    F1 the rule expects of that label, and weight_l one over its decided and true documents: the
    gradient of macro-F1. The k highest positive gains are decided.
    """

    k: int
    """Most labels a document may get."""
    f1: Doubles
    """F1 expected of each label, (n_labels,)."""
    weight: Doubles
    """One over its decided and true documents, (n_labels,); 0 for labels never ranked."""
    rule: str
    """What it is called."""
    fitted_on: str
    """The data it was fitted on; never test data."""

    def decide(self, S: CSR) -> CSR:
        """Return 1 for the k highest positive gains, (n_samples, n_labels)."""
        gain = self.weight[S.indices] * (2.0 * S.data - self.f1[S.indices])
        return _ones(best(select(S, gain, gain > 0), self.k))

    def __str__(self) -> str:
        return f"at most {self.k} labels, for macro-F1"


def fit_rcut(Y: CSR, S: CSR, fitted_on: str) -> RCut:
    """Choose the t with the best micro-F1 on validation; of equals the lowest."""
    Y, S = aligned(Y, S)
    n_ranked = np.diff(S.indptr)
    depth = max(1, int(n_ranked.max(initial=0)))
    right = np.cumsum(np.bincount(match(Y, S).rank, minlength=depth))
    deep_enough = np.bincount(n_ranked, minlength=depth + 1)[::-1].cumsum()[::-1]
    f1 = f1_of(right, Y.nnz, np.cumsum(deep_enough[1:]))
    return RCut(int(np.argmax(f1)) + 1, "best micro-F1", fitted_on)


def fit_macro_at_k(Y: CSR, S: CSR, fitted_on: str, *, k: int | None = None) -> MacroAtK:
    """Fit the gains of `MacroAtK` by Frank-Wolfe on validation.

    Schultheis et al., "Consistent algorithms for multi-label classification with macro-at-k
    metrics" (ICLR 2024): each step decides by the gradient at the expected confusion matrix so
    far and moves the matrix there. Theirs ends with a random mixture of the steps; here the step
    with the best macro-F1 on validation stands, so that a document always gets the same answer.

    Parameters
    ----------
    S
        Calibrated scores.
    k
        Most labels a document may get; None: enough for 95 % of the documents.

    Raises
    ------
    ParameterError
        If k is below 1.
    """
    Y, S = aligned(Y, S)
    if k is None:
        k = max(1, int(np.ceil(np.quantile(np.diff(Y.indptr), 0.95)))) if Y.shape[0] else 1
    if k < 1:
        raise ParameterError(f"k must be 1 or more, found {k}.")
    n = S.shape[1]
    expected: Doubles = np.bincount(S.indices, S.data, minlength=n).astype(np.float64)
    right, decided = expected.copy(), expected.copy()
    found, reached = None, -1.0
    for step in range(STEPS):
        total = decided + expected
        seen = total > 0
        weight = np.divide(1.0, total, out=np.zeros(n), where=seen)
        rule = MacroAtK(k, 2 * right * weight, weight, f"macro-F1 at {k}", fitted_on)
        D = rule.decide(S)
        if (f1 := macro_f1(Y, D)) > reached:
            found, reached = rule, f1
        p = D.multiply(S).tocsr()
        pace = 2 / (step + 2)
        right += pace * (np.bincount(p.indices, p.data, minlength=n) - right)
        decided += pace * (np.bincount(D.indices, minlength=n) - decided)
    assert found is not None
    return found


def expected_f1(p: Doubles) -> Doubles:
    """Return the expected F1 of the first 1..m labels, exactly, (n_samples, m).

    E F1(k) = sum over i of P(i of the first k are true) 2 i s_k(k + i), where s_k(a) is the
    expectation of 1 / (a + true labels beyond the first k) and

        s_{k-1}(a) = p_k s_k(a + 1) + (1 - p_k) s_k(a),  s_m(a) = 1 / a.

    Parameters
    ----------
    p
        Probabilities of independent labels, by rank, (n_samples, m).
    """
    n, m = p.shape
    count = np.zeros((m + 1, n, m + 1))  # count[k, :, i] = P(i of the first k are true)
    count[0, :, 0] = 1
    for k in range(m):
        q = p[:, k, None]
        count[k + 1] = (1 - q) * count[k]
        count[k + 1, :, 1:] += q * count[k, :, :-1]
    s = np.tile(1.0 / np.maximum(np.arange(2 * m + 1), 1), (n, 1))
    value = np.empty((n, m))
    for k in range(m, 0, -1):
        i = np.arange(k + 1)
        value[:, k - 1] = (count[k, :, : k + 1] * 2 * i * s[:, k + i]).sum(axis=1)
        q = p[:, k - 1, None]
        s = q * s[:, 1:] + (1 - q) * s[:, :-1]
    return value


def _ones(S: CSR) -> CSR:
    return select(S, np.ones(S.nnz, np.float32), np.ones(S.nnz, np.bool_))
