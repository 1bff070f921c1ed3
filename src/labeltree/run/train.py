"""Fitting a model on a data set the way `labeltree fit` does, threshold included."""

from __future__ import annotations

from typing import Any

from labeltree.core.dataset import Dataset
from labeltree.core.errors import DataError
from labeltree.core.model import BaseModel
from labeltree.core.params import Params
from labeltree.metrics.decisions import GlobalThreshold, fit_global_threshold
from labeltree.readers import Splits

HELD_OUT = 0.1
"""Share of train that stands in for a missing validation part."""
RANKED = 100
"""Labels asked for where decisions are made, or the most labels of a document if that is more."""


def train(model: BaseModel, splits: Splits, *, threshold: bool = True, seed: int = 0) -> BaseModel:
    """Fit `model` on the training part and its global threshold on validation.

    Where there is no validation part, a seeded tenth of train stands in: the threshold is fitted on
    it, kept, and the model fitted again on all of train.

    Parameters
    ----------
    threshold
        False leaves the threshold out, and saves the second fit.
    """
    data = splits.train
    if data is None:
        raise DataError("There is no training part.", "Name a file train.jsonl, train.csv ...")
    _check_labels(data)
    decided: GlobalThreshold | None = None
    if threshold and splits.val is None and len(data) >= 2 / HELD_OUT:
        rest, held_out = data.split(HELD_OUT, seed)
        _fit(model, rest, held_out)
        decided = fitted_threshold(model, held_out, "held-out tenth of train")
    _fit(model, data, splits.val)
    if threshold and splits.val is not None:
        decided = fitted_threshold(model, splits.val, "validation")
    if decided is not None:
        model.threshold_ = decided  # type: ignore[attr-defined]
    return model


def fitted_threshold(model: BaseModel, data: Dataset, name: str) -> GlobalThreshold:
    """Return the global cut with the best micro-F1 on `data`."""
    scores = model.predict(data.inputs(model.takes), n_ranked(data))
    return fit_global_threshold(data.Y, scores, f"{name}, {len(data)} documents")


def n_ranked(data: Dataset) -> int:
    """Return how many labels to ask for before decisions are made or metrics computed."""
    most: Any = (data.Y.indptr[1:] - data.Y.indptr[:-1]).max(initial=0)
    return max(RANKED, int(most))


def _fit(model: Params, data: Dataset, validation: Dataset | None) -> None:
    assert isinstance(model, BaseModel)
    model.fit(data.inputs(model.takes), data.Y, labels=data.labels, validation=validation)


def _check_labels(data: Dataset) -> None:
    if not data.Y.nnz:
        raise DataError("No training document has a label.", "Check the field that holds labels.")
