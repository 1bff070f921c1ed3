"""Features with numbered labels: the repository's text, SVMlight, and pairs of npz matrices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from labeltree.core.arrays import CSR, Ints, as_csr
from labeltree.readers.write.target import open_packed, write_lines

BLOCK = 1 << 18
"""Entries turned into text at once."""


class Matrices(NamedTuple):
    """What a part looks like in a numbered format."""

    X: CSR
    """(n_samples, n_features)."""
    Y: CSR
    """(n_samples, n_columns)."""
    numbers: Ints
    """Label number of each column of Y, (n_columns,)."""
    n_labels: int
    """Label numbers are below this."""


def write_xmc(part: Matrices, file: Path) -> None:
    """Write the Extreme Classification Repository's text; values are exact."""
    header = f"{part.X.shape[0]} {part.X.shape[1]} {part.n_labels}\n".encode()

    def content() -> Iterator[bytes]:
        yield header
        for labels, pairs in _rows(part, 0):
            yield f"{labels} {pairs}\n".encode() if pairs else f"{labels}\n".encode()

    write_lines(file, content())


def write_svmlight(part: Matrices, file: Path, first: int = 1) -> None:
    """Write SVMlight rows, features counted from `first`; values are exact.

    The format does not say how many features there are: the first row names the last one, with
    the value 0 if need be. A row without labels and features names it too, because a blank line
    is no row.
    """
    last = part.X.shape[1] - 1

    def content() -> Iterator[bytes]:
        for n, (labels, pairs) in enumerate(_rows(part, first)):
            begin, end = part.X.indptr[n : n + 2]
            ends = end > begin and part.X.indices[end - 1] == last
            if (n == 0 and not ends) or not (labels or pairs):
                pairs = f"{pairs} {last + first}:0".lstrip()
            yield f"{labels} {pairs}\n".encode() if pairs else f"{labels}\n".encode()

    write_lines(file, content())


def write_npz(part: Matrices, file: Path) -> None:
    """Write `train.X.npz` and `train.Y.npz`, scipy's format of sparse matrices."""
    from scipy.sparse import csr_array, save_npz

    shape = (part.Y.shape[0], part.n_labels)
    Y = as_csr(csr_array((part.Y.data, part.numbers[part.Y.indices], part.Y.indptr), shape), "Y")
    stem = file.name.removesuffix(".npz")
    for name, matrix in (("X", part.X), ("Y", Y)):
        with open_packed(file.with_name(f"{stem}.{name}.npz")) as out:
            save_npz(out, matrix)


WRITERS = {"xmc": write_xmc, "svmlight": write_svmlight, "npz": write_npz}


def _rows(part: Matrices, first: int) -> Iterator[tuple[str, str]]:
    """Yield ("3,17", "5:0.25 8:1") for each document; features count from `first`."""
    names = [str(number) for number in part.numbers.tolist()]
    for rows in _blocks(part.X, part.Y):
        X, Y = part.X[rows], part.Y[rows]
        labels = [names[c] for c in Y.indices.tolist()]
        if (np.diff(part.numbers) < 0).any():  # the order of numbers, where columns have another
            order = np.lexsort((part.numbers[Y.indices], np.repeat(*_row_numbers(Y))))
            labels = [labels[i] for i in order.tolist()]
        yield from zip(
            _joined(labels, Y.indptr, ","), _joined(_pairs(X, first), X.indptr, " "), strict=True
        )


def _row_numbers(Y: CSR) -> tuple[Ints, Ints]:
    return np.arange(Y.shape[0], dtype=np.int32), np.diff(Y.indptr)


def _blocks(X: CSR, Y: CSR) -> Iterator[slice]:
    """Yield slices of rows that hold about `BLOCK` entries."""
    size = np.cumsum(np.diff(X.indptr).astype(np.int64) + np.diff(Y.indptr) + 1)
    cuts = np.searchsorted(size, np.arange(BLOCK, int(size[-1]) + BLOCK, BLOCK), "left") + 1
    ends = np.unique(np.minimum(cuts, len(size)))
    for begin, end in pairwise((0, *ends.tolist())):
        yield slice(begin, end)


def _pairs(X: CSR, first: int) -> list[str]:
    """Return "index:value" of each entry, (nnz,); the shortest numbers that read back the same."""
    import polars as pl

    index = pl.Series(X.indices.astype(np.int64) + first).cast(pl.String)
    value = pl.Series(X.data.astype(np.float32)).cast(pl.String).str.strip_suffix(".0")
    return (index + ":" + value).to_list()


def _joined(words: Sequence[str], indptr: Ints, between: str) -> Iterator[str]:
    for begin, end in pairwise(indptr.tolist()):
        yield between.join(words[begin:end])
