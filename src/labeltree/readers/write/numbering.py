"""Which labels a reader will find by itself, and which must be listed in `label_ids.tsv`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from labeltree.core.arrays import Ints
from labeltree.core.dataset import Dataset
from labeltree.readers.folder import Splits
from labeltree.readers.universe import is_number, nodes_of, sort_ids
from labeltree.readers.write.edges import taxonomy_edges

_LARGEST = 2**31 - 1


@dataclass(frozen=True)
class Numbering:
    """The labels of all parts of a data set: the universe first, then those outside it."""

    universe: tuple[str, ...]
    """Ids of the columns of every part."""
    outside: tuple[str, ...]
    """Ids that only documents have, and nodes of the hierarchy that are no label."""
    carried: frozenset[str]
    """Ids of the documents that make the universe: train, or all parts where there is no train."""
    nodes: frozenset[str]
    """Ids that the taxonomy file will name."""

    @cached_property
    def number(self) -> dict[str, int]:
        """Number of each id in a numbered format."""
        if self.identical:
            return {label: int(label) for label in (*self.universe, *self.outside)}
        return {label: n for n, label in enumerate((*self.universe, *self.outside))}

    @cached_property
    def identical(self) -> bool:
        """Whether the ids are the numbers 0, 1, ... themselves, and those outside come after."""
        n = len(self.universe)
        return (
            self.universe == tuple(map(str, range(n)))
            and self.carried | self.nodes <= set(self.universe)
            and all(is_number(label) and n <= int(label) < _LARGEST for label in self.outside)
        )

    @cached_property
    def plain_numbers(self) -> bool:
        """Whether the ids are numbers that can be written as they are, none left out."""
        ids = (*self.universe, *self.outside)
        return self.found and all(is_number(label) and int(label) < _LARGEST for label in ids)

    @cached_property
    def found(self) -> bool:
        """Whether a reader of documents and taxonomy makes the same universe by itself."""
        return self.universe == sort_ids(self.carried | self.nodes)

    def columns(self, data: Dataset, *, plain: bool = False) -> Ints:
        """Return the number of each column of a part, (n_columns,)."""
        ids = data.labels.ids
        numbers = map(int, ids) if plain else (self.number[label] for label in ids)
        return np.fromiter(numbers, np.int32, len(ids))


def number_labels(splits: Splits, *, taxonomy: bool = True) -> Numbering:
    """Return the numbering of a data set's labels.

    Parameters
    ----------
    taxonomy
        Whether a file will name the nodes of the hierarchy.
    """
    universe, parts = splits.labels.ids, splits.parts
    beyond = {label for part in parts.values() for label in part.labels.ids[len(universe) :]}
    sources = [parts["train"]] if "train" in parts else list(parts.values())
    carried = {label for part in sources for label in _present(part)}
    nodes: set[str] = set()
    hierarchy = splits.labels.hierarchy
    if hierarchy is not None:
        nodes = nodes_of(taxonomy_edges(hierarchy), carried) if taxonomy else set()
        beyond.update(set(hierarchy.ids[1:]) - splits.labels.column.keys())
    return Numbering(universe, sort_ids(beyond), frozenset(carried), frozenset(nodes))


def _present(part: Dataset) -> Iterable[str]:
    return (part.labels.ids[column] for column in np.unique(part.Y.indices).tolist())
