"""`labeltree split`: cut a data set into train, val and test."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from labeltree.cli.reading import add_reading_flags

if TYPE_CHECKING:
    from labeltree.core.arrays import CSR
    from labeltree.readers import Splits

SUMMARY = "cut a data set into train, val and test, without leaks"
EPILOG = """Parts that DATA has already are kept as they are, and the missing ones cut from train;
--anew pools all parts first. Documents that say the same (case, space and punctuation do not
count) always go to the same part. Texts or features, labels, taxonomy and names are written;
other fields of the documents are not. Label sets are never altered."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("data", metavar="DATA", help="a file, or a folder with train, val, test")
    parser.add_argument("--out", required=True, metavar="FOLDER", help="a new folder")
    parser.add_argument("--val", type=float, metavar="SHARE", help="0 for none (0.1)")
    parser.add_argument("--test", type=float, metavar="SHARE", help="0 for none (0.2)")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="same seed, same parts (0)"
    )
    parser.add_argument(
        "--stratified", action="store_true",
        help="spread every label over the parts, so that rare ones reach train",
    )  # fmt: skip
    parser.add_argument(
        "--by-field", nargs="+", action="extend", default=[], metavar="FIELD",
        help="keep documents together that share a value of this field (author, source)",
    )  # fmt: skip
    parser.add_argument("--anew", action="store_true", help="pool all parts, then split")
    parser.add_argument("--quiet", action="store_true", help="no remarks, no table")
    add_reading_flags(parser)


def run(arguments: argparse.Namespace) -> None:
    """Read, split, write, and show what each part holds."""
    from pathlib import Path

    from labeltree.cli.console import note, progress
    from labeltree.cli.reading import reading_options
    from labeltree.core.pool import phase
    from labeltree.readers import read
    from labeltree.readers.write import write
    from labeltree.readers.write.target import check_free
    from labeltree.run.split import pool, shared_with_train, split

    check_free(Path(arguments.out))
    with progress(arguments.quiet), phase("reading"):
        splits = read(arguments.data, options=reading_options(arguments))
        together = [_values(arguments, field, splits) for field in arguments.by_field]
    for line in splits.report.lines():
        note(line, arguments.quiet)
    if arguments.anew:
        splits = pool(splits)
    shares = _shares(arguments, splits)
    for part in splits.parts.keys() - {"train", *shares}:
        n_shared = shared_with_train(splits, part)
        if n_shared:
            said = (
                f"{n_shared} documents of the kept {part} part are in train too: --anew parts them"
            )
            note(said, arguments.quiet)
    with progress(arguments.quiet), phase("splitting"):
        splits = split(
            splits, shares, seed=arguments.seed, stratified=arguments.stratified, together=together
        )
        has_texts = all(part.texts is not None for part in splits.parts.values())
        write(splits, arguments.out, "jsonl" if has_texts else "xmc")
    if not arguments.quiet:
        _show(splits)
        print(f"written to {arguments.out}")


def _show(splits: Splits) -> None:
    """Print what each part holds."""
    from labeltree.cli.console import show_table
    from labeltree.run.split import coverage

    header = ("part", "documents", "labels", "of them in train", "occurrences in train")
    rows = [
        (c.part, f"{c.documents:,}", f"{c.labels:,}", f"{c.learnable:,}", f"{c.occurrences:.1%}")
        for c in coverage(splits)
    ]
    show_table(header, rows)


def _shares(arguments: argparse.Namespace, splits: Splits) -> dict[str, float]:
    """Return the share of each part to be cut."""
    from labeltree.core.errors import ParameterError

    shares = {}
    for name, default in (("val", 0.1), ("test", 0.2)):
        given = getattr(arguments, name)
        if name in splits.parts and given is not None:
            raise ParameterError(
                f"DATA has a {name} part, which is kept: leave out --{name}, or add --anew"
            )
        if name not in splits.parts:
            shares[name] = default if given is None else given
    wanted = {name: share for name, share in shares.items() if share != 0}
    if not wanted:
        raise ParameterError("there is nothing to cut: DATA has all parts; --anew pools them")
    return wanted


def _values(arguments: argparse.Namespace, field: str, splits: Splits) -> CSR:
    """Return which document has which value of a field: it is read as if it were the labels."""
    from dataclasses import replace

    from scipy.sparse import csr_array

    from labeltree.cli.reading import reading_options
    from labeltree.core.errors import ParameterError
    from labeltree.core.labels import Labels
    from labeltree.readers import read
    from labeltree.run.split import pool

    if any(part.texts is None for part in splits.parts.values()):
        raise ParameterError("--by-field is for JSON lines and tables: features have no fields")
    plain = reading_options(arguments)
    options = replace(plain, labels_field=field, label_separator=None, path_separator=None)
    found = read(arguments.data, labels=Labels(()), options=options)
    train = pool(found).train if arguments.anew else found.train
    return csr_array((0, 0)) if train is None else train.Y
