"""`labeltree decide`: fit the decisions of a saved model again, without training."""

from __future__ import annotations

import argparse

from labeltree.cli import decisions
from labeltree.cli.reading import add_reading_flags

SUMMARY = "fit the decisions of a saved model again, without training"
EPILOG = """The documents must be new to the model and must not be those it is judged by: the val
part, or a file of their own. The model folder is replaced as a whole."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("model", metavar="DIR", help="a saved model; its decisions are replaced")
    parser.add_argument("data", metavar="DATA", help="a file, or a folder with a val part")
    decisions.add_arguments(parser)
    parser.add_argument("--split", default="val", choices=("train", "val", "test"))
    parser.add_argument("--force", action="store_true", help="fit on train or test all the same")
    parser.add_argument(
        "--close-labels", action="store_true", help="add all ancestors to the true label sets"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress, no summary")
    add_reading_flags(parser)


def run(arguments: argparse.Namespace) -> None:
    """Load, fit the decisions, save."""
    from labeltree.cli.console import note, progress
    from labeltree.cli.reading import reading_options
    from labeltree.core.errors import DataError, ParameterError
    from labeltree.models import load
    from labeltree.readers import read
    from labeltree.run.train import decider_for

    if arguments.split != "val" and not arguments.force:
        raise ParameterError(
            f"decisions fitted on the {arguments.split} part cannot be trusted: hold documents"
            " out, or say --force"
        )
    model = load(arguments.model)
    options = reading_options(arguments, model)
    splits = read(arguments.data, labels=model.labels_, part=arguments.split, options=options)
    if arguments.close_labels:
        splits = splits.close_labels()
    for line in splits.report.lines():
        note(line, arguments.quiet)
    data = getattr(splits, arguments.split)
    if data is None:
        raise DataError(f"{arguments.data} has no {arguments.split} part.")
    name = {"val": "validation"}.get(arguments.split, arguments.split)
    with progress(arguments.quiet):
        model.decider_ = decider_for(  # type: ignore[attr-defined]
            model, data, name, rule=arguments.decide, calibrate=arguments.calibrate
        )
    model.save(arguments.model)
    note(f"{model.decider_}\nsaved to {arguments.model}", arguments.quiet)  # type: ignore[attr-defined]
