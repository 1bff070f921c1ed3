"""Features of the same texts under several settings of the vectoriser, each counted once."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import replace

from labeltree.core.arrays import CSR
from labeltree.core.dataset import Dataset
from labeltree.core.model import BaseModel
from labeltree.core.pool import phase

KEPT = 4
"""Settings whose features are held in memory."""


class FeatureCache:
    """The features of train and val, by the vectoriser's settings."""

    def __init__(self, train: Dataset, val: Dataset) -> None:
        self._train, self._val = train, val
        self._kept: OrderedDict[str, tuple[CSR, CSR]] = OrderedDict()

    def prepared(self, model: BaseModel) -> tuple[BaseModel, Dataset, Dataset]:
        """Return the model to fit, and train and val as it takes them.

        Of a pipeline that is the model behind the vectoriser, with the features ready.
        """
        vectorizer, inner = getattr(model, "vectorizer", None), getattr(model, "model", None)
        if vectorizer is None or inner is None:
            return model, self._train, self._val
        key = json.dumps(vectorizer.to_json())
        if key not in self._kept:
            while len(self._kept) >= KEPT:
                self._kept.popitem(last=False)
            with phase("counting words"):
                fresh = replace(vectorizer)
                features = fresh.fit_transform(self._train.texts)
                self._kept[key] = features, fresh.transform(self._val.texts)
        self._kept.move_to_end(key)
        X, X_val = self._kept[key]
        return inner, replace(self._train, X=X), replace(self._val, X=X_val)
