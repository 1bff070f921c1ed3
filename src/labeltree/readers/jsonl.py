"""JSON lines: one object a line with a text and its labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from labeltree.readers.documents import Documents, Part, label_id
from labeltree.readers.files import decode, lines


def read_jsonl(documents: Documents) -> Part:
    """Read one object a line: `{"text": "...", "labels": ["a", "b"]}`.

    Labels are strings or numbers, in a list or a single one.

    Raises
    ------
    DataError
        If a line is no such object; says which line and why.
    """
    for number, record in read_records(documents):
        documents.add(_text(record, documents, number), _labels(record, documents, number), number)
    return documents.finish()


def read_records(documents: Documents) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number, object); blank lines are counted and skipped.

    Raises
    ------
    DataError
        If a line is no object.
    """
    for number, line in lines(documents.file):
        if line.isspace():
            documents.skip_blank(number)
        else:
            yield number, _parse(line, documents, number)


def names_of(record: dict[str, Any]) -> str:
    """Return the names of an object's fields, for a message."""
    return ", ".join(map(repr, list(record)[:10])) or "none"


def _parse(line: bytes, documents: Documents, number: int) -> dict[str, Any]:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        decode(line, documents.file, number)  # says more where the encoding is at fault
        documents.fail(
            f"Invalid JSON at character {error.pos + 1}: {error.msg}.",
            "Each line must be one complete JSON object; an indented file or a JSON array must be"
            " converted.",
            number,
        )
    if not isinstance(record, dict):
        documents.fail(
            f"Found {_kind(record)}, not an object.",
            'Each line must look like {"text": "...", "labels": ["..."]}.',
            number,
        )
    return record


def _text(record: dict[str, Any], documents: Documents, number: int) -> str:
    name = documents.options.text_field
    if name not in record:
        documents.fail(f"There is no field {name!r}; found {names_of(record)}.", _FIELDS, number)
    text = record[name]
    if not isinstance(text, str):
        documents.fail(f"{name!r} is {_kind(text)}, not a string.", "Write it in quotes.", number)
    return text


def _labels(record: dict[str, Any], documents: Documents, number: int) -> list[str]:
    wanted = documents.options.labels_field
    if wanted is None:
        return []
    name = documents.options.pick_labels_field(record)
    if name is None:
        documents.fail(f"There is no field {wanted!r}; found {names_of(record)}.", _FIELDS, number)
    value = record[name]
    ids = []
    for label in value if isinstance(value, list) else [value]:
        found = label_id(label)
        if found is None:
            documents.fail(
                f"{name!r} holds {_kind(label)}, not a string or a number.",
                "Give a list of strings or numbers, [] for none.",
                number,
            )
        ids.append(found)
    return ids


_FIELDS = "Name the fields with text_field and labels_field (--text-field, --labels-field)."


def _kind(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    kinds = {dict: "an object", list: "a list", str: "a string", int: "a number", float: "a number"}
    return kinds[type(value)]
