"""What stands beside the documents: the taxonomy and the names of the labels."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from labeltree.core.errors import DataError
from labeltree.readers.files import text_lines
from labeltree.readers.report import Notes, place

Edge = tuple[str, str]
"""(parent id, child id)"""


class LabelName(NamedTuple):
    """What a file says about a label."""

    name: str
    text: str | None
    line: int


class LabelIds(NamedTuple):
    """What `label_ids.tsv` says: label n of a numbered format is called `ids[n]`."""

    ids: tuple[str, ...]
    """By line."""
    outside: frozenset[str]
    """Those that are not part of the universe."""
    file: Path

    @property
    def inside(self) -> tuple[str, ...]:
        """The universe, in order."""
        return tuple(label for label in self.ids if label not in self.outside)


def read_edges(file: Path, notes: Notes) -> list[Edge]:
    """Read a taxonomy: parent and child, or a parent and all its children, divided by tabs.

    Returns
    -------
    The edges in order of the file, each once.

    Raises
    ------
    DataError
        If a line has one column or an empty one, or the file has no edge.
    """
    edges: dict[Edge, None] = {}
    for number, line in text_lines(file):
        cells = _cells(line)
        if cells is None:
            notes.add("blank_line", file.name, place(file, number))
            continue
        if len(cells) < 2 or "" in cells:
            raise DataError(
                f"Found {'one' if len(cells) < 2 else 'an empty'} column: {line.rstrip()!r}.",
                "Each line must be parent<TAB>child, or parent<TAB>child<TAB>child...",
                file=file,
                line=number,
            )
        for child in cells[1:]:
            if (cells[0], child) in edges:
                notes.add("repeated_edge", file.name, place(file, number))
            edges[cells[0], child] = None
    if not edges:
        raise DataError("The taxonomy is empty.", "Remove the file, or fill it.", file=file)
    return list(edges)


def read_names(file: Path, notes: Notes) -> dict[str, LabelName]:
    """Read label names by id: id, name and, if there is one, a longer text, divided by tabs.

    Raises
    ------
    DataError
        If a line has other columns, or an id comes twice.
    """
    found: dict[str, LabelName] = {}
    for number, line in text_lines(file):
        cells = _cells(line)
        if cells is None:
            notes.add("blank_line", file.name, place(file, number))
            continue
        if len(cells) not in (2, 3) or not cells[0]:
            raise DataError(
                f"Found {len(cells)} columns{'' if cells[0] else ', the first of them empty'}.",
                "Each line must be id<TAB>name or id<TAB>name<TAB>text.",
                file=file,
                line=number,
            )
        if cells[0] in found:
            raise DataError(
                f"The id {cells[0]!r} stands already in line {found[cells[0]].line}.",
                "Ids must be unique: remove one of the lines.",
                file=file,
                line=number,
            )
        found[cells[0]] = _named(cells, file, number, notes)
    return found


def read_numbered_names(file: Path, notes: Notes) -> dict[str, LabelName]:
    """Read label names by line: the first line names label 0."""
    found = {}
    for number, line in text_lines(file):
        cells = [str(number - 1), line.rstrip("\r\n")]
        found[cells[0]] = _named(cells, file, number, notes)
    return found


def read_ids(file: Path) -> LabelIds:
    """Read the ids of label 0, 1, ... by line; `outside` in a second column: not in the universe.

    Raises
    ------
    DataError
        If a line is blank or has other columns, or an id comes twice.
    """
    found: dict[str, int] = {}
    outside = set()
    for number, line in text_lines(file):
        cells = _cells(line)
        if cells is None or not cells[0] or cells[1:] not in ([], ["outside"]):
            raise DataError(
                f"Found {line.rstrip()!r}.",
                "Each line must be an id, or id<TAB>outside for a label that is no column.",
                file=file,
                line=number,
            )
        if cells[0] in found:
            raise DataError(
                f"The id {cells[0]!r} stands already in line {found[cells[0]]}.",
                "Ids must be unique: remove one of the lines.",
                file=file,
                line=number,
            )
        found[cells[0]] = number
        if len(cells) > 1:
            outside.add(cells[0])
    if not found:
        raise DataError("The file is empty.", "Remove it, or fill it.", file=file)
    return LabelIds(tuple(found), frozenset(outside), file)


def _cells(line: str) -> list[str] | None:
    """Return the columns of a line, or None if it is blank."""
    if line.isspace():
        return None
    return line.rstrip("\r\n").split("\t")


def _named(cells: list[str], file: Path, number: int, notes: Notes) -> LabelName:
    if not cells[1].strip():
        notes.add("empty_name", file.name, place(file, number))
        cells = [cells[0], cells[0], *cells[2:]]
    return LabelName(cells[1], cells[2] if len(cells) > 2 else None, number)
