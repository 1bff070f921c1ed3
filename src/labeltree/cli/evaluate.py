"""`labeltree evaluate`: score a saved model on labelled documents."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from labeltree.cli.reading import add_reading_flags

if TYPE_CHECKING:
    from labeltree.core.dataset import Dataset
    from labeltree.run.evaluate import Evaluation
    from labeltree.run.results import Report

SUMMARY = "score a saved model on labelled documents"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("model", metavar="DIR", help="a saved model")
    parser.add_argument("data", metavar="DATA", help="a file, or a folder with train, val, test")
    parser.add_argument("--split", default="test", choices=("train", "val", "test"))
    parser.add_argument(
        "--specific", action="store_true", help="count most-specific labels only, not ancestors"
    )
    parser.add_argument(
        "--close-labels", action="store_true", help="add all ancestors to the true label sets"
    )
    parser.add_argument(
        "--universe", default="all", choices=("all", "train"),
        help="train: leave labels without a training document out of everything (all)",
    )  # fmt: skip
    parser.add_argument(
        "--report", metavar="FILE.html",
        help="write one page with tables, plots, confusions and the worst documents there",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quiet", action="store_true", help="no progress, no remarks")
    add_reading_flags(parser)


def run(arguments: argparse.Namespace) -> None:
    """Print the metrics."""
    import json

    from labeltree.cli.console import note, progress
    from labeltree.cli.reading import reading_options
    from labeltree.core.errors import DataError
    from labeltree.models import load
    from labeltree.readers import read
    from labeltree.run.evaluate import examine
    from labeltree.run.results import ALL, TRAIN, Settings

    if arguments.report:
        _check_report(arguments.report)
    model = load(arguments.model)
    options = reading_options(arguments, model)
    splits = read(arguments.data, labels=model.labels_, part=arguments.split, options=options)
    for line in splits.report.lines():
        note(line, arguments.quiet)
    if arguments.close_labels:
        splits = splits.close_labels()
    data = getattr(splits, arguments.split)
    if data is None:
        raise DataError(f"{arguments.data} has no {arguments.split} part.")
    trained_on: bool | None = model.labels_.closed
    if None not in (trained_on, data.closed) and trained_on != data.closed:
        kinds = {True: "hold all ancestors of their labels", False: "do not hold all ancestors"}
        note(
            f"the model was trained on label sets that {kinds[bool(trained_on)]}, these"
            f" {kinds[bool(data.closed)]}" + (": --close-labels adds them" if trained_on else ""),
            arguments.quiet,
        )
    settings = Settings(arguments.specific, {"all": ALL, "train": TRAIN}[arguments.universe])
    with progress(arguments.quiet):
        found = examine(model, data, settings)
    if arguments.json:
        print(json.dumps(found.report.to_json(), ensure_ascii=False))
    else:
        _show(found.report)
    if arguments.report:
        _write_report(found, data, arguments)
        note(f"report written to {arguments.report}", arguments.quiet)


def _show(report: Report) -> None:
    """Print metrics at k in a table with a column for each k, the others below, then the facts."""
    from labeltree.cli.console import show_table
    from labeltree.run.results import by_cut_off

    at_k, others = by_cut_off(report.metrics)
    ks = sorted({k for row in at_k.values() for k in row})
    show_table(
        ("metric", *(f"@{k}" for k in ks)),
        [(n, *(f"{row[k]:.4f}" if k in row else "" for k in ks)) for n, row in at_k.items()],
    )
    show_table(("metric", "value"), [(n, f"{v:.4f}") for n, v in others.items()])
    facts = {k: v for k, v in report.to_json().items() if k not in report.metrics}
    for name, value in facts.items():
        print(f"{name}: {value}")


def _check_report(path: str) -> None:
    """Complain before the work about a report that could not be written after it."""
    from labeltree.run.report.page import check_report_path
    from labeltree.run.report.plots import check_matplotlib

    check_report_path(path)
    check_matplotlib()


def _write_report(found: Evaluation, data: Dataset, arguments: argparse.Namespace) -> None:
    from pathlib import Path

    from labeltree.run.report.findings import gather
    from labeltree.run.report.page import write_page

    names = [Path(p).resolve().name for p in (arguments.model, arguments.data)]
    title = f"Evaluation of {names[0]} on {names[1]}, {arguments.split}"
    write_page(arguments.report, gather(found, data), title)
