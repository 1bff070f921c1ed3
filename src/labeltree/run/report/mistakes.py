"""What goes wrong: labels taken for others, and the documents with the worst answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from labeltree.core.arrays import CSR, Bools, Doubles, Ints, Longs, entries_of, row_of_entry
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.scores import top_k
from labeltree.metrics.ranking import locate, select

BLOCK = 1 << 20
"""Pairs of (wrong, missed) labels held in memory at a time."""
SHOWN_LABELS = 8
"""True labels shown of a document."""
SNIPPET = 300
"""Characters shown of a text."""


@dataclass(frozen=True)
class Confusion:
    """A label that was decided where another one was true and missed."""

    decided: int
    """Column of the wrong label."""
    missed: int
    """Column of the true label."""
    n_documents: int
    relation: str
    """Where the wrong label stands, seen from the true one; empty without a hierarchy."""


@dataclass(frozen=True)
class Case:
    """One document with its first answers and its true labels."""

    row: int
    text: str
    """Its beginning; empty where the data holds features only."""
    answers: list[tuple[int, float, bool]]
    """(column, score, whether it is true), best first."""
    truth: list[tuple[int, float | None]]
    """(column, score or None where it was not ranked), best first."""
    n_true: int


def confusions(Y: CSR, decided: CSR, hierarchy: Hierarchy | None, n_shown: int) -> list[Confusion]:
    """Return the most frequent pairs of a wrongly decided and a missed label in one document.

    A document with several of both counts for each pair of them.

    Parameters
    ----------
    Y, decided
        Binary truth (n_samples, n_true_labels) and decisions (n_samples, n_labels).
    """
    missed = select(Y, Y.data, locate(Y, decided) < 0)
    wrong = select(decided, decided.data, locate(decided, Y) < 0)
    row, width = row_of_entry(wrong), max(1, Y.shape[1])
    found, times = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for first, stop in _blocks(np.diff(missed.indptr)[row]):
        which, label = entries_of(missed, row[first:stop])
        keys = wrong.indices[first:stop][which].astype(np.int64) * width + label
        found, times = _added(found, times, keys)
    order = np.lexsort((found, -times))[:n_shown]
    pairs = zip(*(x.tolist() for x in (*np.divmod(found[order], width), times[order])), strict=True)
    return [Confusion(a, b, n, relation(hierarchy, a, b)) for a, b, n in pairs]


def relation(hierarchy: Hierarchy | None, decided: int, true: int) -> str:
    """Return where a wrong label stands: broader, narrower, sibling, same or other branch."""
    if hierarchy is None:
        return ""
    if max(decided, true) >= hierarchy.n_labels:
        return "outside"
    a, b = hierarchy.node_of_label[[decided, true]].tolist()
    parents = [_entries(hierarchy.parent_ptr, hierarchy.parent_idx, v) - {0} for v in (a, b)]
    above = [_entries(hierarchy.ancestors.indptr, hierarchy.ancestors.indices, v) for v in (a, b)]
    if a in above[1]:
        return "broader"
    if b in above[0]:
        return "narrower"
    if parents[0] & parents[1]:
        return "sibling"
    return "same branch" if above[0] & above[1] - {0} else "other branch"


def confident_mistakes(Y: CSR, S: CSR, texts: Sequence[str] | None, n_shown: int) -> list[Case]:
    """Return the documents whose highest-scored wrong answer scores highest."""
    row, best = np.arange(Y.shape[0]), _highest(S, ~_true(Y, S))
    rows = row[np.lexsort((row, -best))]
    return _cases(Y, S, texts, rows[best[rows] > 0][:n_shown])


def overlooked(Y: CSR, S: CSR, texts: Sequence[str] | None, n_shown: int) -> list[Case]:
    """Return labelled documents whose best-scored true label scores lowest.

    Where no true label was ranked at all, the surest wrong answers come first.
    """
    true = _true(Y, S)
    found, wrong = _highest(S, true), _highest(S, ~true)
    row = np.arange(Y.shape[0])
    rows = row[np.lexsort((row, -wrong, found))]
    return _cases(Y, S, texts, rows[np.diff(Y.indptr)[rows] > 0][:n_shown])


def _true(Y: CSR, S: CSR) -> Bools:
    """Return whether each stored score belongs to a true label, (nnz,)."""
    return np.asarray(locate(S, Y) >= 0)


def _highest(S: CSR, among: Bools) -> Doubles:
    """Return the highest of some scores of each document, (n_samples,), 0 without one."""
    best = np.zeros(S.shape[0])
    np.maximum.at(best, row_of_entry(S)[among], S.data[among].astype(np.float64))
    return best


def _cases(Y: CSR, S: CSR, texts: Sequence[str] | None, rows: Longs) -> list[Case]:
    labels, values = top_k(csr_array(S[rows]), 3)
    cases = []
    for i, row in enumerate(rows.tolist()):
        true = _entries(Y.indptr, Y.indices, row)
        start, stop = S.indptr[row : row + 2]
        score = dict(zip(S.indices[start:stop].tolist(), S.data[start:stop].tolist(), strict=True))
        pairs = zip(labels[i].tolist(), values[i].tolist(), strict=True)
        answers = [(c, v, c in true) for c, v in pairs if c >= 0]
        truth = sorted(((c, score.get(c)) for c in true), key=lambda t: (-(t[1] or 0), t[0]))
        text = "" if texts is None else " ".join(texts[row][: 4 * SNIPPET].split())
        text = text if len(text) <= SNIPPET else text[:SNIPPET].rstrip() + " …"
        cases.append(Case(row, text, answers, truth[:SHOWN_LABELS], len(true)))
    return cases


def _entries(indptr: Longs | Ints, indices: Longs | Ints, row: int) -> set[int]:
    return set(indices[indptr[row] : indptr[row + 1]].tolist())


def _added(found: Longs, times: Longs, keys: Longs) -> tuple[Longs, Longs]:
    """Return ascending distinct keys and how often each occurred, with more occurrences added."""
    more, counts = np.unique(keys, return_counts=True)
    both, at = np.unique(np.concatenate((found, more)), return_inverse=True)
    sums = np.bincount(at, np.concatenate((times, counts)), len(both))
    return both, sums.astype(np.int64)


def _blocks(sizes: Longs) -> list[tuple[int, int]]:
    """Cut entries into (first, stop) runs whose sizes add up to about BLOCK each."""
    total = np.cumsum(sizes)
    steps = np.arange(BLOCK, int(total[-1]) if len(total) else 0, BLOCK)
    cuts = np.unique(np.concatenate(([0], np.searchsorted(total, steps), [len(sizes)])))
    return list(zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True))
