"""`labeltree convert`: a data set from one format to another."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from labeltree.cli.reading import NAMES, add_reading_flags

if TYPE_CHECKING:
    from labeltree.core.dataset import Dataset
    from labeltree.readers import Splits
    from labeltree.text.tfidf import Tfidf

SUMMARY = "write a data set in another format"
EPILOG = """PATH becomes a folder with a file for each part, the taxonomy, the names and, where
labels are numbers, their ids; or one file if it ends like one: --to csv --out notes.csv."""
VOCABULARY = "vocabulary.tsv"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("data", metavar="DATA", help="a file, or a folder with train, val, test")
    parser.add_argument(
        "--to", required=True, choices=NAMES, metavar="FORMAT", help=", ".join(NAMES)
    )
    parser.add_argument("--out", required=True, metavar="PATH", help="folder or file; must be new")
    parser.add_argument("--compress", choices=("gz", "zst"), metavar="gz|zst", help="the documents")
    parser.add_argument(
        "--split", choices=("train", "val", "test"), help="only this part; of a file, what it holds"
    )
    parser.add_argument(
        "--vectorize", action="store_true",
        help="turn texts into TF-IDF features fitted on train, with vocabulary.tsv beside them",
    )  # fmt: skip
    parser.add_argument("--quiet", action="store_true", help="no progress, no summary")
    add_reading_flags(parser)


def run(arguments: argparse.Namespace) -> None:
    """Read, write, and say what was kept and what was not."""
    from labeltree.cli.console import note, progress
    from labeltree.cli.reading import reading_options
    from labeltree.core.errors import ParameterError
    from labeltree.core.pool import phase
    from labeltree.readers import read
    from labeltree.readers.formats import FORMATS
    from labeltree.readers.write import write
    from labeltree.readers.write.target import check_free

    if arguments.vectorize and FORMATS[arguments.to].texts:
        raise ParameterError(f"{arguments.to} holds texts: --vectorize is for xmc, svmlight, npz")
    check_free(Path(arguments.out))  # before the long work, not after it
    with progress(arguments.quiet), phase("reading"):
        splits = read(arguments.data, part=arguments.split, options=reading_options(arguments))
    for line in splits.report.lines():
        note(line, arguments.quiet)
    beside = {}
    if arguments.vectorize:
        splits, tfidf = _vectorized(splits)
        terms = zip(tfidf.vocabulary_.terms, tfidf.vocabulary_.idf, strict=True)
        beside[VOCABULARY] = [f"{term}\t{idf}\n".encode() for term, idf in terms]
    with progress(arguments.quiet), phase("writing"):
        report = write(
            splits, arguments.out, arguments.to, compress=arguments.compress, beside=beside
        )
    for name, part in splits.parts.items():
        note(f"{name}: {len(part)} documents", arguments.quiet)
    for line in (*report.not_carried, *_left(arguments)):
        note(f"not carried: {line}", arguments.quiet)
    size = sum(report.files.values()) / 1e6
    names = ", ".join(report.files)
    note(f"written to {arguments.out} ({size:.1f} MB): {names}", arguments.quiet)


def _vectorized(splits: Splits) -> tuple[Splits, Tfidf]:
    """Return the data with TF-IDF features, and the vectoriser fitted on train."""
    from labeltree.core.errors import DataError
    from labeltree.text.tfidf import Tfidf

    if splits.train is None or splits.train.texts is None:
        raise DataError(
            "--vectorize needs a train part with texts to count words in.",
            "Leave it out for data that has features.",
        )
    tfidf = Tfidf()
    tfidf.fit_transform(splits.train.texts)

    def featured(part: Dataset | None) -> Dataset | None:
        if part is None or part.texts is None:
            return part
        return replace(part, X=tfidf.transform(part.texts))

    train, val, test = map(featured, (splits.train, splits.val, splits.test))
    return replace(splits, train=train, val=val, test=test), tfidf


def _left(arguments: argparse.Namespace) -> list[str]:
    """Return which files of a folder were not read: descriptions, names of features."""
    from labeltree.readers.parts import unread_files

    folder = Path(arguments.data)
    names = unread_files(folder) if folder.is_dir() else []
    return [f"the files {', '.join(names)}"] if names else []
