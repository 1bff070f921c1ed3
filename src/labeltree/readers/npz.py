"""Pairs of sparse matrices in scipy's files: `train.X.npz` and `train.Y.npz`, or `X.trn.npz` ..."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from labeltree.core.arrays import CSR, as_csr
from labeltree.core.errors import DataError
from labeltree.readers.documents import Documents, Part
from labeltree.readers.files import COMPRESSIONS, damaged, open_stream

_X = re.compile(r"(?<![^.])[xX](?=\.)")


def read_npz(documents: Documents) -> Part:
    """Read features from the file and labels from the one beside it, whose name has Y for X.

    Rows take the place of lines, from 1. The values of Y do not matter; zeros are no labels.

    Raises
    ------
    DataError
        If a file is missing or damaged, holds no sparse matrix, or the rows disagree.
    """
    X_file = documents.file
    Y_file = _beside(documents)
    X, Y = _load(X_file, "X"), _load(Y_file, "Y")
    if X.shape[0] != Y.shape[0]:
        raise DataError(
            f"Y has {Y.shape[0]} rows, but X in {X_file.name} has {X.shape[0]}.",
            "Both must have one row a document.",
            file=Y_file,
        )
    if not X.shape[0]:
        documents.fail("The matrix has no rows.", "Remove the file, or check its content.")
    if (Y.data < 0).any():
        raise DataError("Y holds negative values.", "Labels are 0 or 1.", file=Y_file)
    return Part(
        documents.name,
        X_file,
        documents.codes_of(Y.indices.astype(np.int32)),
        np.diff(Y.indptr).astype(np.int32),
        np.arange(1, X.shape[0] + 1),
        X=X,
        declared=Y.shape[1],
    )


def _beside(documents: Documents) -> Path:
    """Return the file of Y."""
    file = documents.file
    if not _X.search(file.name):
        documents.fail(
            "The name does not say that these are the features.",
            "Call the matrices train.X.npz and train.Y.npz, or X.trn.npz and Y.trn.npz, and name"
            " the one of X, or their folder.",
        )
    other = file.with_name(_X.sub(lambda found: "Y" if found[0] == "X" else "y", file.name, 1))
    if not other.is_file():
        documents.fail(f"There is no {other.name} beside it.", "Add the matrix of the labels.")
    return other


def is_truth(file: Path) -> bool:
    """Whether a file's name says that it holds the Y of a pair."""
    pieces = file.name.lower().split(".")
    return "npz" in pieces and "y" in pieces


def _load(file: Path, name: str) -> CSR:
    from scipy.sparse import load_npz

    try:
        with open_stream(file) as stream:
            packed = file.suffix.lower() in COMPRESSIONS  # a zip archive is read from its end
            matrix: Any = load_npz(io.BytesIO(stream.read()) if packed else stream)
    except (zipfile.BadZipFile, EOFError, zlib.error, OSError, NotImplementedError) as error:
        raise damaged(file, error) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"The file holds no sparse matrix ({error}).",
            "Write it with scipy.sparse.save_npz.",
            file=file,
        ) from error
    try:
        return as_csr(matrix, name)
    except DataError as error:
        raise DataError(str(error), file=file) from error
