"""SVMlight, also called LibSVM: `l1,l2 f:v f:v` without a header, features counted from 1."""

from __future__ import annotations

from collections.abc import Iterator

from labeltree.readers.documents import Documents, Part
from labeltree.readers.feature_rows import LARGEST, FeatureRows, Limits
from labeltree.readers.files import lines


def read_svmlight(documents: Documents) -> Part:
    """Read features and labels; a `#` begins a comment, rows without labels begin with a blank.

    Features count from `first_index` of the options, as many as `n_features` there or the highest
    in any part; the labels that there are, are those that documents have.

    Raises
    ------
    DataError
        If a row has another shape, a number is out of range or twice in a row, a value is no
        finite number, or there are no rows.
    """
    options = documents.options
    end = LARGEST if options.n_features is None else options.n_features + options.first_index
    remedy = "Labels count from 0, features from 1; where features count from 0, say --first-index"
    if options.first_index == 0:
        remedy = "Labels and features count from 0; where features count from 1, leave out"
        remedy += " --first-index"
    remedy += f" 0 (first_index={1 - options.first_index})."
    if options.n_features is not None:
        remedy += f" There are {options.n_features} features."
    rows = FeatureRows(documents, Limits(options.first_index, end, LARGEST, remedy))
    rows.read(_rows(documents))
    if not len(rows):
        documents.fail("The file holds no rows.", "Remove it, or check its content.")
    return rows.finish(options.n_features or rows.n_features, widens=True)


def _rows(documents: Documents) -> Iterator[tuple[int, bytes]]:
    """Yield (line number, line without comment and end) of each row."""
    for number, line in lines(documents.file):
        content = line.partition(b"#")[0].rstrip() if b"#" in line else line.rstrip()
        if content:
            yield number, content
        elif not line.strip():
            documents.skip_blank(number)
