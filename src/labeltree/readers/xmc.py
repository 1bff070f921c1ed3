"""The text format of the Extreme Classification Repository: `l1,l2 f:v f:v` under a header."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from labeltree.core.arrays import Bools, Doubles, Floats, Ints, Longs, from_parts
from labeltree.readers.documents import Documents, Part, Vocabulary, as_array
from labeltree.readers.files import lines
from labeltree.readers.xmc_rows import Rows, parse_rows, shown

BLOCK = 1 << 20
"""Bytes parsed at once."""

_LARGEST = 2**31 - 1


class Header(NamedTuple):
    """The first line of a file."""

    n_points: int
    n_features: int
    n_labels: int


def read_xmc(documents: Documents, vocabulary: Vocabulary) -> Part:
    """Read features and labels; rows may lack either.

    An empty line is a row with neither while the header announces more rows; after them it is
    counted and skipped.

    Raises
    ------
    DataError
        If the header is not three numbers or disagrees with the rows, an index is out of range
        or twice in a row, or a value is no finite number.
    """
    source = lines(documents.file)
    header = _header(documents, next(source, None))
    label_counts, feature_counts, labels = array("i"), array("i"), array("i")
    indices, values, numbers = array("i"), array("f"), array("q")
    for at, block in _blocks(_rows(source, header, documents)):
        rows = parse_rows(block, at, documents)
        entries = _checked_features(rows, header, at, documents)
        found = _checked_indices(
            rows.labels, rows.label_counts, header.n_labels, "label", at, documents
        )
        label_counts.frombytes(rows.label_counts.astype(np.int32).tobytes())
        feature_counts.frombytes(entries.counts.astype(np.int32).tobytes())
        labels.frombytes(found.astype(np.int32).tobytes())
        indices.frombytes(entries.columns.astype(np.int32).tobytes())
        values.frombytes(entries.values.tobytes())
        numbers.extend(range(at, at + len(block)))
    n = len(numbers)
    if n < header.n_points:
        documents.fail(
            f"The header announces {header.n_points} rows, found {n}.",
            "The file is cut off, or its header must be corrected.",
            1,
        )
    indptr = np.concatenate(([0], np.cumsum(as_array(feature_counts, np.int32), dtype=np.int64)))
    X = from_parts(
        as_array(values, np.float32), as_array(indices, np.int32), indptr, (n, header.n_features)
    )
    codes = _coded(as_array(labels, np.int32), vocabulary)
    counts, numbered = as_array(label_counts, np.int32), as_array(numbers, np.int64)
    return Part(
        documents.name, documents.file, codes, counts, numbered, X=X, declared=header.n_labels
    )


def _header(documents: Documents, first: tuple[int, bytes] | None) -> Header:
    if first is None:
        documents.fail(
            "The file is empty.", "Its first line must be: n_points n_features n_labels."
        )
    tokens = first[1].split()
    numbers = [int(token) for token in tokens if token.isdigit() and len(token) < 20]
    if len(tokens) != 3 or len(numbers) != 3:
        documents.fail(
            f"Found {shown(first[1])}, not a header.",
            "A .txt file must be in the format of the Extreme Classification Repository; its first"
            " line is: n_points n_features n_labels.",
            1,
        )
    header = Header(*numbers)
    if not header.n_points or max(header) > _LARGEST:
        documents.fail(
            f"The header announces {shown(first[1])}.", f"Rows must be 1 to {_LARGEST}.", 1
        )
    return header


def _rows(
    source: Iterator[tuple[int, bytes]], header: Header, documents: Documents
) -> Iterator[tuple[int, bytes]]:
    """Yield (line number, line without its end) of each row."""
    for number, line in source:
        if number <= header.n_points + 1:
            yield number, line.rstrip()
        elif line.isspace():
            documents.skip_blank(number)
        else:
            documents.fail(
                f"The header announces {header.n_points} rows, here is one more.",
                "Correct the header.",
                number,
            )


def _blocks(rows: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, list[bytes]]]:
    """Yield (number of the first line, lines) for about `BLOCK` bytes at a time."""
    block: list[bytes] = []
    size = at = 0
    for number, line in rows:
        at = at if block else number
        block.append(line)
        size += len(line)
        if size >= BLOCK:
            yield at, block
            block, size = [], 0
    if block:
        yield at, block


def _coded(labels: Ints, vocabulary: Vocabulary) -> Ints:
    """Return the codes of label numbers, (n_occurrences,)."""
    distinct, inverse = np.unique(labels, return_inverse=True)
    codes = np.array([vocabulary[str(label)] for label in distinct.tolist()], np.int32)
    return np.asarray(codes[inverse], np.int32)


# ---- checks --------------------------------------------------------------------------------------


class Entries(NamedTuple):
    """The features of a block, sorted within each row, without those that are 0."""

    counts: Longs
    """(n_rows,)."""
    columns: Longs
    """(n_entries,)."""
    values: Floats
    """(n_entries,)."""


def _checked_features(rows: Rows, header: Header, at: int, documents: Documents) -> Entries:
    counts = rows.feature_counts
    columns = _checked_indices(rows.indices, counts, header.n_features, "feature", at, documents)
    with np.errstate(over="ignore"):
        values = rows.values.astype(np.float32)
    bad = ~np.isfinite(values)
    if bad.any():
        entry = int(np.argmax(bad))
        documents.fail(
            f"Feature {columns[entry]} has the value {rows.values[entry]}.",
            "Values must be finite numbers of single precision: replace it.",
            at + int(_row_of(counts, entry)),
        )
    row = np.repeat(np.arange(len(counts)), counts)
    step = np.diff(columns)
    if ((step <= 0) & (np.diff(row) == 0)).any():
        order = np.lexsort((columns, row))
        columns, values = columns[order], values[order]
        _refuse_twins((np.diff(columns) == 0) & (np.diff(row) == 0), columns, row + at, documents)
    if not values.all():
        kept = values != 0
        counts = np.bincount(row[kept], minlength=len(counts))
        columns, values = columns[kept], values[kept]
    return Entries(counts, columns, values)


def _refuse_twins(twin: Bools, columns: Longs, line: Longs, documents: Documents) -> None:
    if twin.any():
        entry = int(np.argmax(twin))
        documents.fail(
            f"Feature {columns[entry]} occurs twice in the row.",
            "Add its values up, or remove one.",
            int(line[entry]),
        )


def _checked_indices(
    numbers: Doubles, counts: Longs, end: int, what: str, at: int, documents: Documents
) -> Longs:
    """Return label or feature numbers (n,) as integers, all in 0 ... end - 1."""
    bad = ~((numbers >= 0) & (numbers < end) & (numbers == np.floor(numbers)))
    if bad.any():
        entry = int(np.argmax(bad))
        documents.fail(
            f"The {what} {numbers[entry]:g} is none of the {end} that the header announces.",
            f"A {what} must be a whole number from 0 to {end - 1}: correct it, or the header.",
            at + int(_row_of(counts, entry)),
        )
    return numbers.astype(np.int64)


def _row_of(counts: Longs, entry: int) -> int:
    """Return the row of an entry, given the number of entries of each row (n_rows,)."""
    return int(np.searchsorted(np.cumsum(counts), entry, "right"))
