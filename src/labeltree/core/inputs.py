"""What models are given, checked and brought to one form."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from labeltree.core.arrays import CSR, Ints, as_binary, as_csr
from labeltree.core.dataset import Inputs
from labeltree.core.errors import DataError, ParameterError
from labeltree.core.labels import Labels
from labeltree.core.params import is_whole

logger = logging.getLogger(__name__)


def check_k(k: int) -> None:
    """Raise `ParameterError` unless k is a number of labels that can be asked for."""
    if not is_whole(k) or k < 1:
        raise ParameterError(f"k must be a whole number of 1 or more, found {k!r}.")


def checked_training(X: Any, Y: Any, labels: Labels | None) -> tuple[CSR, CSR, Labels]:
    """Return features, truth and labels ready for training.

    Raises
    ------
    DataError
        If shapes disagree, a value is not finite, or no document has a label.
    """
    X = checked_features(X)
    return X, *checked_truth(X.shape[0], Y, labels)


def checked_truth(n_samples: int, Y: Any, labels: Labels | None) -> tuple[CSR, Labels]:
    """Return truth (n_samples, n_labels) and labels ready for training; see `checked_training`."""
    Y = as_binary(Y, "Y")
    if n_samples != Y.shape[0]:
        raise DataError(f"X has {n_samples} rows but Y has {Y.shape[0]}.")
    if not Y.nnz:
        raise DataError("No document has a label.", "Training needs positives.")
    labels = labels or Labels.numbered(Y.shape[1])
    if len(labels) != Y.shape[1]:
        raise DataError(f"Y has {Y.shape[1]} columns but there are {len(labels)} labels.")
    unlabelled = int((np.diff(Y.indptr) == 0).sum())
    if unlabelled:
        logger.info("%d of %d documents have no label", unlabelled, Y.shape[0])
    return Y, labels.counted(Y)


def checked_texts(X: Any) -> list[str]:
    """Return the texts of X.

    Raises
    ------
    DataError
        If X is a matrix, a single text, or holds something that is no text.
    """
    if isinstance(X, Inputs):
        X = X.texts
    if isinstance(X, str):
        raise DataError("X is one text.", "Pass a list: model.predict([text]).")
    if getattr(X, "ndim", 1) != 1:
        raise DataError("The model takes texts, X is a matrix.", "Pass a list of strings.")
    if not isinstance(X, Iterable):
        raise DataError(f"X is no list of texts but {X!r:.60}.", "Pass a list of strings.")
    texts = list(X)
    wrong = next((i for i, text in enumerate(texts) if not isinstance(text, str)), None)
    if wrong is not None:
        kind = type(texts[wrong]).__name__
        raise DataError(f"Text {wrong} is no string but of type {kind}.", 'Use "" for none.')
    return texts


def checked_growth(X: CSR, Y: Any, before: Labels, labels: Labels | None) -> tuple[CSR, Labels]:
    """Return truth and labels of new documents, ready for an update.

    Raises
    ------
    DataError
        If shapes disagree, or the first labels are not the model's.
    """
    Y = as_binary(Y, "Y")
    if X.shape[0] != Y.shape[0]:
        raise DataError(f"X has {X.shape[0]} rows but Y has {Y.shape[0]}.")
    after = before if labels is None else labels
    if len(after) != Y.shape[1]:
        raise DataError(f"Y has {Y.shape[1]} columns but there are {len(after)} labels.")
    if after.ids[: len(before)] != before.ids:
        raise DataError(
            f"The first {len(before)} labels are not those of the model.",
            "Read the documents with the model's labels.",
        )
    return Y, after


def checked_features(X: Any, n_features: int | None = None) -> CSR:
    """Return X as CSR float32.

    Raises
    ------
    DataError
        If X is texts, holds NaN, or has another number of features than in training.
    """
    if isinstance(X, Inputs):
        X = X.features
    if _is_text(X):
        raise DataError(
            "The model takes features, X is texts.",
            "Put a vectoriser before it: Pipeline(model=...).",
        )
    csr = as_csr(X, "X")
    if n_features is not None and csr.shape[1] != n_features:
        raise DataError(
            f"X has {csr.shape[1]} features, the model was trained on {n_features}.",
            "Use the vectoriser of the training run.",
        )
    return csr


def seen_place(seen: Ints, column: int) -> int:
    """Return where a label stands among those that have training documents.

    Parameters
    ----------
    seen
        Their columns, ascending.

    Raises
    ------
    DataError
        If it is none of them.
    """
    at = int(np.searchsorted(seen, column))
    if at == len(seen) or seen[at] != column:
        raise DataError(f"Label {column} has no training documents: the model does not score it.")
    return at


def _is_text(X: Any) -> bool:
    """Whether X is a text, or a sequence, array or column of texts."""
    if isinstance(X, str):
        return True
    one_way = isinstance(X, Sequence) or getattr(X, "ndim", 0) == 1
    return one_way and isinstance(next(iter(X), None), str)
