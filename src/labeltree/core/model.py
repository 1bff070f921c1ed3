"""The contract every model keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, Self

from labeltree.core import store
from labeltree.core.arrays import CSR, as_binary
from labeltree.core.dataset import Dataset
from labeltree.core.errors import DataError, NotFittedError, ParameterError, StoreError
from labeltree.core.labels import Labels
from labeltree.core.params import Params, snake
from labeltree.core.processes import is_main_process

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
    stops_early: ClassVar[bool] = False
    """Whether `fit` watches its validation part to know when to stop. `run.train` fits such a model
    once: where the data has no validation part, a tenth of train is held out for good."""
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

    @property
    def n_features(self) -> int | None:
        """Features of a row that the fitted model takes; None for texts, or if any number fits."""
        return None

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
        if is_main_process():
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
        try:
            model = cls.from_json(header["params"])
        except ParameterError as error:
            raise StoreError(
                f"The saved model does not fit this version of labeltree: {error} Install the"
                " version that it was saved with, or a newer one, or fit again."
            ) from error
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
