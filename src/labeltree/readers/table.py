"""Tables with a header: CSV, TSV and Parquet."""

from __future__ import annotations

import csv
import io
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from labeltree.core.errors import DataError
from labeltree.readers.documents import Documents, Part, label_id
from labeltree.readers.files import COMPRESSIONS, damaged, open_stream, split_name, text_lines

if TYPE_CHECKING:
    import polars as pl

BATCH = 20_000
"""Rows of a Parquet file in memory at a time."""

_LONGEST_CELL = 2**31 - 1
_COLUMNS = "Name the columns with text_field and labels_field (--text-field, --labels-field)."
_NO_HEADER = " LibMultiLabel's files, which have no header, are read with --format libmultilabel."


# ---- CSV and TSV ---------------------------------------------------------------------------------


def read_table(documents: Documents) -> Part:
    """Read a text table, row by row, with the usual rules of quoting.

    The standard library's reader is used because it knows the line of every row; cells left out
    at the end of a row are an error, not labels that are missing.

    Raises
    ------
    DataError
        If the header lacks a column, a row has other cells than the header, or a quote is open.
    """
    records = _records(documents)
    first, header = next(records, (1, []))
    if not header:
        documents.fail("The file is empty.", "The first line must name the columns.")
    text, labels = _columns(header, documents, first)
    for line, cells in records:
        if len(cells) != len(header):
            documents.fail(
                f"Found {len(cells)} cells, the header has {len(header)}.",
                "Put cells that hold a delimiter in double quotes, or set delimiter and quotes.",
                line,
            )
        found = [] if labels is None else documents.cut(cells[labels])
        documents.add(cells[text], found, line)
    return documents.finish()


def _records(documents: Documents) -> Iterator[tuple[int, list[str]]]:
    """Yield (first line, cells) of each row; blank lines are counted and skipped."""
    options = documents.options
    usual = "\t" if _is_tsv(documents) else ","
    csv.field_size_limit(_LONGEST_CELL)  # a setting of the process; texts are often above 128 kB
    source = (line for _, line in text_lines(documents.file))
    rows = csv.reader(
        source,
        delimiter=options.delimiter or usual,
        quoting=csv.QUOTE_MINIMAL if options.quotes else csv.QUOTE_NONE,
        strict=True,
    )
    line = 1
    try:
        for cells in rows:
            if len(cells) > 1 or "".join(cells).strip():
                yield line, cells
            else:
                documents.skip_blank(line)
            line = rows.line_num + 1
    except csv.Error as error:
        documents.fail(
            f"The row that begins here cannot be read: {error}.",
            'Close every quote and write a quote inside one as ""; or set quotes to False.',
            line,
        )


def _is_tsv(documents: Documents) -> bool:
    return (documents.options.format or split_name(documents.file)[1]) in ("tsv", ".tsv")


def _columns(header: list[str], documents: Documents, line: int | None) -> tuple[int, int | None]:
    """Return the places of the text and the labels in the header."""
    options = documents.options
    labels = options.pick_labels_field(header)
    wanted = [options.text_field]
    if options.labels_field is not None:
        wanted.append(labels or options.labels_field)
    remedy = _COLUMNS + (_NO_HEADER if _is_tsv(documents) else "")
    for name in wanted:
        if header.count(name) != 1:
            found = ", ".join(map(repr, header[:10]))
            times = "no" if name not in header else "more than one"
            documents.fail(f"There is {times} column {name!r}; found {found}.", remedy, line)
    places = [header.index(name) for name in wanted]
    return places[0], places[1] if len(places) > 1 else None


# ---- Parquet -------------------------------------------------------------------------------------


def read_parquet(documents: Documents) -> Part:
    """Read a Parquet file; the labels are strings with separators, numbers, or lists of either.

    Rows take the place of lines, from 1.

    Raises
    ------
    DataError
        If the file is damaged, or a column is missing or of another type.
    """
    import polars as pl

    try:
        for at, texts, labels in _batches(documents):
            for row, (text, found) in enumerate(zip(texts, labels, strict=True), at + 1):
                documents.add(text or "", _cell(found, documents, row), row)
    except (pl.exceptions.PolarsError, OSError, EOFError, zlib.error) as error:
        if isinstance(error, DataError):
            raise
        raise damaged(documents.url or documents.file, error) from error
    return documents.finish()


def _batches(documents: Documents) -> Iterator[tuple[int, list[Any], list[Any]]]:
    """Yield (row, texts, labels) of each batch."""
    frame = _open_frame(documents)
    schema = frame.collect_schema()
    text, labels = _columns(schema.names(), documents, None)
    _check_types(documents, schema, text, labels)
    names = schema.names()
    kept = [names[text]] if labels is None else [names[text], names[labels]]
    at = 0
    while True:
        batch = frame.select(kept).slice(at, BATCH).collect()
        if not len(batch):
            return
        found = [None] * len(batch) if labels is None else batch.to_series(1).to_list()
        yield at, batch.to_series(0).to_list(), found
        at += len(batch)


def _open_frame(documents: Documents) -> pl.LazyFrame:
    import polars as pl

    if documents.url is not None:
        return pl.scan_parquet(documents.url)
    if documents.file.suffix.lower() not in COMPRESSIONS:
        return pl.scan_parquet(documents.file, glob=False)
    with open_stream(documents.file) as stream:  # Parquet is read from its end: no streaming here
        return pl.read_parquet(io.BytesIO(stream.read())).lazy()


def _check_types(documents: Documents, schema: pl.Schema, text: int, labels: int | None) -> None:
    import polars as pl

    strings = (pl.String, pl.Categorical, pl.Enum, pl.Null)
    found = schema.dtypes()[text]
    name = schema.names()[text]
    if found not in strings:
        documents.fail(f"Column {name!r} holds {found}, not strings.", "Convert it.")
    if labels is None:
        return
    found = schema.dtypes()[labels]
    inner = getattr(found, "inner", found)
    if inner not in strings and not inner.is_numeric():
        documents.fail(
            f"Column {schema.names()[labels]!r} holds {found}.",
            "Convert it to strings, numbers, or lists of either.",
        )


def _cell(value: Any, documents: Documents, row: int) -> list[str]:
    """Return the labels in one cell of a Parquet file."""
    if value is None:
        return []
    if isinstance(value, str):
        return documents.cut(value)
    ids = []
    for label in value if isinstance(value, list) else [value]:
        found = label_id(label)
        if found is None:
            documents.fail("A label is null or not finite.", "Remove it from the list.", row)
        ids.append(found)
    return ids
