"""A file or a folder to its parts, over one universe of labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from labeltree.core.dataset import Dataset
from labeltree.core.errors import DataError, ParameterError
from labeltree.core.labels import Labels
from labeltree.readers.documents import Documents, Part, ReadOptions, Vocabulary
from labeltree.readers.files import PARTS, find_beside, find_parts, format_of
from labeltree.readers.jsonl import read_jsonl
from labeltree.readers.report import Notes, ReadReport
from labeltree.readers.table import read_parquet, read_table
from labeltree.readers.taxonomy import read_edges, read_names, read_numbered_names
from labeltree.readers.universe import Beside, build_dataset, build_labels, label_ids
from labeltree.readers.xmc import read_xmc

_DEFAULTS = ReadOptions()
_READERS = {".jsonl": read_jsonl, ".csv": read_table, ".tsv": read_table, ".parquet": read_parquet}


@dataclass(frozen=True, eq=False)
class Splits:
    """The parts of a data set over one universe of labels.

    The first `len(labels)` columns of every part are the universe. A part with labels outside it
    has more columns behind them; its `n_universe` says where they begin.
    """

    train: Dataset | None
    val: Dataset | None
    test: Dataset | None
    labels: Labels
    """The universe."""
    report: ReadReport
    """What was skipped, merged or odd."""

    @property
    def parts(self) -> dict[str, Dataset]:
        """The parts there are, by name."""
        named = {"train": self.train, "val": self.val, "test": self.test}
        return {name: part for name, part in named.items() if part is not None}

    def close_labels(self) -> Splits:
        """Return the data with all ancestors added to the label sets (`--close-labels`).

        Training counts that were those of the train part are counted again.

        Raises
        ------
        DataError
            If there is no hierarchy.
        """
        parts = {name: part.with_ancestors() for name, part in self.parts.items()}
        labels = self.labels
        if self.train is not None and _counts_are_of(labels, self.train):
            labels = labels.counted(parts["train"].Y[:, : len(labels)])
            parts = {name: _recounted(part, labels) for name, part in parts.items()}
        return _splits(parts, labels, self.report)


_PARTS = tuple(dict.fromkeys(PARTS.values()))


def read(
    path: str | Path,
    *,
    labels: Labels | None = None,
    part: str | None = None,
    options: ReadOptions = _DEFAULTS,
) -> Splits:
    """Read a data set: a file, or a folder with files named train, val and test.

    Formats, by ending: `.jsonl`, `.csv` and `.tsv` with a header, `.parquet`, and `.txt` for the
    text of the Extreme Classification Repository; each may also end in `.gz` or `.zst`. Files
    called valid, validation or dev are the val part. Beside the documents, `taxonomy.tsv`
    (parent, child; or parent and all its children), `label_names.tsv` (id, name, and if you like a
    longer text) and `label_names.txt` (the name of label 0, 1, ... in each line) are found by name.

    The universe, that is, the columns of Y, are the labels of the train part and those of the
    hierarchy, where every node is a label but a top node `Root` that no training document
    carries. Ids are sorted as strings, or as numbers if all of them are whole numbers; in the
    repository's format, columns are the label numbers that the header announces. Labels of
    other parts outside the universe get extra columns behind it. Labels are never altered: those
    repeated within a document are merged and counted, none is added, none dropped.

    Parameters
    ----------
    path
        The file or folder.
    labels
        A fitted model's labels: they are the universe then, in their order, with their hierarchy,
        names and counts; taxonomy and names beside the documents are not read.
    part
        What a file holds: train (if None), val or test. Of a folder, the only part to read;
        without a train part and without `labels`, the labels that were read make the universe.
    options
        Names of fields, separators.

    Raises
    ------
    DataError
        If something is wrong with a file: says which file, which line and what to do.
    ParameterError
        If there is no such part.
    """
    path = Path(path)
    if part not in (None, *_PARTS):
        raise ParameterError(f"part must be one of {', '.join(_PARTS)}, found {part!r}.")
    notes, vocabulary = Notes(), Vocabulary()
    files = _files(path, part, notes)
    folder = path if path.is_dir() else path.parent
    parts = [_read_part(n, file, vocabulary, notes, options) for n, file in files.items()]
    _check_features(parts)
    raw, separator = list(vocabulary), options.path_separator
    beside, given = Beside(), labels
    if labels is None:
        beside = _read_beside(folder, notes)
        sources = [p for p in parts if p.name == "train"] or parts
        labels = build_labels(sources, raw, beside, separator, notes)
    ids = label_ids(raw, labels, separator)
    found = {p.name: build_dataset(p, ids, labels, beside.names, notes) for p in parts}
    if given is None and "train" in found:
        labels = labels.counted(found["train"].Y)
        found = {name: _recounted(dataset, labels) for name, dataset in found.items()}
    report = notes.report({name: len(dataset) for name, dataset in found.items()})
    return _splits(found, labels, report)


def _splits(parts: Mapping[str, Dataset], labels: Labels, report: ReadReport) -> Splits:
    return Splits(parts.get("train"), parts.get("val"), parts.get("test"), labels, report)


def _files(path: Path, part: str | None, notes: Notes) -> Mapping[str, Path]:
    """Return the file of each part to be read."""
    if not path.exists():
        raise DataError("There is no such file or folder.", "Check the path.", file=path)
    if not path.is_dir():
        return {part or "train": path}
    files, unread = find_parts(path)
    for name, file in unread:
        notes.add("unread_file", name, file.name)
    if part is None:
        return files
    if part not in files:
        raise DataError(f"There is no {part} part; found {', '.join(files)}.", file=path)
    return {part: files[part]}


def _read_part(
    name: str, file: Path, vocabulary: Vocabulary, notes: Notes, options: ReadOptions
) -> Part:
    ending = format_of(file)
    documents = Documents(name, file, vocabulary, notes, options)
    if ending == ".txt":
        return read_xmc(documents, vocabulary)
    return _READERS[ending](documents)


def _check_features(parts: list[Part]) -> None:
    """Raise if two parts count their features differently."""
    widths = [(part.X.shape[1], part.file) for part in parts if part.X is not None]
    for width, file in widths[1:]:
        expected, first = widths[0]
        if width != expected:
            raise DataError(
                f"There are {width} features here but {expected} in {first.name}.",
                "All parts must have the same features: correct the header that is wrong.",
                file=file,
                line=1,
            )


def _read_beside(folder: Path, notes: Notes) -> Beside:
    taxonomy = find_beside(folder, "taxonomy", (".tsv",))
    edges = [] if taxonomy is None else read_edges(taxonomy, notes)
    file = find_beside(folder, "label_names", (".tsv", ".txt"))
    if file is None:
        return Beside(taxonomy, edges)
    numbered = ".txt" in file.suffixes
    names = read_numbered_names(file, notes) if numbered else read_names(file, notes)
    return Beside(taxonomy, edges, file, names, numbered)


def _counts_are_of(labels: Labels, train: Dataset) -> bool:
    own = labels.counted(train.Y[:, : len(labels)])
    return own.n_train == labels.n_train and np.array_equal(own.counts, labels.counts)


def _recounted(part: Dataset, labels: Labels) -> Dataset:
    """Return the part with the universe's new counts; labels outside it have none."""
    extra = len(part.labels) - len(labels)
    if not extra:
        return replace(part, labels=labels)
    known = replace(
        part.labels,
        counts=np.pad(labels.counts, (0, extra)),
        counts_specific=np.pad(labels.counts_specific, (0, extra)),
        n_train=labels.n_train,
        closed=labels.closed,
    )
    return replace(part, labels=known)
