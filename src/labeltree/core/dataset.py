"""Documents with their labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike

from labeltree.core.arrays import CSR, as_binary, as_csr
from labeltree.core.errors import DataError, ParameterError
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
        n, n_columns = self.Y.shape
        if n_columns != len(self.labels):
            raise DataError(f"Y has {n_columns} columns but there are {len(self.labels)} labels.")
        if self.n_universe > n_columns:
            raise DataError(f"The universe has {self.n_universe} labels but Y {n_columns} columns.")
        if self.texts is None and self.X is None:
            raise DataError("The data set has neither texts nor features.")
        if isinstance(self.texts, str):
            raise DataError("texts is one text.", "Pass a list, one text for each document.")
        if self.texts is not None and len(self.texts) != n:
            raise DataError(f"texts has {len(self.texts)} rows but Y has {n}.")
        if self.X is not None and self.X.shape[0] != n:
            raise DataError(f"X has {self.X.shape[0]} rows but Y has {n}.")

    def __len__(self) -> int:
        return int(self.Y.shape[0])

    @cached_property
    def closed(self) -> bool | None:
        """Whether each label set holds all ancestors of its labels; None without a hierarchy."""
        hierarchy = self.labels.hierarchy
        if hierarchy is None:
            return None
        return hierarchy.is_closed(self.Y[:, : hierarchy.n_labels])

    def with_ancestors(self) -> Dataset:
        """Return the data with all ancestors added to the label sets (`--close-labels`).

        Raises
        ------
        DataError
            If there is no hierarchy.
        """
        hierarchy = self.labels.hierarchy
        if hierarchy is None:
            raise DataError(
                "Labels cannot be closed: the data has no taxonomy.",
                "Put a taxonomy.tsv (parent<TAB>child) beside the data.",
            )
        from scipy.sparse import hstack

        inside = hierarchy.close(self.Y[:, : hierarchy.n_labels])
        outside = self.Y[:, hierarchy.n_labels :]
        return replace(self, Y=hstack([inside, outside], format="csr"))

    def subset(self, rows: ArrayLike) -> Dataset:
        """Return the documents at `rows` (indices or a boolean mask)."""
        at = np.asarray(rows, None if np.size(rows) else np.int64)
        if at.dtype == bool and at.shape != (len(self),):
            raise DataError(f"The mask has shape {at.shape}, the data {len(self)} documents.")
        at = np.flatnonzero(at) if at.dtype == bool else at.astype(np.int64, casting="same_kind")
        texts = None if self.texts is None else [self.texts[i] for i in at.tolist()]
        X = None if self.X is None else self.X[at]
        return replace(self, Y=self.Y[at], texts=texts, X=X)

    def split(self, share: float, seed: int = 0) -> tuple[Dataset, Dataset]:
        """Return (rest, held-out part of size `share`), drawn without replacement."""
        if not 0 <= share <= 1:
            raise ParameterError(f"share must be from 0 to 1, found {share}.")
        n_out = round(len(self) * share)
        order = np.random.default_rng(seed).permutation(len(self))
        return self.subset(np.sort(order[n_out:])), self.subset(np.sort(order[:n_out]))

    def inputs(self, takes: Literal["features", "text", "both"]) -> Any:
        """Return what a model that declares `takes` reads: features, texts, or `Inputs`.

        Raises
        ------
        DataError
            If the data does not have it.
        """
        if takes != "text" and self.X is None:
            raise DataError("The model takes features but the data holds texts.", "Use a Pipeline.")
        if takes != "features" and self.texts is None:
            raise DataError("The model takes texts but the data holds features only.")
        if takes == "both":
            return Inputs(cast(Sequence[str], self.texts), self.X)
        return self.X if takes == "features" else self.texts
