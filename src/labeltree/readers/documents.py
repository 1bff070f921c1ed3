"""What every reader of texts shares: its options, and the documents of one part as they come."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from labeltree.core.arrays import CSR, Ints, Longs
from labeltree.core.errors import DataError, ParameterError
from labeltree.readers.report import Notes, place
from labeltree.readers.taxonomy import LabelIds

LABELS_FIELD = "labels"


@dataclass(frozen=True)
class ReadOptions:
    """How files are read; the defaults fit files written for this library.

    Raises
    ------
    ParameterError
        If a separator is empty or two are the same.
    """

    format: str | None = None
    """How the files are read, by name (jsonl, csv, tsv, parquet, hiagm, libmultilabel, xmc,
    svmlight, npz); None: as their endings and first lines tell."""
    text_field: str = "text"
    """Field or column of the text."""
    labels_field: str | None = LABELS_FIELD
    """Field or column of the labels; where the default is missing, `label` is taken. None: the
    documents carry no labels."""
    label_separator: str | None = "|"
    """Between the labels in one cell of a table; None: a cell is one label."""
    path_separator: str | None = None
    """If given (" > "), every label is a path from the top, as in "animal > cat". Each path of the
    train part adds its chain of edges to the hierarchy, and the label is the node at its end. The
    id of a node is its last part ("cat"); where that name stands at several places of the train
    paths, its full path ("animal > other", "plant > other"). In other parts, and with a model's
    labels, a path counts as the label of that full path, else as the label of its last part if
    that stands below the same parent, else as one outside the universe, with its full path as id.
    """
    delimiter: str | None = None
    """Between the cells of a text table; None: a comma in .csv, a tab in .tsv."""
    quotes: bool = True
    """Whether cells of a text table may stand in double quotes; False: quotes are plain text."""
    first_index: int = 1
    """Number of the first feature in SVMlight files, which do not say: 1, or 0."""
    n_features: int | None = None
    """Features that SVMlight files have, which do not say; None: as many as are named."""

    def __post_init__(self) -> None:
        for name in ("label_separator", "path_separator", "delimiter"):
            if getattr(self, name) == "":
                raise ParameterError(f"{name} is empty. Give a separator, or None.")
        if self.delimiter is not None and len(self.delimiter) != 1:
            raise ParameterError(f"delimiter must be one character, found {self.delimiter!r}.")
        if self.path_separator is not None and self.path_separator == self.label_separator:
            raise ParameterError(
                f"label_separator and path_separator are both {self.path_separator!r}."
            )
        if self.first_index not in (0, 1):
            raise ParameterError(f"first_index must be 0 or 1, found {self.first_index!r}.")
        if self.n_features is not None and self.n_features < 1:
            raise ParameterError(f"n_features must be 1 or more, found {self.n_features!r}.")
        self._check_format()

    def _check_format(self) -> None:
        from labeltree.readers.formats import FORMATS

        if self.format is not None and self.format not in FORMATS:
            raise ParameterError(
                f"format must be one of {', '.join(FORMATS)}, found {self.format!r}."
            )

    def pick_labels_field(self, present: Any) -> str | None:
        """Return which of the fields in `present` holds the labels, or None if none does."""
        if self.labels_field in present or self.labels_field != LABELS_FIELD:
            return self.labels_field if self.labels_field in present else None
        return "label" if "label" in present else None


class Vocabulary(dict[str, int]):
    """Numbers label strings in the order in which they are first met, over all parts."""

    def __missing__(self, label: str) -> int:
        self[label] = code = len(self)
        return code


@dataclass(frozen=True, eq=False)
class Part:
    """One part as it was read: labels are still codes of a `Vocabulary`."""

    name: str
    file: Path
    codes: Ints
    """Labels of all documents one after another, repetitions included, (n_occurrences,)."""
    counts: Ints
    """Labels of each document, (n_samples,)."""
    lines: Longs
    """Where each document stands in the file, from 1, (n_samples,)."""
    texts: list[str] | None = None
    X: CSR | None = None
    declared: int = 0
    """Labels 0 to declared - 1 exist, whether or not a document has them."""
    widens: bool = False
    """Whether X may get more columns, because its format does not say how many there are."""


@dataclass(frozen=True, eq=False)
class Shared:
    """What the readers of all parts of a data set have in common."""

    vocabulary: Vocabulary
    notes: Notes
    options: ReadOptions
    ids: LabelIds | None = None
    """What the numbers of a numbered format stand for; None: for themselves."""


class Documents:
    """Collects the documents of one part.

    Parameters
    ----------
    url
        Where the file is, if not on this machine.
    """

    def __init__(self, name: str, file: Path, shared: Shared, url: str | None = None) -> None:
        self.name, self.file, self.options, self.url = name, file, shared.options, url
        self._vocabulary, self._notes, self._ids = shared.vocabulary, shared.notes, shared.ids
        self._texts: list[str] = []
        self._codes, self._counts, self._lines = array("i"), array("i"), array("q")

    def add(self, text: str, labels: Sequence[str], line: int) -> None:
        """Take a document; one without text is counted and skipped.

        Raises
        ------
        DataError
            If a label or a part of a path is empty.
        """
        if not text or text.isspace():
            self._notes.add("empty_text", self.name, place(self.file, line))
            return
        for label in labels:
            if label not in self._vocabulary:
                self._check(label, line)
        self._texts.append(text)
        self._codes.extend([self._vocabulary[label] for label in labels])
        self._counts.append(len(labels))
        self._lines.append(line)

    def skip_blank(self, line: int) -> None:
        """Count a blank line."""
        self._notes.add("blank_line", self.name, place(self.file, line))

    def fail(self, problem: str, remedy: str, line: int | None = None) -> NoReturn:
        """Raise a DataError about this file."""
        raise DataError(problem, remedy, file=self.url or self.file, line=line)

    def cut(self, cell: str) -> list[str]:
        """Return the labels in one cell of a table."""
        if not cell:
            return []
        separator = self.options.label_separator
        return [cell] if separator is None else cell.split(separator)

    def codes_of(self, numbers: Ints) -> Ints:
        """Return the codes of numbered labels, (n_occurrences,); see `label_ids.tsv`.

        Raises
        ------
        DataError
            If a number has no line there.
        """
        distinct, inverse = np.unique(numbers, return_inverse=True)
        ids = self._ids
        if ids is None:
            names = list(map(str, distinct.tolist()))
        elif distinct.max(initial=-1) < len(ids.ids):
            names = [ids.ids[number] for number in distinct.tolist()]
        else:
            raise DataError(
                f"There are {len(ids.ids)} ids, but {self.file.name} has label {distinct.max()}.",
                "Give one id a line, the first for label 0; or remove the file.",
                file=ids.file,
            )
        codes = np.array([self._vocabulary[name] for name in names], np.int32)
        return np.asarray(codes[inverse], np.int32)

    def finish(self) -> Part:
        """Return the part.

        Raises
        ------
        DataError
            If it has no documents.
        """
        if not self._texts:
            self.fail("The file holds no documents with text.", "Remove it, or check its content.")
        codes, counts = as_array(self._codes, np.int32), as_array(self._counts, np.int32)
        lines = as_array(self._lines, np.int64)
        return Part(self.name, self.file, codes, counts, lines, texts=self._texts)

    def _check(self, label: str, line: int) -> None:
        path = self.options.path_separator
        if not label:
            self.fail("A label is empty.", "Remove it, or a separator too many.", line)
        if path is not None and "" in label.split(path):
            self.fail(
                f"A part of the path {label!r} is empty.", f"Remove a {path!r} too many.", line
            )


def label_id(value: Any) -> str | None:
    """Return the id of a label given as a string or a number, or None if it is neither.

    Whole numbers are written without a fraction, whatever their type: 3.0 is "3".
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return str(int(value)) if value == int(value) else repr(value)


def as_array(flat: array[Any], dtype: type[Any]) -> NDArray[Any]:
    """Return a grown array as numpy array (n,) without a copy."""
    return np.frombuffer(flat, dtype) if len(flat) else np.zeros(0, dtype)
