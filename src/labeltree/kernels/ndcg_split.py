"""The split of a FastXML node: two groups of documents whose label rankings serve them best.

Prabhu, Varma, "FastXML: a fast, accurate and stable tree-classifier for extreme multi-label
learning" (KDD 2014), algorithm 3. Alternately, each side gets the ranking of all labels that
maximises its nDCG, and each document the side whose ranking serves it better. The sum of the
documents' nDCG never falls.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from labeltree.kernels.compile import kernel
from labeltree.kernels.random import advanced, mixed
from labeltree.kernels.sparse import Rows
from labeltree.kernels.types import F64, I8

ENOUGH = 1e-6
"""The rounds end when the mean nDCG gains less."""


class Sides(NamedTuple):
    """Where the rounds ended."""

    sign: I8
    """1 or -1 for each document."""
    ndcg: float
    """Mean over the documents, of the rankings before `sign` last moved."""
    n_rounds: int


@kernel
def coin_flips(n: int, state: np.uint64) -> tuple[I8, np.uint64]:
    """Return n fair signs, and the random state."""
    sign = np.empty(n, np.int8)
    for i in range(n):
        state = advanced(state)
        sign[i] = 1 if mixed(state) >> np.uint64(63) else -1
    return sign, state


@kernel
def discounts(n: int, cutoff: int) -> F64:
    """Return 1 / log2(rank + 2) for ranks 0 to n - 1; 0 from the cut-off on."""
    discount = np.zeros(n)
    for rank in range(min(n, cutoff)):
        discount[rank] = 1 / np.log2(rank + 2.0)
    return discount


@kernel
def normalisers(Y: Rows, discount: F64, ideal: bool) -> F64:
    """Return I(y), 1 / the sum of discounts, of each document.

    With `ideal` the sum is that of its best ranking, else of a ranking that is right everywhere.
    """
    n = len(Y.indptr) - 1
    total = np.cumsum(discount)
    out = np.ones(n)
    for i in range(n):
        n_labels = Y.indptr[i + 1] - Y.indptr[i] if ideal else len(discount)
        if n_labels:
            out[i] = 1 / total[n_labels - 1]
    return out


@kernel
def side_ranking(Y: Rows, weight: F64, sign: I8, side: int, discount: F64) -> tuple[F64, float]:
    """Rank all labels by their weighted counts among one side's documents.

    Returns
    -------
    The discount of each label's rank, and the sum of discount times count: the side's nDCG.
    """
    count = np.zeros(len(discount))
    for i in range(len(sign)):
        if sign[i] == side:
            for j in range(Y.indptr[i], Y.indptr[i + 1]):
                count[Y.indices[j]] += weight[i] * Y.data[j]
    order = np.argsort(-count, kind="mergesort")  # stable: the lower label first on a tie
    of_label = np.empty(len(discount))
    of_label[order] = discount
    return of_label, float((of_label * count).sum())


@kernel
def ndcg_split(Y: Rows, start: I8, discount: F64, ideal: bool) -> Sides:
    """Split documents.

    Parameters
    ----------
    Y
        Relevance (1, or 1 / propensity) of the labels of each document; labels are numbered as
        they occur here.
    start
        The sides to begin with, (n_documents,).
    discount
        See `discounts`, (n_labels,).
    ideal
        Whether gains are divided by those of the document's best ranking.
    """
    sign, n = start.copy(), len(start)
    weight = normalisers(Y, discount, ideal)
    before, n_rounds = 0.0, 0
    while True:
        plus, gain_plus = side_ranking(Y, weight, sign, 1, discount)
        minus, gain_minus = side_ranking(Y, weight, sign, -1, discount)
        now = (gain_plus + gain_minus) / n
        for i in range(n):
            ahead = 0.0
            for j in range(Y.indptr[i], Y.indptr[i + 1]):
                ahead += Y.data[j] * (plus[Y.indices[j]] - minus[Y.indices[j]])
            if ahead != 0:
                sign[i] = 1 if ahead > 0 else -1
        n_rounds += 1
        if now - before < ENOUGH:
            return Sides(sign, now, n_rounds)
        before = now
