"""What explanations start from: a model, one document, and what the model answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from labeltree.core.arrays import CSR
from labeltree.core.errors import DataError
from labeltree.core.inputs import checked_features
from labeltree.core.labels import Labels
from labeltree.core.model import BaseModel
from labeltree.core.scores import top_k

Words = list[tuple[str, float]]
"""Terms and their contributions."""


def innermost(model: BaseModel) -> Any:
    """Return the model that takes features: that of a pipeline, or the model itself."""
    return getattr(model, "model_", model)


class Case:
    """A model and one document.

    Parameters
    ----------
    texts
        Of the training documents, in their order, for models that name these; None where they are
        not at hand.

    Raises
    ------
    DataError
        If there is not one document.
    """

    def __init__(self, model: BaseModel, document: Any, texts: Sequence[str] | None = None) -> None:
        self.inner = innermost(model)
        self.texts = texts
        self.labels: Labels = model.labels_
        self.terms: Sequence[str] | None = None
        if model.takes == "text":
            row = model.features([document])  # type: ignore[attr-defined]
            self.terms = model.vocabulary_.terms  # type: ignore[attr-defined]
        else:
            row = checked_features(document, self.inner.n_features)
        if row.shape[0] != 1:
            raise DataError(f"One document can be explained at a time, found {row.shape[0]}.")
        self.row: CSR = row
        self.scores = self.inner.predict(row, k=len(self.labels))

    def explained(self, column: int) -> Any:
        """Explain a label."""
        raise NotImplementedError

    def column(self, label: str) -> int:
        """Return the column of a label."""
        if label not in self.labels.column:
            raise DataError(
                f"The model has no label {label!r}.", "Give an id: `predict` shows those of labels."
            )
        return self.labels.column[label]

    def best(self, k: int) -> list[int]:
        """Return the columns of the k best labels."""
        columns = top_k(self.scores, k)[0][0]
        if columns[0] < 0:
            raise DataError("The model gives this document no label.", "Name one: label=...")
        return [int(c) for c in columns if c >= 0]

    def answer(self, column: int) -> tuple[int | None, float]:
        """Return a label's rank in the model's answer, from 1, and score; None and 0 if absent."""
        answered = self.scores.indices == column
        score = float(self.scores.data[answered].sum())
        return int((self.scores.data > score).sum()) + 1 if answered.any() else None, score

    def named(self, parts: Iterable[tuple[int, float]]) -> Words:
        """Return features as terms, or as numbers where the model knows no terms."""
        terms = self.terms
        return [(str(f) if terms is None else terms[f], part) for f, part in parts]


def finite(value: Any) -> Any:
    """Return the value with infinite numbers replaced by None, which JSON can say."""
    if isinstance(value, dict):
        return {k: finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(v) for v in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
