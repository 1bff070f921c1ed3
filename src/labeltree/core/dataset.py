"""Documents with their labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from labeltree.core.arrays import CSR, as_binary, as_csr
from labeltree.core.errors import DataError
from labeltree.core.labels import Labels


class Inputs(NamedTuple):
    """Both views of the documents, for models that take both."""

    texts: Sequence[str]
    features: CSR


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled documents: immutable, checked when made.

    Raises
    ------
    DataError
        If shapes disagree, or neither texts nor X is given.
    """

    Y: CSR
    """Truth, binary, (n_samples, n_labels)."""
    labels: Labels
    """What is known about the columns of Y."""
    texts: Sequence[str] | None = None
    """One document each, (n_samples,)."""
    X: CSR | None = None
    """Features, (n_samples, n_features)."""
    n_universe: int = -1
    """Columns beyond this one hold labels outside the model's universe: they count as misses."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "Y", as_binary(self.Y, "Y"))
        if self.X is not None:
            object.__setattr__(self, "X", as_csr(self.X, "X"))
        if self.n_universe < 0:
            object.__setattr__(self, "n_universe", len(self.labels))
        n = self.Y.shape[0]
        if self.Y.shape[1] != len(self.labels):
            raise DataError(f"Y has {self.Y.shape[1]} columns but there are {len(self.labels)} labels.")
        if self.texts is None and self.X is None:
            raise DataError("The data set has neither texts nor features.")
        for name, rows in (("texts", self.texts), ("X", self.X)):
            found = n if rows is None else rows.shape[0] if name == "X" else len(rows)  # type: ignore[attr-defined]
            if found != n:
                raise DataError(f"{name} has {found} rows but Y has {n}.")

    def __len__(self) -> int:
        return int(self.Y.shape[0])

    @cached_property
    def closed(self) -> bool | None:
        """Whether each label set holds all ancestors of its labels; None without a hierarchy."""
        hierarchy = self.labels.hierarchy
        if hierarchy is None:
            return None
        return hierarchy.is_closed(self.Y[:, : self.n_universe])

    def with_ancestors(self) -> Dataset:
        """Return the data with all ancestors added to the label sets (`--close-labels`).

        Raises
        ------
        DataError
            If there is no hierarchy.
        """
        if self.labels.hierarchy is None:
            raise DataError(
                "Labels cannot be closed: the data has no taxonomy.",
                "Put a taxonomy.tsv (parent<TAB>child) beside the data.",
            )
        from scipy.sparse import hstack

        inside = self.labels.hierarchy.close(self.Y[:, : self.n_universe])
        outside = self.Y[:, self.n_universe :]
        return replace(self, Y=hstack([inside, outside], format="csr"))

    def subset(self, rows: Any) -> Dataset:
        """Return the documents at `rows` (indices or a boolean mask)."""
        rows = np.asarray(rows)
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        texts = None if self.texts is None else [self.texts[i] for i in rows]
        X = None if self.X is None else self.X[rows]
        return replace(self, Y=self.Y[rows], texts=texts, X=X)

    def split(self, share: float, seed: int = 0) -> tuple[Dataset, Dataset]:
        """Return (rest, held-out part of size `share`), drawn without replacement."""
        n_out = round(len(self) * share)
        order = np.random.default_rng(seed).permutation(len(self))
        return self.subset(np.sort(order[n_out:])), self.subset(np.sort(order[:n_out]))

    def inputs(self, takes: str) -> Any:
        """Return what a model that declares `takes` reads: features, texts, or `Inputs`.

        Raises
        ------
        DataError
            If the data does not have it.
        """
        if takes in ("features", "both") and self.X is None:
            raise DataError("The model takes features but the data holds texts.", "Use a Pipeline.")
        if takes in ("text", "both") and self.texts is None:
            raise DataError("The model takes texts but the data holds features only.")
        return {"features": self.X, "text": self.texts, "both": Inputs(self.texts or [], self.X)}[takes]
