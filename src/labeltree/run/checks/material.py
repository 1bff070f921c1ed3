"""What the checks are given, and what they answer."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np

from labeltree.core.arrays import Ints, Longs
from labeltree.core.dataset import Dataset
from labeltree.core.hierarchy import Hierarchy
from labeltree.readers import Splits
from labeltree.readers.taxonomy import Edge

N_EXAMPLES = 3
EXCERPT = 60
"""Characters of a text shown in an example."""

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """One kind of trouble."""

    severity: Severity
    """`error`: figures would be wrong, or nothing works; `warning`: worth mending; `note`: good to
    know."""
    check: str
    """Name of the question, in snake case."""
    problem: str
    """A sentence with the count in it."""
    count: int
    examples: tuple[str, ...]
    """Three at most."""
    fix: str
    """What to do about it."""

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


class Same(NamedTuple):
    """Documents of a part that say the same."""

    first: Longs
    """The first document of the part with the same content, (n_samples,)."""
    keys: dict[Hashable, int]
    """Content of each different document, and where it stands first."""

    @property
    def repeats(self) -> Longs:
        """Documents that repeat an earlier one."""
        return np.flatnonzero(self.first != np.arange(len(self.first)))


class PartMaterial:
    """One part, with what several checks need of it."""

    def __init__(self, name: str, data: Dataset, near: bool) -> None:
        self.name, self.data, self._near = name, data, near

    @cached_property
    def same(self) -> Same:
        """Which documents are equal, or equal but for case, space and punctuation."""
        keys: dict[Hashable, int] = {}
        contents = enumerate(_contents(self.data, self._near))
        first = np.fromiter((keys.setdefault(key, i) for i, key in contents), np.int64)
        return Same(first, keys)

    @cached_property
    def joined(self) -> tuple[str, Longs]:
        """All texts, a line break between them, and where each begins, (n_samples,)."""
        texts = self.data.texts or ()
        lengths = np.fromiter(map(len, texts), np.int64, len(texts)) + 1
        return "\n".join(texts), np.cumsum(lengths) - lengths

    def matching(self, pattern: re.Pattern[str]) -> Longs:
        """Return the documents in whose text a pattern occurs, ascending.

        NOTE: the pattern must not match line breaks.
        """
        text, starts = self.joined
        at = np.fromiter((found.start() for found in pattern.finditer(text)), np.int64)
        return np.unique(np.searchsorted(starts, at, "right") - 1)

    def shown(self, document: int) -> str:
        """Return "train 17: the text ...", documents counted from 1."""
        if self.data.texts is None:
            return f"{self.name} {document + 1}"
        return f"{self.name} {document + 1}: {excerpt(self.data.texts[document])}"

    def examples(self, documents: Longs | Ints) -> tuple[str, ...]:
        """Return the first few documents, shown."""
        return tuple(self.shown(int(i)) for i in documents[:N_EXAMPLES])


@dataclass(frozen=True)
class Material:
    """A data set as far as it could be read."""

    splits: Splits
    edges: Sequence[Edge]
    """Of the taxonomy's file, even where they form a cycle."""
    near: bool = False
    """Whether texts are the same that differ in case, space and punctuation only."""

    @cached_property
    def parts(self) -> list[PartMaterial]:
        """The parts there are."""
        return [PartMaterial(name, part, self.near) for name, part in self.splits.parts.items()]

    @property
    def hierarchy(self) -> Hierarchy | None:
        """The taxonomy, if it is one."""
        return self.splits.labels.hierarchy

    def names(self, columns: Longs | Ints) -> tuple[str, ...]:
        """Return the first few labels: id, and the name where it is another."""
        labels = self.splits.labels
        shown = ((labels.ids[c], labels.names[c]) for c in columns[:N_EXAMPLES].tolist())
        return tuple(i if i == name else f"{i} ({name})" for i, name in shown)


def excerpt(text: str) -> str:
    """Return the beginning of a text, in quotes, on one line."""
    flat = " ".join(text[: 4 * EXCERPT].split())
    return repr(flat if len(flat) <= EXCERPT else flat[: EXCERPT - 4] + " ...")


def folded(text: str) -> str:
    """Return the words of a text in small letters: case, space and punctuation do not count.

    A text without a word stays as it is.
    """
    return " ".join(re.findall(r"\w+", text.casefold())) or text.strip()


def counted(count: int, one: str, many: str = "") -> str:
    """Return "1 label" or "1,200 labels"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _contents(data: Dataset, near: bool) -> Iterator[Hashable]:
    """Yield what makes two documents the same: the text, or else the features."""
    if data.texts is not None:
        yield from map(folded, data.texts) if near else data.texts
        return
    assert data.X is not None
    X = data.X
    for start, stop in zip(X.indptr.tolist(), X.indptr[1:].tolist(), strict=False):
        yield X.indices[start:stop].tobytes(), X.data[start:stop].tobytes()
