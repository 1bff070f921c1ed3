"""Answer the parent when unsure: one label a document, as deep as a stated coverage allows.

From the most specific candidate the answer backs off along its ancestors until the score exceeds
tau; above the last of them there is "no answer", which is never wrong. A wrong answer stays wrong
for every lower tau, so split conformal prediction gives a tau for any wanted coverage (Vovk,
Gammerman and Shafer, "Algorithmic Learning in a Random World", 2005; monotone losses: Angelopoulos
et al., "Conformal Risk Control", ICLR 2024): for documents like those of validation, the share of
right answers is at least what was asked for. An answer is right if true or above a true label.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from labeltree.core.arrays import CSR, Bools, Floats, Ints, Longs, binarised_product, ranges
from labeltree.core.errors import DataError, ParameterError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.core.scores import ranked, with_ancestors
from labeltree.core.store import storable
from labeltree.metrics.ranking import aligned, as_scores, keys, position_in
from labeltree.metrics.specific import specific_scores

NOWHERE = np.float32(np.inf)
"""tau where no label is sure enough: nothing is answered."""


@dataclass(frozen=True, eq=False)
class Paths:
    """For each document its best most-specific candidate and that one's ancestors."""

    label: Ints
    """Labels from the most specific upwards, -1 beyond the top, (n_samples, depth)."""
    score: Floats
    """Their scores, not falling upwards, (n_samples, depth); 0 beyond the top."""


@storable
@dataclass(frozen=True, eq=False)
class SafeAnswers:
    """What validation tells about wrong answers: gives tau for any coverage."""

    errors: Floats
    """For each validation document the highest score of a wrong answer on its path, 0 if none
    is wrong; ascending, (n_documents,)."""
    fitted_on: str
    """The data it was fitted on; never test data."""

    def tau(self, coverage: float) -> float:
        """Return the score that an answer must exceed.

        The ceil((n + 1) coverage)-th smallest of the n errors; infinite if there are fewer.

        Raises
        ------
        ParameterError
            If coverage is not between 0 and 1.
        """
        if not 0 < coverage < 1:
            raise ParameterError(f"coverage must be between 0 and 1, found {coverage}.")
        # Rounded first: 0.9 * 10 is a little more than 9.
        nth = int(np.ceil(round((len(self.errors) + 1) * coverage, 9)))
        return float(self.errors[nth - 1] if nth <= len(self.errors) else NOWHERE)

    def answer(self, S: CSR, labels: Labels, coverage: float) -> CSR:
        """Return one answer a document at most, with its score, (n_samples, n_labels)."""
        path = paths(S, labels)
        return answers(path, self.tau(coverage), S.shape[1])


def fit_safe_answers(Y: CSR, S: CSR, labels: Labels, fitted_on: str) -> SafeAnswers:
    """Collect the errors of the paths on validation.

    Parameters
    ----------
    Y
        Truth, (n_samples, n_true_labels); ancestors are added here.
    S
        Scores, (n_samples, n_labels), made as those that will be answered from.
    """
    Y, S = aligned(Y, S)
    path = paths(S, labels)
    wrong = (path.label >= 0) & ~is_right(Y, path, labels)
    errors = np.where(wrong, path.score, np.float32(0)).max(axis=1, initial=0)
    return SafeAnswers(np.sort(errors.astype(np.float32)), fitted_on)


def paths(S: CSR, labels: Labels) -> Paths:
    """Follow each document's best most-specific candidate to the top.

    The candidate is the first by `specific_scores`; of several parents the one that the model
    itself scored highest comes next. Ancestors score at least as much as what is below them.
    """
    S = as_scores(S)
    hierarchy = labels.hierarchy
    if hierarchy is None:
        entry, ptr = ranked(S)
        label, score = _first(S, entry, ptr)
        return Paths(label[:, None], score[:, None])
    if hierarchy.n_labels != S.shape[1]:
        raise DataError(f"Scores have {S.shape[1]} columns, the hierarchy {hierarchy.n_labels}.")
    closed = with_ancestors(S, hierarchy)
    specific = specific_scores(closed, hierarchy, labels.specific_share)
    empty = np.diff(specific.indptr) == 0
    label, _ = _first(specific, *ranked(specific))
    label = np.where(empty, _first(closed, *ranked(closed))[0], label)
    return _upwards(S, closed, label.astype(np.int32), _parents(hierarchy))


