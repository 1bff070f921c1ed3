"""From parts as they were read to data sets over one universe of labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from labeltree.core.arrays import CSR, Longs, from_parts, row_of_entry
from labeltree.core.dataset import Dataset
from labeltree.core.errors import DataError
from labeltree.core.hierarchy import ROOT, Hierarchy
from labeltree.core.labels import Labels
from labeltree.readers.documents import Part
from labeltree.readers.paths import PathFinder, path_edges, path_ids
from labeltree.readers.report import Notes
from labeltree.readers.taxonomy import Edge, LabelIds, LabelName

_LONGEST_NUMBER = 18  # more digits are a name, not a number


@dataclass(frozen=True)
class Beside:
    """What was found beside the documents."""

    taxonomy: Path | None = None
    edges: list[Edge] = field(default_factory=list)
    names_file: Path | None = None
    names: dict[str, LabelName] = field(default_factory=dict)
    """By id."""
    numbered: bool = False
    """Whether the names came by line number."""
    ids: LabelIds | None = None
    """The labels there are, if a file lists them."""


# ---- the universe --------------------------------------------------------------------------------


def build_labels(
    sources: Sequence[Part],
    raw: Sequence[str],
    beside: Beside,
    path_separator: str | None,
    notes: Notes,
) -> Labels:
    """Return the universe: the labels of `sources` and those of the hierarchy.

    Parameters
    ----------
    sources
        The train part, or every part where there is none.
    raw
        The label string of each code, (n_codes,).
    beside
        Taxonomy and names.
    path_separator
        If given, label strings are paths.
    notes
        Collects what is odd.

    Raises
    ------
    DataError
        If the taxonomy has a cycle, or numbered names are fewer than the labels.
    """
    used = np.unique(np.concatenate([part.codes for part in sources]))
    found = [raw[code] for code in used.tolist()]
    edges, carried, placed = beside.edges, set(found), set[str]()
    if path_separator is not None:
        ids = path_ids((tuple(label.split(path_separator)) for label in found), path_separator)
        edges = [*edges, *path_edges(ids)]
        carried = {ids[tuple(label.split(path_separator))] for label in found}
        placed = set(ids.values())
    declared = max(part.declared for part in sources)
    carried.update(map(str, range(declared)) if beside.ids is None else beside.ids.inside)
    nodes = nodes_of(edges, carried)
    universe = _universe(carried | nodes, beside.ids, declared)
    hierarchy = _hierarchy(edges, universe, beside)
    if hierarchy is not None:
        lost = sort_ids(carried - nodes - placed, numbers_first=declared > 0)
        where = "paths" if beside.taxonomy is None else beside.taxonomy.name
        notes.add_all("not_in_taxonomy", where, lost, len(lost))
    return _named(Labels(universe, hierarchy=hierarchy), beside, notes)


def _universe(known: set[str], ids: LabelIds | None, declared: int) -> tuple[str, ...]:
    """Return the columns: those that a file lists, then the rest of what is known."""
    if ids is None:
        return sort_ids(known, numbers_first=declared > 0)
    return (*ids.inside, *sort_ids(known - set(ids.ids)))


def sort_ids(ids: Iterable[str], *, numbers_first: bool = False) -> tuple[str, ...]:
    """Return label ids in the order of the columns.

    Whole numbers stand in numeric order if all ids are, or if `numbers_first` (then the rest
    follows); everything else as strings.
    """
    ids = sorted(ids)
    numeric = [is_number(label) for label in ids]
    if not numbers_first and not all(numeric):
        return tuple(ids)
    numbers = sorted((label for label, is_one in zip(ids, numeric, strict=True) if is_one), key=int)
    return (*numbers, *(label for label, is_one in zip(ids, numeric, strict=True) if not is_one))


def is_number(label: str) -> bool:
    """Whether an id is a whole number as `str` writes it: "7", not "07"."""
    digits = label.isascii() and label.isdigit() and len(label) <= _LONGEST_NUMBER
    return digits and (label == "0" or label[0] != "0")


def nodes_of(edges: Sequence[Edge], carried: Set[str]) -> set[str]:
    """Return the nodes that are labels: all but a lone source `Root` that no document carries."""
    parents, children = {parent for parent, _ in edges}, {child for _, child in edges}
    if parents - children == {ROOT} and ROOT not in carried:
        parents.discard(ROOT)
    return parents | children


def _hierarchy(edges: list[Edge], ids: tuple[str, ...], beside: Beside) -> Hierarchy | None:
    if not edges:
        return None
    try:
        return Hierarchy.from_edges(edges, ids)
    except DataError as error:
        raise DataError(str(error), file=beside.taxonomy) from error


def _named(labels: Labels, beside: Beside, notes: Notes) -> Labels:
    """Return labels with the names and texts of the files."""
    if beside.names_file is None:
        return labels
    numbers = [int(label) for label in labels.ids if is_number(label)]
    if beside.numbered and beside.ids is None and max(numbers, default=-1) >= len(beside.names):
        raise DataError(
            f"There are {len(beside.names)} names, but labels up to {max(numbers)}.",
            "Give one name a line, the first for label 0.",
            file=beside.names_file,
        )
    unused = [name.line for label, name in beside.names.items() if label not in labels.column]
    notes.add_lines("unused_name", beside.names_file.name, beside.names_file, np.array(unused))
    found = [beside.names.get(label, LabelName(label, None, 0)) for label in labels.ids]
    texts = None
    if any(name.text is not None for name in found):
        texts = tuple(name.name if name.text is None else name.text for name in found)
    return replace(labels, names=tuple(name.name for name in found), texts=texts)


# ---- the parts -----------------------------------------------------------------------------------


def label_ids(raw: Sequence[str], labels: Labels, path_separator: str | None) -> list[str]:
    """Return the id of each label string, (n_codes,), given the universe."""
    if path_separator is None:
        return list(raw)
    finder = PathFinder(labels, path_separator)
    return [finder.find(tuple(label.split(path_separator))) for label in raw]


def build_dataset(
    part: Part, ids: Sequence[str], labels: Labels, names: Mapping[str, LabelName], notes: Notes
) -> Dataset:
    """Return the part over the universe; labels outside it become extra columns behind.

    Parameters
    ----------
    part
        As it was read.
    ids
        The label id of each code, (n_codes,).
    labels
        The universe.
    names
        Names of labels outside the universe, as far as there are any.
    notes
        Collects what is odd.
    """
    present = np.unique(part.codes).tolist()
    outside = sort_ids({ids[code] for code in present} - labels.column.keys())
    column = {label: len(labels) + i for i, label in enumerate(outside)}
    column_of = np.full(len(ids), -1, np.int64)
    column_of[present] = [labels.column.get(ids[c], column.get(ids[c], -1)) for c in present]
    rows = np.repeat(np.arange(len(part.counts)), part.counts)
    columns = column_of[part.codes]
    Y, repeated = _truth(rows, columns, (len(part.counts), len(labels) + len(outside)))
    for kind, at in (
        ("no_labels", np.flatnonzero(part.counts == 0)),
        ("repeated_label", repeated),
        ("outside_universe", row_of_entry(Y)[Y.indices >= len(labels)]),
    ):
        notes.add_lines(kind, part.name, part.file, part.lines[at])
    return Dataset(Y, extended(labels, outside, names), part.texts, part.X, len(labels))


def extended(labels: Labels, outside: Sequence[str], names: Mapping[str, LabelName]) -> Labels:
    """Return the universe followed by labels `outside` it."""
    if not outside:
        return labels
    found = [names.get(label, LabelName(label, None, 0)) for label in outside]
    texts = None
    if labels.texts is not None:
        texts = (*labels.texts, *(n.name if n.text is None else n.text for n in found))
    return replace(
        labels,
        ids=(*labels.ids, *outside),
        names=(*labels.names, *(name.name for name in found)),
        texts=texts,
        counts=np.pad(labels.counts, (0, len(outside))),
        counts_specific=np.pad(labels.counts_specific, (0, len(outside))),
    )


def _truth(rows: Longs, columns: Longs, shape: tuple[int, int]) -> tuple[CSR, Longs]:
    """Return Y, and the row of each occurrence that repeats another (n_repeated,)."""
    width = max(shape[1], 1)
    keys, counts = np.unique(rows * width + columns, return_counts=True)
    indptr = np.searchsorted(keys, np.arange(shape[0] + 1) * width)
    Y = from_parts(
        np.ones(len(keys), np.float32),
        (keys % width).astype(np.int32),
        indptr.astype(np.int64),
        shape,
    )
    return Y, np.repeat(keys // width, counts - 1)
