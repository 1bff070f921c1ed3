"""The contract every model keeps."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, Self

import numpy as np

from labeltree.core import store
from labeltree.core.arrays import CSR, as_binary, as_csr, from_parts
from labeltree.core.dataset import Dataset, Inputs
from labeltree.core.errors import DataError, NotFittedError, ParameterError
from labeltree.core.labels import Labels
from labeltree.core.params import Params, snake

logger = logging.getLogger(__name__)

Takes = Literal["features", "text", "both"]


class Model(Protocol):
    """Learns from documents with labels, ranks labels for documents."""

    takes: ClassVar[Takes]

    def fit(
        self, X: Any, Y: Any, *, labels: Labels | None = None, validation: Dataset | None = None
    ) -> Self:
        """Learn; returns self."""

    def predict(self, X: Any, k: int = 5) -> CSR:
        """Return scores (n_samples, n_labels), at most k entries a row."""


class Update(NamedTuple):
    """What an update of a fitted model did."""

    n_documents: int
    """Documents added."""
    n_labels: int
    """Labels added."""
    n_retrained: int
    """Classifiers trained, new ones among them."""
    n_classifiers: int
    """Classifiers there are."""


@dataclass(eq=False)
class BaseModel(Params):
    """What all models share: checks of their input, saving, scikit-learn's manners.

    A model is a dataclass whose fields are its parameters. `fit` sets attributes that end in
    `_`, made of arrays, storables or models; saving writes fields and attributes.
    """

    takes: ClassVar[Takes] = "features"
    labels_: Labels = field(init=False, repr=False)
    """What `fit` was told about the labels, with their training counts."""

    def fit(
        self, X: Any, Y: Any, *, labels: Labels | None = None, validation: Dataset | None = None
    ) -> Self:
        """Learn from documents.

        Parameters
        ----------
        X
            What the model `takes`: CSR features (n_samples, n_features), or a sequence of texts.
        Y
            Binary labels (n_samples, n_labels).
        labels
            What is known about the columns of Y, a given taxonomy among it.
        validation
            Held-out documents, for models that stop early.
        """
        raise NotImplementedError

    def predict(self, X: Any, k: int = 5) -> CSR:
        """Return scores (n_samples, n_labels), at most k entries a row, each in (0, 1]."""
        raise NotImplementedError

    def update(self, X: Any, Y: Any, *, labels: Labels | None = None, drift: float = 0.1) -> Update:
        """Learn from more documents, retraining only what they concern.

        Parameters
        ----------
        X
            The new documents.
        Y
            Their labels, (n_samples, n_labels): the model's labels, and new ones behind them.
        labels
            What is known about the columns of Y; needed if there are new ones.
        drift
            A classifier is trained again if its documents have grown by more than this share.

        Raises
        ------
        ParameterError
            If the model cannot be updated.
        """
        raise ParameterError(f"A {snake(type(self).__name__)} model cannot be updated: fit again.")

    def rename(self, new_ids: Mapping[str, str]) -> None:
        """Give labels other ids; see `Labels.renamed`."""
        self.check_fitted()
        for model in self._inside():
            model.rename(new_ids)
        if "labels_" in vars(self):
            self.labels_ = self.labels_.renamed(new_ids)

    def retire(self, ids: Sequence[str]) -> None:
        """Never rank these labels again; they keep their columns, and stay negatives.

        Raises
        ------
        DataError
            If a label is unknown.
        ParameterError
            If the model cannot do so.
        """
        self.check_fitted()
        inside = self._inside()
        if not inside:
            name = snake(type(self).__name__)
            raise ParameterError(f"A {name} model cannot retire labels: fit again without them.")
        for model in inside:
            model.retire(ids)

    def _inside(self) -> list[BaseModel]:
        """Return the fitted models that this one is made of."""
        values = self._learned().values()
        parts = (part for v in values for part in (v if isinstance(v, list) else [v]))
        return [part for part in parts if isinstance(part, BaseModel)]

    def score(self, X: Any, Y: Any) -> float:
        """Return P@1, in [0, 1]: the share of documents whose first label is right."""
        S, truth = self.predict(X, k=1), as_binary(Y, "Y")
        if S.shape != truth.shape:
            raise DataError(f"Y has shape {truth.shape}, the scores {S.shape}.")
        return float((S > 0).multiply(truth).sum() / max(1, truth.shape[0]))

    def save(self, path: str | Path) -> None:
        """Write the fitted model to a folder; `labeltree.load` reads it back."""
        self.check_fitted()
        store.write_folder(path, *self.to_state())

    def to_state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return (header, state): the registered name with parameters, and what was learned.

        A learned attribute that is a model itself, or a list of models, nests: its state goes under
        dotted names.
        """
        header: dict[str, Any] = {"model": snake(type(self).__name__), "params": self.to_json()}
        state: dict[str, Any] = {}
        for name, value in self._learned().items():
            is_list = isinstance(value, list) and bool(value) and isinstance(value[0], BaseModel)
            for at, model in enumerate(value if is_list else [value]):
                if not isinstance(model, BaseModel):
                    state[name] = model
                    continue
                place = f"{name}.{at}" if is_list else name
                inner, parts = model.to_state()
                header.setdefault("models", {})[place] = inner
                state |= {f"{place}.{k}": v for k, v in parts.items()}
        return header, state

    @classmethod
    def from_state(
        cls, header: dict[str, Any], state: dict[str, Any], find: Callable[[str], type[BaseModel]]
    ) -> Self:
        """Build a fitted model from what `to_state` returned; `find` gives classes by name."""
        model = cls.from_json(header["params"])
        for place, inner in header.get("models", {}).items():
            start = f"{place}."
            parts = {k.removeprefix(start): v for k, v in state.items() if k.startswith(start)}
            part = find(inner["model"]).from_state(inner, parts, find)
            name, _, at = place.partition(".")
            if at:  # one of a list, which comes in order
                setattr(model, name + "_", [*getattr(model, name + "_", ()), part])
            else:
                setattr(model, name + "_", part)
        for name, value in state.items():
            if "." not in name:
                setattr(model, name + "_", value)
        return model

    def check_fitted(self) -> None:
        """Raise `NotFittedError` before `fit`."""
        if not self._learned():
            name = type(self).__name__
            raise NotFittedError(f"This {name} is not fitted yet: call fit first.")

    def _learned(self) -> dict[str, Any]:
        return {
            k[:-1]: v for k, v in vars(self).items() if k.endswith("_") and not k.startswith("_")
        }

    # -- scikit-learn asks for these; nothing here imports it unless scikit-learn itself calls --

    def __sklearn_is_fitted__(self) -> bool:
        return bool(self._learned())

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import Tags, TargetTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=True, multi_output=True),
            classifier_tags=None,
            regressor_tags=None,
        )


