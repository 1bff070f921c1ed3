"""`labeltree evaluate`: score a saved model on labelled documents."""

from __future__ import annotations

import argparse

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
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quiet", action="store_true", help="no progress, no remarks")


def run(arguments: argparse.Namespace) -> None:
    """Print the metrics."""
    import json

    from labeltree.cli.console import note, progress, show_table
    from labeltree.core.errors import DataError
    from labeltree.models import load
    from labeltree.readers import read
    from labeltree.run.evaluate import evaluate

    model = load(arguments.model)
    splits = read(arguments.data, labels=model.labels_, part=arguments.split)
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
    with progress(arguments.quiet):
        report = evaluate(model, data, specific=arguments.specific)
    if arguments.json:
        print(json.dumps(report.to_json(), ensure_ascii=False))
        return
    show_table(("metric", "value"), [(n, f"{v:.4f}") for n, v in report.metrics.items()])
    facts = {k: v for k, v in report.to_json().items() if k not in report.metrics}
    for name, value in facts.items():
        print(f"{name}: {value}")
