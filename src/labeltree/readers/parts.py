"""A file, a folder or a URL to its parts, each by the reader of its format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from labeltree.core.arrays import from_parts
from labeltree.core.errors import DataError
from labeltree.readers.documents import Documents, Part, Shared
from labeltree.readers.files import COMPRESSIONS, find_beside, find_parts, part_of
from labeltree.readers.formats import ENDINGS, FORMATS, format_of
from labeltree.readers.hiagm import read_hiagm
from labeltree.readers.jsonl import read_jsonl
from labeltree.readers.libmultilabel import read_libmultilabel
from labeltree.readers.npz import is_truth, read_npz
from labeltree.readers.report import Notes
from labeltree.readers.svmlight import read_svmlight
from labeltree.readers.table import read_parquet, read_table
from labeltree.readers.taxonomy import (
    LabelIds,
    read_edges,
    read_ids,
    read_names,
    read_numbered_names,
)
from labeltree.readers.universe import Beside
from labeltree.readers.xmc import read_xmc

READERS = {
    "jsonl": read_jsonl,
    "csv": read_table,
    "tsv": read_table,
    "parquet": read_parquet,
    "hiagm": read_hiagm,
    "libmultilabel": read_libmultilabel,
    "xmc": read_xmc,
    "svmlight": read_svmlight,
    "npz": read_npz,
}
"""By the names of `formats.FORMATS`."""
TAXONOMIES = ("taxonomy.tsv", "*.taxonomy", "*.taxnomy")
NAMES = ("label_names.tsv", "label_names.txt")
IDS = ("label_ids.tsv",)
BESIDE = (*TAXONOMIES, *NAMES, *IDS)
"""Names of the files that are read beside the documents."""


def read_parts(path: str | Path, part: str | None, shared: Shared) -> list[Part]:
    """Read the documents of a file, a folder, or a URL.

    Parameters
    ----------
    part
        What a file holds, train if None; of a folder, the only part to read.

    Raises
    ------
    DataError
        If there is nothing to read, or a file is wrong.
    """
    if _is_url(path):
        return [_read_remote(str(path), part or "train", shared)]
    forced = shared.options.format
    return _same_width(
        [
            READERS[format_of(file, forced)](Documents(name, file, shared))
            for name, file in _files(Path(path), part, shared).items()
        ]
    )


def _is_url(path: str | Path) -> bool:
    return isinstance(path, str) and "://" in path


def _read_remote(url: str, part: str, shared: Shared) -> Part:
    """Read Parquet from a URL (`hf://`, `s3://`, ...), through polars."""
    file = Path(url.rsplit("/", 1)[-1])
    if file.suffix.lower() != ".parquet" or shared.options.format not in (None, "parquet"):
        raise DataError(
            "Only Parquet files are read from a URL.",
            "Download the file, or name one that ends in .parquet.",
            file=url,
        )
    return read_parquet(Documents(part, file, shared, url))


def part_names(path: str | Path, format: str | None = None) -> list[str]:
    """Return the parts there are: those of a folder, or train for a file."""
    return [*_parts_of(Path(path), format)[0]] if Path(path).is_dir() else ["train"]


def _files(path: Path, part: str | None, shared: Shared) -> Mapping[str, Path]:
    """Return the file of each part to be read."""
    if not path.exists():
        raise DataError("There is no such file or folder.", "Check the path.", file=path)
    if not path.is_dir():
        return {part or "train": path}
    files, unread = _parts_of(path, shared.options.format)
    for name, file in unread:
        shared.notes.add("unread_file", name, file.name)
    if part is None:
        return files
    if part not in files:
        raise DataError(f"There is no {part} part; found {', '.join(files)}.", file=path)
    return {part: files[part]}


def _parts_of(folder: Path, format: str | None) -> tuple[dict[str, Path], list[tuple[str, Path]]]:
    """Return (part files, unread ones); see `find_parts`.

    Where the user names the format, files with its usual endings are preferred.
    """
    if format is None:
        return find_parts(folder, ENDINGS)
    try:
        return find_parts(folder, FORMATS[format].endings)
    except DataError:
        return find_parts(folder, None)


def _same_width(parts: list[Part]) -> list[Part]:
    """Return the parts with equally many features, added where a format does not say how many.

    Raises
    ------
    DataError
        If two count them differently.
    """
    sized = [(part, part.X.shape[1]) for part in parts if part.X is not None]
    stated = [one for one in sized if not one[0].widens]
    if not sized:
        return parts
    first, expected = stated[0] if stated else max(sized, key=lambda one: one[1])
    return [_widened(part, first, expected) for part in parts]


def _widened(part: Part, first: Part, expected: int) -> Part:
    """Return the part with as many features as the first has."""
    X = part.X
    if X is None or X.shape[1] == expected:
        return part
    if X.shape[1] < expected and part.widens:
        return replace(part, X=from_parts(X.data, X.indices, X.indptr, (X.shape[0], expected)))
    raise DataError(
        f"There are {X.shape[1]} features here but {expected} in {first.file.name}.",
        "All parts must have the same features: correct the one that is wrong.",
        file=part.file,
        line=1,
    )


# ---- beside the documents ------------------------------------------------------------------------


def taxonomy_file(path: str | Path) -> Path | None:
    """Return the taxonomy in the folder of the documents, if there is one."""
    folder = _folder(path)
    return None if folder is None else find_beside(folder, *TAXONOMIES)


def read_label_ids(path: str | Path) -> LabelIds | None:
    """Read `label_ids.tsv` in the folder of the documents, if it is there."""
    folder = _folder(path)
    file = None if folder is None else find_beside(folder, *IDS)
    return None if file is None else read_ids(file)


def read_beside(path: str | Path, ids: LabelIds | None, notes: Notes) -> Beside:
    """Read the taxonomy and the names in the folder of the documents, as far as there are any."""
    folder = _folder(path)
    if folder is None:
        return Beside()
    taxonomy = taxonomy_file(folder)
    edges = [] if taxonomy is None else read_edges(taxonomy, notes)
    file = find_beside(folder, *NAMES)
    if file is None:
        return Beside(taxonomy, edges, ids=ids)
    numbered = ".txt" in file.suffixes
    names = read_numbered_names(file, notes) if numbered else read_names(file, notes)
    if numbered and ids is not None:
        known = {str(number): label for number, label in enumerate(ids.ids)}
        names = {known.get(number, number): name for number, name in names.items()}
    return Beside(taxonomy, edges, file, names, numbered, ids)


def unread_files(folder: Path) -> list[str]:
    """Return the names of files in a folder of data that no reader looks at."""
    known = {
        file for name in BESIDE for end in ("", *COMPRESSIONS) for file in folder.glob(name + end)
    }
    files = sorted(file for file in folder.iterdir() if file.is_file() and file not in known)
    return [file.name for file in files if part_of(file) is None and not is_truth(file)]


def _folder(path: str | Path) -> Path | None:
    """Return the folder that a path is or stands in; None for a URL."""
    if _is_url(path):
        return None
    return Path(path) if Path(path).is_dir() else Path(path).parent
