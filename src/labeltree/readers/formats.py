"""The formats of documents: what each is called, carries, and looks like."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from labeltree.core.errors import DataError
from labeltree.readers.files import COMPRESSIONS, lines, split_name


@dataclass(frozen=True)
class Format:
    """What a format is and holds."""

    name: str
    """As `--format` and `--to` call it."""
    endings: tuple[str, ...]
    """Of its files; the first is the one that is written."""
    texts: bool
    """Whether it holds texts; else features."""
    numbered: bool = False
    """Whether its labels are numbers, so that `label_ids.tsv` must say what they stand for."""
    packed: bool = False
    """Whether its files are compressed already."""


FORMATS = {
    format.name: format
    for format in (
        Format("jsonl", (".jsonl", ".json"), texts=True),
        Format("csv", (".csv",), texts=True),
        Format("tsv", (".tsv",), texts=True),
        Format("parquet", (".parquet",), texts=True, packed=True),
        Format("hiagm", (".json",), texts=True),
        Format("libmultilabel", (".txt", ".tsv"), texts=True),
        Format("xmc", (".txt",), texts=False, numbered=True),
        Format("svmlight", (".svm", ".svmlight", ".libsvm", ".txt"), texts=False, numbered=True),
        Format("npz", (".npz",), texts=False, numbered=True, packed=True),
    )
}
"""By name."""
ENDINGS = tuple(dict.fromkeys(ending for f in FORMATS.values() for ending in f.endings))
"""All endings that files of documents may have."""
READABLE = f"{', '.join(ENDINGS)}, each also with {' or '.join(COMPRESSIONS)}"

_BY_ENDING = {
    ".jsonl": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".svm": "svmlight",
    ".svmlight": "svmlight",
    ".libsvm": "svmlight",
    ".npz": "npz",
}
_HEADER = re.compile(rb"\s*\d+[ ]+\d+[ ]+\d+\s*")
_ROW = re.compile(rb"([\d.,+-]*[ ]+)?(\d+:[^\s:]+\s+)+(#.*)?", re.DOTALL)
_FIELD = re.compile(rb'"(doc_token|token|text)"\s*:')


def format_of(file: Path, forced: str | None = None) -> str:
    """Return the name of the format in which a file is read.

    The ending decides; for `.txt` and `.json`, which several formats share, the first line that is
    neither blank nor a comment.

    Parameters
    ----------
    forced
        The answer, if the user has given it.

    Raises
    ------
    DataError
        If the ending is unknown, the file is empty, or its first line fits no format.
    """
    if forced is not None:
        return forced
    _, ending = split_name(file)
    if ending in _BY_ENDING:
        return _BY_ENDING[ending]
    if ending not in (".txt", ".json"):
        raise DataError(
            f"Unknown file ending {ending!r}.",
            f"Known are {READABLE}: rename the file, or say what it is with --format"
            f" ({', '.join(FORMATS)}).",
            file=file,
        )
    number, first = _first_line(file)
    if not first:
        raise DataError("The file is empty.", "Remove it, or check its content.", file=file)
    found = _text_format(first) if ending == ".txt" else _json_format(first)
    if found is None:
        known = [f.name for f in FORMATS.values() if ending in f.endings]
        shown = repr(first[:60].decode(errors="replace").rstrip())
        raise DataError(
            f"The first line {shown} does not tell which format this is.",
            f"Say it with --format ({', '.join(known)}).",
            file=file,
            line=number,
        )
    return found


def _first_line(file: Path) -> tuple[int, bytes]:
    """Return (number, line) of the first line with content; an empty one if there is none."""
    for number, line in lines(file):
        if line.strip() and not line.startswith(b"#"):
            return number, line
    return 1, b""


def _text_format(first: bytes) -> str | None:
    """Return the format of a `.txt` file: three numbers, a row of features, or columns."""
    if b"\t" in first:
        return "libmultilabel" if len(first.split(b"\t")) in (2, 3) else None
    if _HEADER.fullmatch(first):
        return "xmc"
    return "svmlight" if _ROW.fullmatch(first + b"\n") else None


def _json_format(first: bytes) -> str | None:
    """Return the format of a `.json` file by the fields of its first object."""
    fields = set(_FIELD.findall(first))
    if fields == {b"text"}:
        return "jsonl"
    return "hiagm" if fields and b"text" not in fields else None
