"""HiAGM's JSON: one object a line with the tokens of a text and its labels."""

from __future__ import annotations

from typing import Any

from labeltree.readers.documents import Documents, Part, label_id
from labeltree.readers.jsonl import names_of, read_records

_TOKENS = ("token", "doc_token")
_LABELS = ("label", "doc_label")


def read_hiagm(documents: Documents) -> Part:
    """Read `{"token": ["..."], "label": ["..."]}`, or `doc_token` and `doc_label`, one a line.

    The text is the tokens with blanks between them; other fields are left alone.

    Raises
    ------
    DataError
        If a line is no such object; says which line and why.
    """
    for number, record in read_records(documents):
        tokens = _strings(_field(record, _TOKENS, documents, number), documents, number)
        labels = _strings(_field(record, _LABELS, documents, number), documents, number)
        documents.add(" ".join(tokens), labels, number)
    return documents.finish()


def _field(
    record: dict[str, Any], names: tuple[str, ...], documents: Documents, number: int
) -> Any:
    present = [name for name in names if name in record]
    if present:
        return record[present[0]]
    return documents.fail(
        f"There is no field {names[0]!r} or {names[1]!r}; found {names_of(record)}.",
        'Each line must look like {"token": ["..."], "label": ["..."]}; for a text in one piece'
        " say --format jsonl.",
        number,
    )


def _strings(value: Any, documents: Documents, number: int) -> list[str]:
    words = [label_id(word) for word in value] if isinstance(value, list) else [None]
    found = [word for word in words if word is not None]
    if len(found) < len(words):
        documents.fail(
            f"Found {str(value)[:60]!r}, not a list of strings.",
            "Tokens and labels are lists of strings, [] for none.",
            number,
        )
    return found