def check_k(k: int) -> None:
    """Raise `ParameterError` unless k is a number of labels that can be asked for."""
    if k < 1:
        raise ParameterError(f"k must be a whole number of 1 or more, found {k!r}.")


def checked_training(X: Any, Y: Any, labels: Labels | None) -> tuple[CSR, CSR, Labels]:
    """Return features, truth and labels ready for training.

    Raises
    ------
    DataError
        If shapes disagree, a value is not finite, or no document has a label.
    """
    X, Y = checked_features(X), as_binary(Y, "Y")
    if X.shape[0] != Y.shape[0]:
        raise DataError(f"X has {X.shape[0]} rows but Y has {Y.shape[0]}.")
    if not Y.nnz:
        raise DataError("No document has a label.", "Training needs positives.")
    labels = labels or Labels.numbered(Y.shape[1])
    if len(labels) != Y.shape[1]:
        raise DataError(f"Y has {Y.shape[1]} columns but there are {len(labels)} labels.")
    unlabelled = int((np.diff(Y.indptr) == 0).sum())
    if unlabelled:
        logger.info("%d of %d documents have no label", unlabelled, Y.shape[0])
    return X, Y, labels.counted(Y)


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


def widened(Y: CSR, n_columns: int) -> CSR:
    """Return Y with empty columns behind it, n_columns in all."""
    return from_parts(Y.data, Y.indices, Y.indptr, (Y.shape[0], n_columns))


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


def _is_text(X: Any) -> bool:
    """Whether X is a text, or a sequence, array or column of texts."""
    if isinstance(X, str):
        return True
    one_way = isinstance(X, Sequence) or getattr(X, "ndim", 0) == 1
    return one_way and isinstance(next(iter(X), None), str)
