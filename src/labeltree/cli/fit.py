"""`labeltree fit`: learn from labelled documents and save the model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from labeltree.cli import decisions
from labeltree.cli.reading import add_reading_flags

if TYPE_CHECKING:
    from labeltree.core.model import BaseModel
    from labeltree.readers import Splits

SUMMARY = "learn from labelled documents and save the model"
EPILOG = """Any field of the model is a flag: --n-trees 3, --tree given, --tree.max-leaf 50,
--solver.C 0.5. `labeltree models MODEL` lists them. Texts pass through TF-IDF,
set by --tfidf.ngrams 2, --tfidf.min-df 1 ... Networks read texts by --encoder
NAME|FOLDER|part, and have --device, --precision, --epochs, --checkpoints ..."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that are not fields of the model."""
    parser.add_argument("model", metavar="MODEL", help="a name from `labeltree models`")
    parser.add_argument("data", metavar="DATA", help="a file, or a folder with train, val, test")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the saved model")
    parser.add_argument(
        "--close-labels", action="store_true", help="add all ancestors to the label sets"
    )
    decisions.add_arguments(parser)
    parser.add_argument(
        "--no-threshold", action="store_true",
        help="fit no decisions (saves a second fit where there is no validation part)",
    )  # fmt: skip
    parser.add_argument("--quiet", action="store_true", help="no progress, no summary")
    add_reading_flags(parser)


def run(arguments: argparse.Namespace) -> None:
    """Read, fit, save, and say what was done."""
    import time

    from labeltree.cli.console import note, progress
    from labeltree.cli.reading import reading_options
    from labeltree.core.pool import phase
    from labeltree.core.processes import is_main_process
    from labeltree.core.store import check_target
    from labeltree.models import find
    from labeltree.readers import read
    from labeltree.run.train import train

    model_class = find(arguments.model)
    check_target(arguments.out)  # before the long work, not after it
    with progress(arguments.quiet), phase("reading"):
        splits = read(arguments.data, options=reading_options(arguments))
    if arguments.close_labels:
        splits = splits.close_labels()
    for line in splits.report.lines():
        note(line, arguments.quiet)
    model = build_model(model_class, splits, arguments.fields)
    began = time.perf_counter()
    with progress(arguments.quiet):
        rule = None if arguments.no_threshold else arguments.decide
        train(
            model, splits, rule=rule, calibrate=arguments.calibrate, seed=getattr(model, "seed", 0)
        )
    model.save(arguments.out)
    if not is_main_process():  # of several that train one network, the first one saves and speaks
        return
    note(_summary(model, splits, arguments, time.perf_counter() - began), arguments.quiet)


def build_model(model_class: type[BaseModel], splits: Splits, tokens: list[str]) -> BaseModel:
    """Return the model with its fields set, behind a vectoriser where the data is text."""
    from labeltree.cli.fields import configured, pairs
    from labeltree.core.errors import DataError, ParameterError

    settings = pairs(tokens)
    own = [s for s in settings if not s[0].startswith("tfidf.")]
    tfidf = [(n.removeprefix("tfidf."), word) for n, word in settings if n.startswith("tfidf.")]
    model = configured(model_class(), own)
    if splits.train is None:
        raise DataError("There is no training part.", "Name a file train.jsonl, train.csv ...")
    if model.takes == "features" and splits.train.X is None:
        from labeltree.models.pipeline import Pipeline
        from labeltree.text.tfidf import Tfidf

        return Pipeline(vectorizer=configured(Tfidf(), tfidf), model=model)
    if tfidf:
        raise ParameterError("--tfidf flags are for texts before a model that takes features")
    return model


def _summary(
    model: BaseModel, splits: Splits, arguments: argparse.Namespace, seconds: float
) -> str:
    size = sum(f.stat().st_size for f in Path(arguments.out).iterdir()) / 1e6
    assert splits.train is not None
    closed = {True: "closed", False: "not closed", None: "no taxonomy"}[splits.train.closed]
    decider = getattr(model, "decider_", None)
    cut = "" if decider is None else f", {decider}"
    return (
        f"{arguments.model}: {len(splits.train)} documents, {len(splits.labels)} labels ({closed}),"
        f" {seconds:.1f} s{cut}\nsaved to {arguments.out} ({size:.1f} MB)"
    )
