"""`labeltree search`: find good parameters on validation documents, within a budget."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labeltree.cli.reading import add_reading_flags

if TYPE_CHECKING:
    from labeltree.core.model import BaseModel
    from labeltree.readers import Splits
    from labeltree.run.search import Plan, Trial
    from labeltree.run.space import Dimension

SUMMARY = "find good parameters on validation documents, within a budget"
EPILOG = """FIELD=RANGE is solver.C=0.1..10:log (a number, on a logarithmic scale), beam=5..50 (a
whole number), or tree.max-leaf=50,100,200 (one of these words). Without --search, the fields are
searched that declare a range: see the notice. Any other field of the model is a flag, as for
`labeltree fit`, and stays as given. The first trial is the defaults. The test part is not read;
without a val part, a seeded tenth of train stands in for it. Run the same command again, and a
search that was stopped goes on; --budget counts what was done before."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("model", metavar="MODEL", help="a name from `labeltree models`")
    parser.add_argument("data", metavar="DATA", help="a file, or a folder with train, val")
    parser.add_argument(
        "--search", action="append", default=[], metavar="FIELD=RANGE", help="a field to search"
    )
    parser.add_argument(
        "--budget", default="30", metavar="N|TIME", help="trials, or 90s, 10m, 2h (30 trials)"
    )
    parser.add_argument("--metric", default="nDCG@5", help="any that `evaluate` prints (nDCG@5)")
    parser.add_argument(
        "--trials", metavar="FOLDER", help="where trials are kept (search_MODEL in this folder)"
    )
    parser.add_argument("--out", metavar="DIR", help="fit the best model on all and save it there")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="same seed, same trials")
    parser.add_argument(
        "--close-labels", action="store_true", help="add all ancestors to the label sets"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress, only the result")
    add_reading_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Search, and print the best command line."""
    from labeltree.cli.console import note, progress
    from labeltree.core.pool import phase
    from labeltree.core.store import check_target
    from labeltree.run.search import best_of, search

    if arguments.out:
        check_target(arguments.out)
    with progress(arguments.quiet), phase("reading"):
        splits = _read(arguments)
    for line in splits.report.lines():
        note(line, arguments.quiet)
    if arguments.close_labels:
        splits = splits.close_labels()
    plan = _plan(arguments, splits)
    folder = arguments.trials or f"search_{arguments.model}"
    space = "  ".join(dimension.spelled for dimension in plan.space)
    note(f"searching {space}\ntrials are kept in {folder}", arguments.quiet)

    def told(trial: Trial, trials: Sequence[Trial]) -> None:
        note(_line(trial, trials, plan.metric), arguments.quiet)

    try:
        with progress(arguments.quiet):
            trials = search(splits, plan, folder, told)
    except KeyboardInterrupt:
        note(f"stopped; the same command goes on from the trials in {folder}")
        return 1
    best = best_of(trials)
    _show(best, trials, arguments)
    if arguments.out:
        _save(plan.build(best.settings), splits, arguments)
    return 0


def _read(arguments: argparse.Namespace) -> Splits:
    """Return train and val; the test part stays unread."""
    from labeltree.cli.reading import reading_options
    from labeltree.readers import Splits, read
    from labeltree.readers.parts import part_names

    path, options = Path(arguments.data), reading_options(arguments)
    found = read(path, part="train", options=options)
    if "val" not in part_names(path, options.format):
        return found
    val = read(path, labels=found.labels, part="val", options=options).val
    return Splits(found.train, val, None, found.labels, found.report)


def _plan(arguments: argparse.Namespace, splits: Splits) -> Plan:
    from labeltree.cli.fit import build_model
    from labeltree.core.errors import ParameterError
    from labeltree.models import find
    from labeltree.run.search import Budget, Plan
    from labeltree.run.space import Dimension

    model_class = find(arguments.model)

    def build(settings: Mapping[str, str]) -> BaseModel:
        flags = [f"--{path}={word}" for path, word in settings.items()]
        return build_model(model_class, splits, arguments.fields + flags)

    plain = build({})
    space = [Dimension.parse(text) for text in arguments.search or _defaults(plain)]
    paths = [dimension.path for dimension in space]
    if not paths:
        raise ParameterError(f"{arguments.model} declares nothing to search: name it by --search")
    if len(set(paths)) < len(paths):
        raise ParameterError("search: a field is named twice")
    about = {
        "model": arguments.model, "fields": arguments.fields, "closed": arguments.close_labels,
        "documents": [len(part) for part in splits.parts.values()], "labels": len(splits.labels),
        "label occurrences": [part.Y.nnz for part in splits.parts.values()],
    }  # fmt: skip
    budget = Budget.parse(arguments.budget)
    start = _start(plain, space)
    return Plan(build, space, arguments.metric, budget, start, about, arguments.seed)


def _defaults(model: BaseModel) -> list[str]:
    """Return what the model's fields declare, those of the vectoriser under its flag."""
    from labeltree.run.space import default_space

    inner: Any = getattr(model, "model", None)
    if inner is None:
        return default_space(model)
    own = default_space(inner)
    return own and own + default_space(model.vectorizer, "tfidf.")  # type: ignore[attr-defined]


def _start(model: BaseModel, space: Sequence[Dimension]) -> dict[str, str]:
    """Return the words that stand for the values the model has without any search."""
    from labeltree.cli.fields import word_at

    inner, found = getattr(model, "model", None) or model, {}
    for dimension in space:
        path, holder = dimension.path, inner
        if path.startswith("tfidf.") and inner is not model:
            path, holder = path.removeprefix("tfidf."), model.vectorizer  # type: ignore[attr-defined]
        found[dimension.path] = word_at(holder, path)
    return found


def _save(model: BaseModel, splits: Splits, arguments: argparse.Namespace) -> None:
    from labeltree.cli.console import note, progress
    from labeltree.run.train import train

    with progress(arguments.quiet):
        train(model, splits, seed=getattr(model, "seed", 0))
    model.save(arguments.out)
    note(f"saved to {arguments.out}", arguments.quiet)


# ---- what is shown -------------------------------------------------------------------------------


def _line(trial: Trial, trials: Sequence[Trial], metric: str) -> str:
    settings = " ".join(f"{path}={word}" for path, word in trial.settings.items())
    if trial.value is None:
        return f"trial {trial.number}: failed ({trial.error})  {settings}"
    best = max(t.value for t in trials if t.value is not None)
    mark = "  best so far" if trial.value == best else ""
    return (
        f"trial {trial.number}: {metric} {trial.value:.4f}  {settings}  {trial.seconds:.1f} s{mark}"
    )


def _show(best: Trial, trials: Sequence[Trial], arguments: argparse.Namespace) -> None:
    first, failed = trials[0].value, sum(trial.value is None for trial in trials)
    beside = "" if first is None else f", the first trial {first:.4f}"
    lost = f", {failed} failed" if failed else ""
    print(
        f"best of {len(trials)} trials{lost}: {arguments.metric} {best.value:.4f} on validation"
        f"{beside}"
    )
    flags = [part for path, word in best.settings.items() for part in (f"--{path}", word)]
    closed = ["--close-labels"] if arguments.close_labels else []
    command = [arguments.model, arguments.data, "--out", arguments.out or "DIR", *closed]
    print(shlex.join(["labeltree", "fit", *command, *arguments.fields, *flags]))
