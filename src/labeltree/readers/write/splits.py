"""A data set to a folder, or one part to a file, in any of the formats that are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from labeltree.core.dataset import Dataset
from labeltree.core.errors import DataError, ParameterError
from labeltree.readers.folder import Splits
from labeltree.readers.formats import FORMATS, Format
from labeltree.readers.write.beside import write_ids, write_names, write_taxonomy
from labeltree.readers.write.features import WRITERS, Matrices
from labeltree.readers.write.numbering import Numbering, number_labels
from labeltree.readers.write.target import fresh, packing, write_lines
from labeltree.readers.write.texts import write_texts


@dataclass(frozen=True)
class WriteReport:
    """What was written and what was left out."""

    files: dict[str, int]
    """Bytes of each file, by its name."""
    not_carried: tuple[str, ...] = ()
    """What the data has but the output has not, one sentence each."""


def write(
    splits: Splits,
    path: str | Path,
    format: str = "jsonl",
    *,
    compress: str | None = None,
    beside: Mapping[str, Iterable[bytes]] | None = None,
) -> WriteReport:
    """Write a data set; reading it gives the same universe, labels, names, texts and features.

    A path that ends like a file of the format (`out.jsonl`) becomes a file and takes one part;
    any other becomes a folder with a file for each part and, as far as there are any,
    `taxonomy.tsv` (HiAGM: `data.taxonomy`), `label_names.tsv` and `label_ids.tsv`.

    Parameters
    ----------
    splits
        The data.
    path
        What is written; must not exist yet. It appears whole or not at all.
    format
        A name from `labeltree.readers.formats.FORMATS`.
    compress
        gz, zst, or None. Not for parquet and npz, which are compressed by themselves.
    beside
        More files for the folder: pieces of bytes, by name.

    Raises
    ------
    DataError
        If the format cannot hold the data, or something is at `path`.
    ParameterError
        If there is no such format or compression.
    """
    path = Path(path)
    chosen = _chosen(format, compress)
    ending = chosen.endings[0] + packing(compress)
    _check(splits, chosen)
    single = path.name.endswith(ending) and not path.is_dir()
    numbering = number_labels(splits, taxonomy=not single)
    if single:
        _check_single(splits, chosen, numbering, path)
    with fresh(path) as folder:
        for name, part in splits.parts.items():
            file = folder / (path.name if single else name + ending)
            if chosen.texts:
                write_texts(format, part, name, file)
            else:
                WRITERS[format](_matrices(part, format, numbering), file)
        if not single:
            _write_beside(folder, splits, chosen, numbering)
            for name, content in (beside or {}).items():
                write_lines(folder / name, content)
        files = {file.name: file.stat().st_size for file in sorted(folder.iterdir())}
    return WriteReport(files, tuple(_not_carried(splits, chosen, single)))


def _chosen(format: str, compress: str | None) -> Format:
    if format not in FORMATS:
        raise ParameterError(f"format must be one of {', '.join(FORMATS)}, found {format!r}.")
    if compress is not None and FORMATS[format].packed:
        raise ParameterError(f"{format} is compressed by itself: leave compress out.")
    return FORMATS[format]


def _check(splits: Splits, format: Format) -> None:
    """Raise if a part lacks what the format holds."""
    widths = {part.X.shape[1] for part in splits.parts.values() if part.X is not None}
    for name, part in splits.parts.items():
        if not len(part):
            raise DataError(f"The {name} part has no documents.", "Leave it out.")
        if format.texts and part.texts is None:
            raise DataError(
                f"{format.name} holds texts, the {name} part has features only.",
                f"Choose {' or '.join(_others(format))}.",
            )
        if not format.texts and part.X is None:
            raise DataError(
                f"{format.name} holds features, the {name} part has texts only.",
                f"Choose {' or '.join(_others(format))}, or turn texts into TF-IDF features with"
                " --vectorize.",
            )
        if not format.texts and (len(widths) > 1 or 0 in widths):
            raise DataError(
                f"The parts have {sorted(widths)} features.",
                "They must have the same, and at least one.",
            )


def _others(format: Format) -> list[str]:
    return [other.name for other in FORMATS.values() if other.texts != format.texts]


def _check_single(splits: Splits, format: Format, numbering: Numbering, path: Path) -> None:
    """Raise if a file cannot hold the whole."""
    remedy = f"Name a folder: a path that does not end in {format.endings[0]}."
    if len(splits.parts) != 1:
        raise DataError(f"A file holds one part, not {len(splits.parts)}.", remedy, file=path)
    if format.name == "npz":
        raise DataError("The matrices X and Y are two files.", remedy, file=path)
    if format.numbered and not _speaks_for_itself(format.name, numbering):
        raise DataError("The label ids need a file beside it.", remedy, file=path)


def _speaks_for_itself(format: str, numbering: Numbering) -> bool:
    """Whether a reader needs no `label_ids.tsv`."""
    if format == "svmlight":
        return numbering.plain_numbers
    return numbering.identical if FORMATS[format].numbered else numbering.found


def _matrices(part: Dataset, format: str, numbering: Numbering) -> Matrices:
    assert part.X is not None
    plain = format == "svmlight" and numbering.plain_numbers
    numbers = numbering.columns(part, plain=plain)
    used = numbers[np.unique(part.Y.indices)]
    n_labels = max(len(numbering.universe), int(used.max(initial=-1)) + 1)
    return Matrices(part.X, part.Y, numbers, n_labels)


def _write_beside(folder: Path, splits: Splits, format: Format, numbering: Numbering) -> None:
    hierarchy = splits.labels.hierarchy
    if hierarchy is not None:
        write_taxonomy(folder, hierarchy, by_parent=format.name == "hiagm")
    write_names(folder, splits)
    if not _speaks_for_itself(format.name, numbering):
        write_ids(folder, numbering)


def _not_carried(splits: Splits, format: Format, single: bool) -> Iterable[str]:
    parts = list(splits.parts.values())
    if not format.texts and any(part.texts is not None for part in parts):
        yield f"texts: {format.name} holds features only"
    if format.texts and any(part.X is not None for part in parts):
        yield f"features: {format.name} holds texts only"
    if not single:
        return
    if splits.labels.hierarchy is not None:
        yield "the taxonomy: name a folder to keep it"
    if replace(splits.labels, names=()).names != splits.labels.names or splits.labels.texts:
        yield "names of labels: name a folder to keep them"
    if not _speaks_for_itself(format.name, number_labels(splits, taxonomy=False)):
        yield "labels that no document has: name a folder to keep them"
