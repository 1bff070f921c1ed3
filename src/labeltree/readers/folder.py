"""A file or a folder to its parts, over one universe of labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from labeltree.core.dataset import Dataset
from labeltree.core.errors import ParameterError
from labeltree.core.labels import Labels
from labeltree.readers.documents import ReadOptions, Shared, Vocabulary
from labeltree.readers.files import PARTS
from labeltree.readers.parts import read_beside, read_label_ids, read_parts
from labeltree.readers.report import Notes, ReadReport
from labeltree.readers.universe import Beside, build_dataset, build_labels, label_ids

_DEFAULTS = ReadOptions()


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

    Formats, by ending: `.jsonl`; `.csv` and `.tsv` with a header; `.parquet`; `.json` (HiAGM's);
    `.svm`, `.svmlight` or `.libsvm`; `.npz` (pairs `train.X.npz`, `train.Y.npz`); and `.txt`, where
    the first line tells whether it is the Extreme Classification Repository's, SVMlight's or
    LibMultiLabel's. Each may also end in `.gz` or `.zst`. Files called valid, validation or dev are
    the val part. Beside the documents, `taxonomy.tsv` (parent, child; or parent and all its
    children; HiAGM's `*.taxonomy`), `label_names.tsv` (id, name, and if you like a longer text),
    `label_names.txt` (the name of label 0, 1, ... in each line) and `label_ids.tsv` (the id of
    label 0, 1, ... in each line) are found by name. Of URLs (`hf://`, `s3://`, ...), Parquet files
    are read.

    The universe, that is, the columns of Y, are the labels of the train part and those of the
    hierarchy, where every node is a label but a top node `Root` that no training document
    carries. Ids are sorted as strings, or as numbers if all of them are whole numbers; in the
    repository's format, columns are the label numbers that the header announces; `label_ids.tsv`
    lists the universe itself, in order. Labels of
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
    if part not in (None, *_PARTS):
        raise ParameterError(f"part must be one of {', '.join(_PARTS)}, found {part!r}.")
    notes, vocabulary = Notes(), Vocabulary()
    ids = read_label_ids(path)
    shared = Shared(vocabulary, notes, options, ids)
    parts = read_parts(path, part, shared)
    raw, separator = list(vocabulary), options.path_separator
    beside, given = Beside(), labels
    if labels is None:
        beside = read_beside(path, ids, notes)
        sources = [p for p in parts if p.name == "train"] or parts
        labels = build_labels(sources, raw, beside, separator, notes)
    meant = label_ids(raw, labels, separator)
    found = {p.name: build_dataset(p, meant, labels, beside.names, notes) for p in parts}
    if given is None and "train" in found:
        labels = labels.counted(found["train"].Y[:, : len(labels)])
        found = {name: _recounted(dataset, labels) for name, dataset in found.items()}
    report = notes.report({name: len(dataset) for name, dataset in found.items()})
    return _splits(found, labels, report)


def _splits(parts: Mapping[str, Dataset], labels: Labels, report: ReadReport) -> Splits:
    return Splits(parts.get("train"), parts.get("val"), parts.get("test"), labels, report)


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
