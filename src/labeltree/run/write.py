"""A data set to a folder that `labeltree.read` reads back as it was."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import orjson

from labeltree.core.dataset import Dataset
from labeltree.core.errors import DataError
from labeltree.core.hierarchy import ROOT, Hierarchy
from labeltree.core.labels import Labels
from labeltree.readers import Splits


def check_new_folder(folder: str | Path) -> None:
    """Raise DataError if a data set would be written over something."""
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError("There is something already.", "Name a new folder.", file=folder)


def write_splits(splits: Splits, folder: str | Path) -> None:
    """Write the parts (JSON lines, or the repository's text for features), taxonomy and names.

    The folder appears when it is complete.

    Raises
    ------
    DataError
        If the folder holds something, or an id or a name has a tab or a line break in it.
    """
    folder = Path(folder)
    check_new_folder(folder)
    fresh = folder.with_name(f".{folder.name}.writing-{os.getpid()}")
    try:
        fresh.mkdir(parents=True)
        for name, part in splits.parts.items():
            ending, lines = (
                ("jsonl", _json(part)) if part.texts is not None else ("txt", _xmc(part))
            )
            _write(fresh / f"{name}.{ending}", lines)
        hierarchy = splits.labels.hierarchy
        if hierarchy is not None:
            _write(fresh / "taxonomy.tsv", _edges(hierarchy))
        known = next(iter(splits.parts.values())).labels if splits.parts else splits.labels
        if known.names != known.ids or known.texts is not None:
            _write(fresh / "label_names.tsv", _names(known))
        if folder.exists():
            folder.rmdir()
        os.replace(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _write(file: Path, lines: Iterable[bytes]) -> None:
    with open(file, "wb") as out:
        out.writelines(lines)


def _json(part: Dataset) -> Iterator[bytes]:
    ids, indices, ptr = part.labels.ids, part.Y.indices.tolist(), part.Y.indptr.tolist()
    for i, text in enumerate(part.texts or ()):
        labels = [ids[c] for c in indices[ptr[i] : ptr[i + 1]]]
        yield orjson.dumps({"text": text, "labels": labels}) + b"\n"


def _xmc(part: Dataset) -> Iterator[bytes]:
    X, Y, ids = part.X, part.Y, part.labels.ids
    assert X is not None
    yield f"{len(part)} {X.shape[1]} {part.n_universe}\n".encode()
    for i in range(len(part)):
        labels = ",".join(ids[c] for c in Y.indices[Y.indptr[i] : Y.indptr[i + 1]].tolist())
        row = slice(X.indptr[i], X.indptr[i + 1])
        pairs = zip(X.indices[row].tolist(), X.data[row], strict=True)
        yield f"{labels} {' '.join(f'{f}:{np.float32(v)!s}' for f, v in pairs)}\n".encode()


def _edges(hierarchy: Hierarchy) -> Iterator[bytes]:
    parent, child = hierarchy.edges
    lonely = hierarchy.is_leaf[hierarchy.branches].any()  # has no edge but the root's
    for p, c in zip(parent.tolist(), child.tolist(), strict=True):
        if p or lonely:
            yield _row(hierarchy.ids[p] or ROOT, hierarchy.ids[c])


def _names(labels: Labels) -> Iterator[bytes]:
    for i, (label, name) in enumerate(zip(labels.ids, labels.names, strict=True)):
        yield _row(label, name) if labels.texts is None else _row(label, name, labels.texts[i])


def _row(*cells: str) -> bytes:
    for cell in cells:
        if any(sign in cell for sign in "\t\n\r"):
            raise DataError(
                f"{cell!r} cannot be written: it has a tab or a line break in it.", "Rename it."
            )
    return ("\t".join(cells) + "\n").encode()
