"""Rows of features and numbered labels as they are read from text: checked, then put together."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from labeltree.core.arrays import Bools, Doubles, Floats, Longs, from_parts
from labeltree.readers.documents import Documents, Part, as_array
from labeltree.readers.xmc_rows import Rows, parse_rows

BLOCK = 1 << 20
"""Bytes parsed at once."""
LARGEST = 2**31 - 1


class Limits(NamedTuple):
    """Which numbers a file may hold, and what to say about others."""

    first: int
    """First feature."""
    features: int
    """Features are below this."""
    labels: int
    """Labels are 0 to labels - 1."""
    remedy: str


class FeatureRows:
    """Collects the rows of one part."""

    def __init__(self, documents: Documents, limits: Limits) -> None:
        self.n_features = 0
        """One more than the highest feature met, counted from 0, also with the value 0."""
        self._documents, self._limits = documents, limits
        self._label_counts, self._feature_counts = array("i"), array("i")
        self._labels, self._columns = array("i"), array("i")
        self._values, self._lines = array("f"), array("q")

    def __len__(self) -> int:
        return len(self._lines)

    def read(self, rows: Iterable[tuple[int, bytes]]) -> None:
        """Take (line number, line without its end) of each row."""
        for numbers, block in _blocks(rows):
            self._add(parse_rows(block, numbers, self._documents), np.array(numbers, np.int64))

    def finish(self, n_features: int, declared: int = 0, *, widens: bool = False) -> Part:
        """Return the part."""
        counts = as_array(self._feature_counts, np.int32)
        indptr = np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))
        columns, values = as_array(self._columns, np.int32), as_array(self._values, np.float32)
        documents = self._documents
        return Part(
            documents.name,
            documents.file,
            documents.codes_of(as_array(self._labels, np.int32)),
            as_array(self._label_counts, np.int32),
            as_array(self._lines, np.int64),
            X=from_parts(values, columns, indptr, (len(self), n_features)),
            declared=declared,
            widens=widens,
        )

    def _add(self, rows: Rows, lines: Longs) -> None:
        limits, documents = self._limits, self._documents
        labels = _Column("label", rows.labels, rows.label_counts, lines)
        found = _checked(labels, (0, limits.labels), limits, documents)
        features = _Column("feature", rows.indices, rows.feature_counts, lines)
        span = (limits.first, limits.features)
        columns = _checked(features, span, limits, documents) - limits.first
        self.n_features = max(self.n_features, int(columns.max(initial=-1)) + 1)
        entries = _entries(columns, rows, lines, limits.first, documents)
        self._label_counts.frombytes(rows.label_counts.astype(np.int32).tobytes())
        self._feature_counts.frombytes(entries.counts.astype(np.int32).tobytes())
        self._labels.frombytes(found.astype(np.int32).tobytes())
        self._columns.frombytes(entries.columns.astype(np.int32).tobytes())
        self._values.frombytes(entries.values.tobytes())
        self._lines.frombytes(lines.tobytes())


def _blocks(rows: Iterable[tuple[int, bytes]]) -> Iterator[tuple[list[int], list[bytes]]]:
    """Yield (line numbers, lines) for about `BLOCK` bytes at a time."""
    numbers: list[int] = []
    block: list[bytes] = []
    size = 0
    for number, line in rows:
        numbers.append(number)
        block.append(line)
        size += len(line)
        if size >= BLOCK:
            yield numbers, block
            numbers, block, size = [], [], 0
    if block:
        yield numbers, block


# ---- checks --------------------------------------------------------------------------------------


class _Column(NamedTuple):
    """The labels or the features of a block."""

    what: str
    numbers: Doubles
    """(n,)."""
    counts: Longs
    """How many each row has, (n_rows,)."""
    lines: Longs
    """Where each row stands, (n_rows,)."""


class _Entries(NamedTuple):
    """The features of a block, sorted within each row, without those that are 0."""

    counts: Longs
    """(n_rows,)."""
    columns: Longs
    """(n_entries,)."""
    values: Floats
    """(n_entries,)."""


def _checked(column: _Column, span: tuple[int, int], limits: Limits, documents: Documents) -> Longs:
    """Return the numbers (n,) as integers, all of them within the span."""
    first, end = span
    numbers = column.numbers
    bad = ~((numbers >= first) & (numbers < end) & (numbers == np.floor(numbers)))
    if bad.any():
        entry = int(np.argmax(bad))
        span_said = f"{first} on" if end >= LARGEST else f"{first} to {end - 1}"
        documents.fail(
            f"The {column.what} {numbers[entry]:.15g} is no whole number from {span_said}.",
            limits.remedy,
            int(column.lines[_row_of(column.counts, entry)]),
        )
    return numbers.astype(np.int64)


def _entries(
    columns: Longs, rows: Rows, lines: Longs, first: int, documents: Documents
) -> _Entries:
    counts = rows.feature_counts
    with np.errstate(over="ignore"):
        values = rows.values.astype(np.float32)
    bad = ~np.isfinite(values)
    if bad.any():
        entry = int(np.argmax(bad))
        documents.fail(
            f"Feature {columns[entry] + first} has the value {rows.values[entry]}.",
            "Values must be finite numbers of single precision: replace it.",
            int(lines[_row_of(counts, entry)]),
        )
    row = np.repeat(np.arange(len(counts)), counts)
    step = np.diff(columns)
    if ((step <= 0) & (np.diff(row) == 0)).any():
        order = np.lexsort((columns, row))
        columns, values = columns[order], values[order]
        twin = (np.diff(columns) == 0) & (np.diff(row) == 0)
        _refuse_twins(twin, columns + first, lines[row], documents)
    if not values.all():
        kept = values != 0
        counts = np.bincount(row[kept], minlength=len(counts))
        columns, values = columns[kept], values[kept]
    return _Entries(counts, columns, values)


def _refuse_twins(twin: Bools, features: Longs, line: Longs, documents: Documents) -> None:
    if twin.any():
        entry = int(np.argmax(twin))
        documents.fail(
            f"Feature {features[entry]} occurs twice in the row.",
            "Add its values up, or remove one.",
            int(line[entry]),
        )


def _row_of(counts: Longs, entry: int) -> int:
    """Return the row of an entry, given the number of entries of each row (n_rows,)."""
    return int(np.searchsorted(np.cumsum(counts), entry, "right"))
