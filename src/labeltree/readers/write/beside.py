"""What stands beside the documents: taxonomy, names, and the ids of the labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from labeltree.core.errors import DataError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.readers.folder import Splits
from labeltree.readers.write.edges import families, taxonomy_edges
from labeltree.readers.write.numbering import Numbering
from labeltree.readers.write.target import write_lines

IDS, NAMES, TAXONOMY = "label_ids.tsv", "label_names.tsv", "taxonomy.tsv"


def write_taxonomy(folder: Path, hierarchy: Hierarchy, *, by_parent: bool = False) -> str:
    """Write the edges, those below the root as children of `Root`; return the file's name.

    Parameters
    ----------
    by_parent
        HiAGM's `data.taxonomy`: one line for each parent with all its children.
    """
    rows: Iterable[list[str]]
    if by_parent:
        name, rows = "data.taxonomy", families(hierarchy)
    else:
        name, rows = TAXONOMY, map(list, taxonomy_edges(hierarchy))
    write_lines(folder / name, map(_line, rows))
    return name


def write_names(folder: Path, splits: Splits) -> str | None:
    """Write id, name and text of the labels that have any; return the file's name."""
    rows: dict[str, list[str]] = {}
    for labels in (splits.labels, *(part.labels for part in splits.parts.values())):
        for row in _named(labels):
            rows.setdefault(row[0], row)
    if not rows:
        return None
    for label, name, *_ in rows.values():
        if not name.strip():
            raise DataError(f"The name of the label {label!r} is empty.", "Name it, or use the id.")
    write_lines(folder / NAMES, map(_line, rows.values()))
    return NAMES


def _named(labels: Labels) -> Iterator[list[str]]:
    if labels.texts is not None:
        yield from map(list, zip(labels.ids, labels.names, labels.texts, strict=True))
        return
    for label, name in zip(labels.ids, labels.names, strict=True):
        if name != label:
            yield [label, name]


def write_ids(folder: Path, numbering: Numbering) -> str:
    """Write the id of label 0, 1, ... in each line; return the file's name."""
    inside = ([label] for label in numbering.universe)
    outside = ([label, "outside"] for label in numbering.outside)
    write_lines(folder / IDS, map(_line, chain(inside, outside)))
    return IDS


def _line(cells: Iterable[str]) -> bytes:
    """Return cells as a line.

    Raises
    ------
    DataError
        If a cell holds a tab or a line end, or the line would look blank.
    """
    cells = list(cells)
    line = "\t".join(cells)
    bad = [cell for cell in cells if "\t" in cell or "\n" in cell or "\r" in cell]
    if bad or line.isspace():
        raise DataError(
            f"{(bad or cells)[0]!r} cannot be written to a table of labels.",
            "Ids and names must not be blank, nor hold tabs or line ends: rename it.",
        )
    try:
        return f"{line}\n".encode()
    except UnicodeEncodeError as error:
        raise DataError(f"{line!r} is no valid Unicode.", "Remove lone surrogates.") from error
