"""The flags of every verb that reads DATA, the options they make, and standard input."""

from __future__ import annotations

import argparse
import os
import sys
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labeltree.readers import ReadOptions

NAMES = (
    "jsonl", "csv", "tsv", "parquet", "hiagm", "libmultilabel", "xmc", "svmlight", "npz",
)  # fmt: skip
"""The names of `readers.formats.FORMATS`, here because help must not load numpy."""


def add_reading_flags(parser: argparse.ArgumentParser) -> None:
    """Declare how DATA is read."""
    group = parser.add_argument_group("reading DATA")
    group.add_argument(
        "--format", choices=NAMES, metavar="NAME",
        help=f"of the files, where their names and first lines do not tell: {', '.join(NAMES)}",
    )  # fmt: skip
    group.add_argument("--text-field", metavar="NAME", help="field or column of the text (text)")
    group.add_argument(
        "--labels-field", metavar="NAME", help="field or column of the labels (labels, or label)"
    )
    group.add_argument(
        "--label-separator", metavar="TEXT", help="between the labels in a cell of a table (|)"
    )
    group.add_argument(
        "--path-separator", metavar="TEXT",
        help="labels are paths from the top with this between their parts: ' > '",
    )  # fmt: skip
    group.add_argument(
        "--delimiter", metavar="CHAR", help="between the cells of a text table (comma; tab in .tsv)"
    )
    group.add_argument(
        "--first-index", type=int, choices=(0, 1), metavar="0|1",
        help="number of the first feature in SVMlight files (1)",
    )  # fmt: skip


def reading_options(arguments: argparse.Namespace, model: Any = None) -> ReadOptions:
    """Return the options that the flags set; a model says how many features there are."""
    from labeltree.readers import ReadOptions

    names = (
        "format", "text_field", "labels_field", "label_separator", "path_separator", "delimiter",
        "first_index",
    )  # fmt: skip
    given = {name: getattr(arguments, name) for name in names}
    if model is not None:
        given["n_features"] = model.n_features
    return ReadOptions(**{name: value for name, value in given.items() if value is not None})


def standard_input() -> IO[bytes]:
    """Return standard input for a thread to wait at, under a lock of its own.

    If that of `sys.stdin` is held when an error ends the program, the interpreter aborts.
    """
    try:
        return open(os.dup(sys.stdin.fileno()), "rb")
    except OSError:  # it is no file of the system
        return sys.stdin.buffer
