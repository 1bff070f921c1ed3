"""Ensemble: several models vote.

    score of l = sum over models m of weight_m s_m(l) / sum of the weights

s_m is the model's score, 0 where it did not rank the label, or the reciprocal of its rank. Trees of
different seeds, trees of different kinds and any other models may vote together: PECOS' ensembles
(`average`, `rank_average`) and Annif's are such means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from labeltree.core.arrays import CSR, from_parts
from labeltree.core.dataset import Dataset
from labeltree.core.errors import ParameterError
from labeltree.core.inputs import check_k
from labeltree.core.labels import Labels
from labeltree.core.model import BaseModel, Takes, Update
from labeltree.core.params import choice, whole
from labeltree.core.scores import best, mean, ranked
from labeltree.models import find

__all__ = ["Ensemble"]


def _members() -> tuple[BaseModel, ...]:
    return find("parabel")(), find("bonsai")()


@dataclass(eq=False)
class Ensemble(BaseModel):
    """The weighted mean of several models, by default of Parabel and Bonsai.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.repeat(np.eye(4), 5, axis=0)
    >>> Ensemble(models=(find("parabel")(), find("plt")())).fit(X, X).score(X, X)
    1.0
    """

    models: Sequence[BaseModel] = field(default_factory=_members)
    """The models that vote."""
    weights: Sequence[float] = ()
    """One a model, not negative; none: all alike."""
    average: str = choice("scores", ("scores", "ranks"))
    """What is averaged: scores, or 1 / rank where models score on different scales."""
    depth: int = whole(1, 100)
    """Labels asked of each model, or k if that is more."""

    def check(self) -> None:
        """Compare fields with what was declared, and weights with models."""
        super().check()
        wrong = len(self.weights) not in (0, len(self.models))
        if wrong or any(w < 0 for w in self.weights) or (self.weights and not any(self.weights)):
            raise ParameterError(
                f"Ensemble: weights must be one of 0 or more for each of {len(self.models)}"
                f" models, not all 0, found {self.weights!r}."
            )
        if not self.models:
            raise ParameterError("Ensemble: models must name at least one model.")

    @property
    def takes(self) -> Takes:  # type: ignore[override]
        """What the members take together."""
        wanted = {model.takes for model in self.models}
        return wanted.pop() if len(wanted) == 1 else "both"

    @property
    def stops_early(self) -> bool:  # type: ignore[override]
        """Whether a member does."""
        return any(model.stops_early for model in self.models)

    @property
    def n_features(self) -> int | None:
        """Features of a row: what those members say that do not take any number."""
        return next((m.n_features for m in self.members_ if m.n_features is not None), None)

    def fit(
        self, X: Any, Y: Any, *, labels: Labels | None = None, validation: Dataset | None = None
    ) -> Self:
        """Fit a copy of each member on the same documents."""
        self.check()
        members = [type(m)(**m.get_params(deep=False)) for m in self.models]
        for member in members:
            member.fit(X, Y, labels=labels, validation=validation)
        self.labels_ = members[0].labels_
        self.members_: list[BaseModel] = members
        return self

    def predict(self, X: Any, k: int = 5) -> CSR:
        """Return scores (n_samples, n_labels), at most k entries a row."""
        self.check_fitted()
        check_k(k)
        votes = [member.predict(X, max(k, self.depth)) for member in self.members_]
        if self.average == "ranks":
            votes = [reciprocal_ranks(vote) for vote in votes]
        return best(mean(votes, list(self.weights) or None), k)

    def update(self, X: Any, Y: Any, *, labels: Labels | None = None, drift: float = 0.1) -> Update:
        """Update each member."""
        self.check_fitted()
        found = [m.update(X, Y, labels=labels, drift=drift) for m in self.members_]
        self.labels_ = self.members_[0].labels_
        n_retrained, n = (sum(getattr(u, f) for u in found) for f in Update._fields[2:])
        return Update(*found[0][:2], n_retrained, n)


def reciprocal_ranks(scores: CSR) -> CSR:
    """Return 1 / rank of each entry in its row."""
    entry, ptr = ranked(scores)
    rank = np.empty(scores.nnz)
    rank[entry] = np.arange(scores.nnz) - np.repeat(ptr[:-1], np.diff(ptr)) + 1
    return from_parts((1 / rank).astype(np.float32), scores.indices, ptr, scores.shape)
