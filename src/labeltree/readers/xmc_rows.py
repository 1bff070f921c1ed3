"""Lines of the repository's text to numbers, a block at a time.

The numbers of a block go through numpy; its shape (label list, then `index:value` pairs with single
blanks between them) is checked on the bytes. A block that does not pass is parsed again line by
line, which takes any blanks and finds the line to blame.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple, NoReturn

import numpy as np

from labeltree.core.arrays import Doubles, Longs
from labeltree.readers.documents import Documents

_DIGITS = b"0123456789"
_BLANK, _COLON = b" "[0], b":"[0]


class Rows(NamedTuple):
    """The numbers of a block, as they stand in it."""

    label_counts: Longs
    """Labels of each row, (n_rows,)."""
    feature_counts: Longs
    """Features of each row, (n_rows,)."""
    labels: Doubles
    """(n_occurrences,)."""
    indices: Doubles
    """(n_entries,)."""
    values: Doubles
    """(n_entries,)."""


def parse_rows(block: list[bytes], at: Sequence[int], documents: Documents) -> Rows:
    """Return the numbers of lines, which have the line numbers `at`.

    Raises
    ------
    DataError
        If a line has another shape.
    """
    heads, tails = [], []
    for line in block:
        head, _, tail = line.partition(b" ")
        bare = b":" in head  # the row has no labels
        heads.append(b"" if bare else head)
        tails.append(line if bare else tail)
    rows = _parse_fast(heads, tails)
    return _parse_slowly(block, at, documents) if rows is None else rows


def _parse_fast(heads: list[bytes], tails: list[bytes]) -> Rows | None:
    """Return the numbers of a block, or None if anything about it is unusual."""
    label_list = b",".join(filter(None, heads))
    pairs = b" ".join(filter(None, tails))
    strange = label_list.translate(None, _DIGITS + b",") or pairs.translate(
        None, _DIGITS + b".eE+-: "
    )
    if strange or not _alternates(pairs):
        return None
    try:
        labels = np.array(label_list.split(b",") if label_list else [], np.float64)
        numbers = np.array(pairs.replace(b":", b" ").split(), np.float64)
    except ValueError:
        return None
    label_counts = np.array([head.count(b",") + 1 if head else 0 for head in heads], np.int64)
    feature_counts = np.array([tail.count(b":") for tail in tails], np.int64)
    if len(numbers) != 2 * feature_counts.sum():  # an index or a value is missing
        return None
    return Rows(label_counts, feature_counts, labels, numbers[0::2], numbers[1::2])


def _alternates(pairs: bytes) -> bool:
    """Whether colons and blanks take turns, a colon first and last: `i:v i:v ... i:v`."""
    letters = np.frombuffer(pairs, np.uint8)
    marks = letters[(letters == _BLANK) | (letters == _COLON)]
    first_and_last = len(marks) % 2 == 1 or not len(letters)
    return bool(first_and_last and (marks[0::2] == _COLON).all() and (marks[1::2] == _BLANK).all())


def _parse_slowly(block: list[bytes], at: Sequence[int], documents: Documents) -> Rows:
    """Return the numbers of a block, or raise about the first line that is wrong."""
    found = [_parse_line(line, number, documents) for line, number in zip(block, at, strict=True)]
    labels, indices, values = (list(chain.from_iterable(row[i] for row in found)) for i in range(3))
    return Rows(
        np.array([len(row[0]) for row in found], np.int64),
        np.array([len(row[1]) for row in found], np.int64),
        *(np.array(flat, np.float64) for flat in (labels, indices, values)),
    )


def _parse_line(
    line: bytes, number: int, documents: Documents
) -> tuple[list[float], list[float], list[float]]:
    """Return (labels, indices, values)."""
    tokens = line.split()
    labels: list[float] = []
    if tokens and b":" not in tokens[0]:
        first = tokens.pop(0)
        labels = [_number(label, first, number, documents) for label in first.split(b",")]
    indices, values = [], []
    for token in tokens:
        index, colon, value = token.partition(b":")
        if not colon:
            _blame(token, number, documents)
        indices.append(_number(index, token, number, documents))
        values.append(_number(value, token, number, documents))
    return labels, indices, values


def _number(token: bytes, around: bytes, number: int, documents: Documents) -> float:
    if b"_" in token:  # float() takes 1_000, nobody else does
        _blame(around, number, documents)
    try:
        return float(token)
    except ValueError:
        _blame(around, number, documents)


def _blame(token: bytes, number: int, documents: Documents) -> NoReturn:
    documents.fail(
        f"Found {shown(token)}.",
        "A row must be label,label index:value index:value, all of them numbers.",
        number,
    )


def shown(token: bytes) -> str:
    """Return the beginning of something found, for a message."""
    return repr(token[:60].decode(errors="replace").strip())
