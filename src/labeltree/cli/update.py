"""`labeltree update`: a saved model learns more documents and labels, or gives labels up."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from labeltree.cli.reading import add_reading_flags

if TYPE_CHECKING:
    from labeltree.core.dataset import Dataset
    from labeltree.core.model import BaseModel

SUMMARY = "let a saved model learn more documents and labels, or retire and rename labels"
EPILOG = """The model must have been fitted with --updatable true. DATA holds the new documents
only; labels that the model does not know join it, with the taxonomy.tsv and label_names.tsv
beside them. Only classifiers whose documents have grown by more than --drift are trained
again; words that the model has never seen are not learned, nor do thresholds move: fit
again from time to time."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("model", metavar="DIR", help="a saved model")
    parser.add_argument("data", metavar="DATA", nargs="?", help="the new documents")
    parser.add_argument("--out", metavar="DIR", help="save there instead of in place")
    parser.add_argument(
        "--retire", metavar="ID,...", default="", help="labels never to be ranked again"
    )
    parser.add_argument(
        "--rename", metavar="OLD=NEW", action="append", default=[], help="give a label another id"
    )
    parser.add_argument(
        "--drift", type=float, default=0.1,
        help="growth of its documents that a classifier bears untrained (0.1)",
    )  # fmt: skip
    parser.add_argument(
        "--close-labels", action="store_true", help="add all ancestors to the new label sets"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress, no summary")
    add_reading_flags(parser)


def run(arguments: argparse.Namespace) -> None:
    """Load, rename, learn, save, and say what was done."""
    import time

    from labeltree.cli.console import note, progress
    from labeltree.core.errors import ParameterError
    from labeltree.models import load

    renamed = _renamed(arguments.rename)
    retire = [label for label in arguments.retire.split(",") if label]
    if not (arguments.data or retire or renamed):
        raise ParameterError("nothing to do: give DATA, --retire or --rename")
    if not arguments.drift >= 0:
        raise ParameterError("--drift must be a number of 0 or more")
    began = time.perf_counter()
    model = load(arguments.model)
    model.rename(renamed)
    if retire:
        model.retire(retire)
    if arguments.data:
        data = _additions(model, arguments)
        with progress(arguments.quiet):
            done = model.update(
                data.inputs(model.takes), data.Y, labels=data.labels, drift=arguments.drift
            )
        note(
            f"{done.n_documents} documents and {done.n_labels} labels learned,"
            f" {done.n_retrained} of {done.n_classifiers} classifiers trained",
            arguments.quiet,
        )
        if done.n_labels and getattr(model, "decider_", None) is not None:
            del model.decider_  # type: ignore[attr-defined]
            note(
                "stored decisions were fitted without the new labels and are dropped: fit them"
                f" again with `labeltree decide {arguments.out or arguments.model} DATA`",
                arguments.quiet,
            )
    model.save(arguments.out or arguments.model)
    seconds = time.perf_counter() - began
    note(f"saved to {arguments.out or arguments.model} ({seconds:.1f} s)", arguments.quiet)


def _renamed(words: list[str]) -> dict[str, str]:
    from labeltree.core.errors import ParameterError

    pairs = [word.partition("=") for word in words]
    if any(not old or not new for old, _, new in pairs):
        raise ParameterError(f"--rename: OLD=NEW wanted, found {' '.join(words)!r}")
    return {old: new for old, _, new in pairs}


def _additions(model: BaseModel, arguments: argparse.Namespace) -> Dataset:
    """Return the new documents over the model's labels and new ones."""
    from labeltree.cli.console import note
    from labeltree.cli.reading import reading_options
    from labeltree.readers.additions import read_additions

    options = reading_options(arguments, model)
    data, report = read_additions(arguments.data, model.labels_, options=options)
    for line in report.lines():
        note(line, arguments.quiet)
    if arguments.close_labels:
        data = data.with_ancestors()
    if model.labels_.closed and not data.closed:
        note(
            "the model's label sets hold all ancestors of their labels, the new ones do not:"
            " --close-labels adds them",
            arguments.quiet,
        )
    return data
