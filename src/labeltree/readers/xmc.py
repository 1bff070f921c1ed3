"""The text format of the Extreme Classification Repository: `l1,l2 f:v f:v` under a header."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from labeltree.readers.documents import Documents, Part
from labeltree.readers.feature_rows import LARGEST, FeatureRows, Limits
from labeltree.readers.files import lines
from labeltree.readers.xmc_rows import shown


class Header(NamedTuple):
    """The first line of a file."""

    n_points: int
    n_features: int
    n_labels: int


def read_xmc(documents: Documents) -> Part:
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
    remedy = (
        f"The header announces {header.n_features} features and {header.n_labels} labels: correct"
        " the number, or the header."
    )
    rows = FeatureRows(documents, Limits(0, header.n_features, header.n_labels, remedy))
    rows.read(_rows(source, header, documents))
    if len(rows) < header.n_points:
        documents.fail(
            f"The header announces {header.n_points} rows, found {len(rows)}.",
            "The file is cut off, or its header must be corrected.",
            1,
        )
    return rows.finish(header.n_features, header.n_labels)


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
    if not header.n_points or max(header) > LARGEST:
        documents.fail(
            f"The header announces {shown(first[1])}.", f"Rows must be 1 to {LARGEST}.", 1
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
