"""What is known about the columns of Y."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from labeltree.core.arrays import CSR, Doubles, Ints, Longs
from labeltree.core.errors import DataError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.store import storable


@storable
@dataclass(frozen=True, eq=False)
class Labels:
    """Ids, names, texts, training counts and hierarchy of the labels, aligned with Y's columns.

    Raises
    ------
    DataError
        If ids repeat, lengths disagree, or the hierarchy numbers the labels in another order.
    """

    ids: tuple[str, ...]
    """Unique id of each label, (n_labels,)."""
    names: tuple[str, ...] = ()
    """Name shown to people; the ids where none are given."""
    texts: tuple[str, ...] | None = None
    """Longer description, for models that read label text."""
    counts: Longs = field(default_factory=lambda: np.zeros(0, np.int64))
    """Training documents of each label, (n_labels,)."""
    n_train: int = 0
    """Training documents in all."""
    hierarchy: Hierarchy | None = None
    """The given taxonomy, or None. It covers all columns, or the first ones where a test set
    brought labels from outside the universe."""
    closed: bool | None = None
    """Whether the training label sets hold all ancestors of their labels; None if unknown."""
    counts_specific: Longs = field(default_factory=lambda: np.zeros(0, np.int64))
    """Those of `counts` that have no label below this one, (n_labels,)."""
    features: CSR | None = field(default=None, repr=False, metadata={"stored": False})
    """Names and texts in the feature space of the documents, (n_labels, n_features); set by a
    pipeline for the fit of its model, not saved."""

    def __post_init__(self) -> None:
        n = len(self.ids)
        if not self.names:
            object.__setattr__(self, "names", self.ids)
        if not len(self.counts):
            object.__setattr__(self, "counts", np.zeros(n, np.int64))
        if not len(self.counts_specific):
            object.__setattr__(self, "counts_specific", self.counts)
        if len(self.column) != n:
            twice = next(label for c, label in enumerate(self.ids) if self.column[label] != c)
            raise DataError(f"Label id {twice!r} occurs twice.", "Ids must be unique.")
        for what in ("names", "counts", "counts_specific", "texts"):
            value = getattr(self, what)
            if value is not None and len(value) != n:
                raise DataError(f"{n} label ids but {len(value)} {what}.", "Give one a label.")
        if self.features is not None and self.features.shape[0] != n:
            raise DataError(f"{n} label ids but {self.features.shape[0]} rows of features.")
        if self.hierarchy is not None and self.hierarchy.n_labels > n:
            raise DataError(
                f"The hierarchy has {self.hierarchy.n_labels} labels, the data {n}.",
                "Build it with label_ids=labels.ids.",
            )
        if self.hierarchy is not None and self.hierarchy.label_ids != tuple(
            self.ids[: self.hierarchy.n_labels]
        ):
            raise DataError(
                "The labels of the hierarchy are others, or in another order.",
                "Build it with label_ids=labels.ids.",
            )

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def column(self) -> dict[str, int]:
        """Column of each id."""
        return {label: c for c, label in enumerate(self.ids)}

    def columns_of(self, ids: Sequence[str]) -> Ints:
        """Return the column of each id, (n_ids,).

        Raises
        ------
        DataError
            If a label is unknown.
        """
        unknown = [label for label in ids if label not in self.column]
        if unknown:
            raise DataError(f"There is no label {unknown[0]!r}.", "Check its id.")
        return np.array([self.column[label] for label in ids], np.int32)

    def counted(self, Y: CSR) -> Labels:
        """Return a copy with what the training matrix Y tells: counts, and whether it is closed."""
        counts = np.bincount(Y.indices, minlength=len(self)).astype(np.int64)
        specific, closed = counts, None
        if self.hierarchy is not None:
            inside = Y[:, : self.hierarchy.n_labels]
            closed = self.hierarchy.is_closed(inside)
            lowest = self.hierarchy.most_specific(inside)
            specific = counts.copy()
            specific[: inside.shape[1]] = np.bincount(lowest.indices, minlength=inside.shape[1])
        return replace(
            self, counts=counts, counts_specific=specific, n_train=int(Y.shape[0]), closed=closed
        )

    @property
    def specific_share(self) -> Doubles:
        """Share of a label's training documents that have no label below it, (n_labels,).

        1 for labels without documents, of which nothing is known.
        """
        share = np.ones(len(self))
        np.divide(self.counts_specific, self.counts, out=share, where=self.counts > 0)
        return share

    def renamed(self, new_ids: Mapping[str, str]) -> Labels:
        """Return the labels with other ids for some; a name that was the id follows it.

        Raises
        ------
        DataError
            If an old id is unknown, or a new one is taken.
        """
        self.columns_of(list(new_ids))
        named = zip(self.ids, self.names, strict=True)
        names = tuple(new_ids.get(i, i) if name == i else name for i, name in named)
        hierarchy = None if self.hierarchy is None else self.hierarchy.renamed(new_ids)
        ids = tuple(new_ids.get(i, i) for i in self.ids)
        return replace(self, ids=ids, names=names, hierarchy=hierarchy)

    def described(self) -> list[str]:
        """Return name and text of each label in one string, empty where it has only an id."""
        names = ["" if n == i else n for n, i in zip(self.names, self.ids, strict=True)]
        if self.texts is None:
            return names
        return [f"{n} {t}".strip() for n, t in zip(names, self.texts, strict=True)]

    @staticmethod
    def numbered(n_labels: int) -> Labels:
        """Return labels called "0", "1", ... for matrices that come without names."""
        return Labels(tuple(map(str, range(n_labels))))
