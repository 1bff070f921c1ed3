"""Pipeline: texts in, labels out. A vectoriser and a model that takes features, kept together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

from labeltree.core.arrays import CSR
from labeltree.core.dataset import Dataset, Inputs
from labeltree.core.errors import DataError
from labeltree.core.labels import Labels
from labeltree.core.model import BaseModel, Takes, Update
from labeltree.core.pool import phase
from labeltree.models import find
from labeltree.text.tfidf import Tfidf, Vocabulary

__all__ = ["Pipeline"]


@dataclass(eq=False)
class Pipeline(BaseModel):
    """A vectoriser before a model: what `labeltree fit` saves for texts.

    Examples
    --------
    >>> from labeltree.models.parabel import Parabel
    >>> texts = ["red apple", "green apple", "red car", "green car"]
    >>> Y = [[1, 0], [1, 0], [0, 1], [0, 1]]
    >>> pipeline = Pipeline(model=Parabel(n_trees=1)).fit(texts, Y)
    >>> pipeline.predict(["an apple"], k=1).indices.tolist()
    [0]
    """

    takes: ClassVar[Takes] = "text"
    vectorizer: Tfidf = field(default_factory=Tfidf)
    """Turns texts into features; fitted with the model and saved with it."""
    model: BaseModel = field(default_factory=lambda: find("parabel")())
    """The model that takes the features."""

    def fit(
        self, X: Any, Y: Any, *, labels: Labels | None = None, validation: Dataset | None = None
    ) -> Self:
        """Fit the vectoriser on the texts, then a copy of the model on its features."""
        vectorizer = replace(self.vectorizer)
        with phase("counting words"):
            features = vectorizer.fit_transform(as_texts(X))
        if validation is not None and validation.texts is not None:
            validation = replace(validation, X=vectorizer.transform(validation.texts))
        if labels is not None:
            labels = replace(labels, features=vectorizer.transform(labels.described()))
        model = type(self.model)(**self.model.get_params(deep=False))
        self.model_: BaseModel = model.fit(features, Y, labels=labels, validation=validation)
        self.vocabulary_: Vocabulary = vectorizer.vocabulary_
        return self

    def predict(self, X: Any, k: int = 5) -> CSR:
        """Return the model's scores for texts."""
        self.check_fitted()
        return self.model_.predict(self.features(X), k)

    def update(self, X: Any, Y: Any, *, labels: Labels | None = None, drift: float = 0.1) -> Update:
        """Update the model; words that the vectoriser does not know are not learned."""
        self.check_fitted()
        return self.model_.update(self.features(X), Y, labels=labels, drift=drift)

    def features(self, X: Any) -> CSR:
        """Return the features of texts, (n_samples, n_terms)."""
        vectorizer = replace(self.vectorizer)
        vectorizer.vocabulary_ = self.vocabulary_
        return vectorizer.transform(as_texts(X))

    @property
    def stops_early(self) -> bool:  # type: ignore[override]
        """Whether the model does."""
        return self.model.stops_early

    # The inner model's; a field of its own would be stored twice.
    @property  # type: ignore[misc]
    def labels_(self) -> Labels:
        """The labels of the fitted model."""
        return self.model_.labels_

    @labels_.setter
    def labels_(self, labels: Labels) -> None:
        self.model_.labels_ = labels


def as_texts(X: Any) -> Sequence[str]:
    """Return the texts of X.

    Raises
    ------
    DataError
        If X is a matrix, or a single text where a sequence is wanted.
    """
    if isinstance(X, Inputs):
        return X.texts
    if isinstance(X, str):
        raise DataError("X is one text.", "Pass a list: model.predict([text]).")
    if getattr(X, "ndim", 1) != 1:
        raise DataError("The pipeline takes texts, X is a matrix.", "Use its model directly.")
    return X  # type: ignore[no-any-return]
