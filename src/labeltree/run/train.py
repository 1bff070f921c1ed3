"""Fitting a model on a data set the way `labeltree fit` does, decisions included."""

from __future__ import annotations

from typing import Any

from labeltree.core.dataset import Dataset
from labeltree.core.errors import DataError
from labeltree.core.model import BaseModel
from labeltree.core.params import Params
from labeltree.metrics.decider import (
    DEFAULT_CALIBRATOR,
    DEFAULT_RULE,
    Decider,
    check_names,
    fit_decider,
)
from labeltree.readers import Splits

HELD_OUT = 0.1
"""Share of train that stands in for a missing validation part."""
HELD_OUT_NAME = "held-out tenth of train"
RANKED = 100
"""Labels asked for where decisions are made, or the most labels of a document if that is more."""


def train(
    model: BaseModel,
    splits: Splits,
    *,
    rule: str | None = DEFAULT_RULE,
    calibrate: str = DEFAULT_CALIBRATOR,
    seed: int = 0,
) -> BaseModel:
    """Fit `model` on the training part and its decisions on validation.

    Where there is no validation part, a seeded tenth of train stands in: the decisions are fitted
    on it, kept, and the model fitted again on all of train. A model that stops early is fitted
    once, on the other nine tenths: it needs the tenth to know when to stop.

    Parameters
    ----------
    rule, calibrate
        How scores become decisions, see `fit_decider`. No rule leaves decisions out, and saves
        the second fit.
    """
    data = splits.train
    if data is None:
        raise DataError("There is no training part.", "Name a file train.jsonl, train.csv ...")
    _check_labels(data)
    if rule is not None:
        check_names(rule, calibrate)
    held_out, name = splits.val, "validation"
    if splits.val is None and len(data) >= 2 / HELD_OUT and (rule or model.stops_early):
        rest, held_out = data.split(HELD_OUT, seed)
        name = HELD_OUT_NAME
        _fit(model, rest, held_out)
    else:
        _fit(model, data, splits.val)
    decided: Decider | None = None
    if rule is not None and held_out is not None and len(held_out):
        decided = decider_for(model, held_out, name, rule=rule, calibrate=calibrate)
    if splits.val is None and held_out is not None and not model.stops_early:
        _fit(model, data, None)
    if decided is not None:
        model.decider_ = decided  # type: ignore[attr-defined]
    return model


def decider_for(
    model: BaseModel,
    data: Dataset,
    name: str,
    *,
    rule: str = DEFAULT_RULE,
    calibrate: str = DEFAULT_CALIBRATOR,
) -> Decider:
    """Return decisions fitted on `data`, which is called `name` in the record."""
    k = n_ranked(data)
    scores = model.predict(data.inputs(model.takes), k)
    on = f"{name}, {len(data)} documents"
    return fit_decider(data.Y, scores, model.labels_, on, rule=rule, calibrate=calibrate, k=k)


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