def is_right(Y: CSR, path: Paths, labels: Labels) -> Bools:
    """Return whether each answer of the paths is true or has a true label below it."""
    if labels.hierarchy is not None:
        Y = labels.hierarchy.close(csr_array(Y[:, : labels.hierarchy.n_labels]))
    row = np.arange(Y.shape[0])[:, None]
    wanted = np.where(path.label >= 0, row * Y.shape[1] + path.label, -1)
    found = position_in(keys(Y, Y.shape[1]), wanted.ravel()) >= 0
    return np.asarray(found.reshape(wanted.shape))


def answers(path: Paths, tau: float, n_labels: int) -> CSR:
    """Return the deepest label of each path whose score exceeds tau, with its score."""
    sure = (path.label >= 0) & (path.score > tau)
    at = sure.argmax(axis=1)
    row = np.flatnonzero(sure.any(axis=1))
    label, score = path.label[row, at[row]], path.score[row, at[row]]
    return csr_array((score, (row, label)), shape=(len(path.label), n_labels))


def _upwards(S: CSR, closed: CSR, label: Ints, parents: tuple[Longs, Ints]) -> Paths:
    """Return the paths from `label` (n_samples,) by the best parents in S, scored in `closed`."""
    width = closed.shape[1]
    stored, own, row = keys(closed, width), keys(S, width), np.arange(len(label))
    labels, scores = [], []
    while (label >= 0).any():
        at = position_in(stored, np.where(label >= 0, row * width + label, -1))
        score = np.where(at >= 0, closed.data[np.maximum(at, 0)], np.float32(0))
        labels.append(label)
        scores.append(score)
        label = _best_parent(S.data, own, label, width, parents)
    if not labels:
        return Paths(label[:, None], np.zeros((len(label), 1), np.float32))
    return Paths(np.stack(labels, axis=1), np.stack(scores, axis=1))


def _best_parent(
    data: Floats, stored: Longs, label: Ints, width: int, parents: tuple[Longs, Ints]
) -> Ints:
    """Return for each document the highest scored parent of its label, -1 at the top."""
    ptr, idx = parents
    known = np.maximum(label, 0)
    count = np.where(label >= 0, ptr[known + 1] - ptr[known], 0)
    row = np.repeat(np.arange(len(label)), count)
    parent = idx[ranges(ptr[known], count)]
    at = position_in(stored, row * width + parent)
    score = np.zeros(len(at), np.float32)
    score[at >= 0] = data[at[at >= 0]]
    order = np.lexsort((parent, -score, row))
    first = np.unique(row[order], return_index=True)[1]
    found = np.full(len(label), -1, np.int32)
    found[row[order][first]] = parent[order][first]
    return found


def _parents(hierarchy: Hierarchy) -> tuple[Longs, Ints]:
    """Return (ptr, idx) of each label's nearest ancestors that are labels."""
    above = hierarchy.label_ancestors
    nearest = csr_array(above - above.multiply(binarised_product(above, above)))
    nearest.eliminate_zeros()
    nearest.sort_indices()
    return nearest.indptr.astype(np.int64), nearest.indices.astype(np.int32)


def _first(S: CSR, entry: Ints, ptr: Ints) -> tuple[Ints, Floats]:
    """Return the first label and score of each row, -1 and 0 for empty rows."""
    full = np.diff(ptr) > 0
    label, score = np.full(S.shape[0], -1, np.int32), np.zeros(S.shape[0], np.float32)
    at = entry[ptr[:-1][full]]
    label[full], score[full] = S.indices[at], S.data[at]
    return label, score
