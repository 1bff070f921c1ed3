"""Texts with their labels as JSON lines, tables, HiAGM's JSON and LibMultiLabel's TSV."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from labeltree.core.dataset import Dataset
from labeltree.core.errors import DataError
from labeltree.readers.write.target import open_packed, write_lines

_SEPARATOR = "|"


def write_texts(format: str, data: Dataset, part: str, file: Path) -> None:
    """Write the texts and labels of a part.

    Raises
    ------
    DataError
        If the format cannot hold a text or a label id; says which.
    """
    texts = _checked(data, part)
    try:
        if format == "parquet":
            _write_parquet(texts, label_rows(data), file)
        else:
            write_lines(file, _WRITERS[format](texts, data, part))
    except (UnicodeEncodeError, orjson.JSONEncodeError) as error:
        raise DataError(
            f"{part}: a text or label is no valid Unicode: {error}.", "Remove lone surrogates."
        ) from error


def label_rows(data: Dataset) -> Iterator[list[str]]:
    """Yield the label ids of each document, in the order of the columns."""
    ids = np.empty(len(data.labels), object)
    ids[:] = data.labels.ids
    flat = ids[data.Y.indices].tolist()
    for begin, end in pairwise(data.Y.indptr.tolist()):
        yield flat[begin:end]


def _checked(data: Dataset, part: str) -> Sequence[str]:
    """Return the texts; one that a reader would skip is refused."""
    assert data.texts is not None
    for number, text in enumerate(data.texts, 1):
        if not text or text.isspace():
            raise DataError(
                f"{part}: document {number} has an empty text, and readers skip those.",
                "Take it out of the data first.",
            )
    return data.texts


def _refuse_ids(data: Dataset, part: str, bad: Callable[[str], bool], why: str) -> None:
    """Raise about the first label of a document whose id the format cannot hold."""
    for column in np.unique(data.Y.indices).tolist():
        if bad(data.labels.ids[column]):
            raise DataError(
                f"{part}: the label id {data.labels.ids[column]!r} {why}.",
                "Choose jsonl, parquet or hiagm, which hold any id, or rename the label.",
            )


def _jsonl(texts: Sequence[str], data: Dataset, part: str) -> Iterator[bytes]:
    for text, labels in zip(texts, label_rows(data), strict=True):
        yield orjson.dumps({"text": text, "labels": labels}, option=orjson.OPT_APPEND_NEWLINE)


def _hiagm(texts: Sequence[str], data: Dataset, part: str) -> Iterator[bytes]:
    """Yield HiAGM's objects; tokens are cut at every single blank, so that joining is exact."""
    for text, labels in zip(texts, label_rows(data), strict=True):
        record = {"token": text.split(" "), "label": labels, "doc_topic": [], "doc_keyword": []}
        yield orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)


def _table(delimiter: str) -> Callable[[Sequence[str], Dataset, str], Iterator[bytes]]:
    def rows(texts: Sequence[str], data: Dataset, part: str) -> Iterator[bytes]:
        why = f"holds the separator {_SEPARATOR!r}"
        _refuse_ids(data, part, lambda label: _SEPARATOR in label, why)
        yield f"text{delimiter}labels\n".encode()
        for text, labels in zip(texts, label_rows(data), strict=True):
            cells = (_quoted(text), _quoted(_SEPARATOR.join(labels)))
            yield f"{delimiter.join(cells)}\n".encode()

    return rows


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


def _libmultilabel(texts: Sequence[str], data: Dataset, part: str) -> Iterator[bytes]:
    _refuse_ids(data, part, lambda label: label.split() != [label], "holds a blank")
    rows = zip(texts, label_rows(data), strict=True)
    for number, (text, labels) in enumerate(rows, 1):
        if "\t" in text or "\n" in text or "\r" in text:
            raise DataError(
                f"{part}: document {number} holds a tab or a line end; LibMultiLabel's format has"
                " no way to write one.",
                "Choose jsonl, csv, parquet or hiagm, or replace them in the texts.",
            )
        yield f"{number}\t{' '.join(labels)}\t{text}\n".encode()


_WRITERS = {
    "jsonl": _jsonl,
    "hiagm": _hiagm,
    "csv": _table(","),
    "tsv": _table("\t"),
    "libmultilabel": _libmultilabel,
}


def _write_parquet(texts: Sequence[str], labels: Iterator[list[str]], file: Path) -> None:
    import polars as pl

    schema: dict[str, Any] = {"text": pl.String, "labels": pl.List(pl.String)}
    frame = pl.DataFrame({"text": list(texts), "labels": list(labels)}, schema=schema)
    with open_packed(file) as out:
        frame.write_parquet(out)
