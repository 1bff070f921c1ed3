"""Search for parameters on validation documents, within a budget; the test part is never read.

Trials are proposed by optuna's tree-structured Parzen estimator (Bergstra et al., "Algorithms for
Hyper-Parameter Optimization", NIPS 2011) and kept in a folder: a search that was stopped goes on.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from scipy.sparse import csr_array

from labeltree.core.dataset import Dataset
from labeltree.core.errors import DataError, LabeltreeError, MissingExtraError, ParameterError
from labeltree.core.labels import Labels
from labeltree.core.model import BaseModel
from labeltree.core.seeds import derived
from labeltree.metrics.decider import fit_decider
from labeltree.readers import Splits
from labeltree.run.evaluate import evaluate_scores
from labeltree.run.features import FeatureCache
from labeltree.run.space import Dimension
from labeltree.run.train import HELD_OUT, n_ranked

JOURNAL = "search.journal"
TRIALS = "trials.jsonl"
UNITS = {"s": 1, "m": 60, "h": 3600}

NO_GOALS = ("ECE", "attainable", "coverage-predicted", "violations", "hard-", "score-violations")
"""Metrics of which less is better, or that say nothing about what is right."""
LOOK = 2000
"""Validation documents by which it is seen what can be measured."""

Build = Callable[[Mapping[str, str]], BaseModel]
"""Makes a model from words by field: {"solver.C": "0.5"}."""


@dataclass(frozen=True)
class Budget:
    """When to stop: after so many trials, or so many seconds, whichever is given."""

    trials: int | None = None
    seconds: float | None = None

    @classmethod
    def parse(cls, word: str) -> Budget:
        """Read "30" (trials), "90s", "10m" or "2h".

        Raises
        ------
        ParameterError
            If it is something else.
        """
        number, unit = (word[:-1], word[-1]) if word[-1:] in UNITS else (word, "")
        with suppress(ValueError):
            if unit and float(number) > 0:
                return cls(seconds=float(number) * UNITS[unit])
            if not unit and int(number) > 0:
                return cls(trials=int(number))
        raise ParameterError(f"budget: trials (30) or a time (90s, 10m, 2h) wanted, found {word!r}")

    def spent(self, trials: Sequence[Trial]) -> bool:
        """Whether nothing is left; what was spent before a restart counts."""
        if self.trials is not None:
            return len(trials) >= self.trials
        return sum(trial.seconds for trial in trials) >= (self.seconds or 0)


@dataclass(frozen=True)
class Trial:
    """One setting that was tried."""

    number: int
    settings: dict[str, str]
    """Words by field, as on the command line."""
    value: float | None
    """The metric on validation; None if it failed."""
    seconds: float
    error: str | None = None
    """Why it failed."""


class Goal(NamedTuple):
    """A metric that is to be large."""

    metric: str
    ks: tuple[int, ...]
    needs_decisions: bool


@dataclass(frozen=True)
class Plan:
    """What is searched, and how."""

    build: Build
    space: Sequence[Dimension]
    metric: str
    """A metric of `evaluate`: "nDCG@5", "PSP@3", "micro-F1" ..."""
    budget: Budget
    start: Mapping[str, str]
    """Words of the defaults by field, where they are known: the first trial."""
    about: Mapping[str, Any]
    """What must be the same for a search to go on: model, data, fixed fields."""
    seed: int = 0


def search(
    splits: Splits,
    plan: Plan,
    folder: str | Path,
    told: Callable[[Trial, Sequence[Trial]], None] = lambda trial, trials: None,
) -> list[Trial]:
    """Try settings until the budget is spent; return all trials, earlier ones of the folder too.

    Parameters
    ----------
    splits
        Train and, if there is one, val; else a seeded tenth of train stands in for it.
    folder
        Keeps the trials, in optuna's journal and as JSON lines. The same search goes on there.
    told
        Called with each trial when it is done, and all trials so far.

    Raises
    ------
    DataError
        If the folder holds another search.
    ParameterError
        If the metric or a field does not exist.
    MissingExtraError
        If optuna is not installed.
    """
    for dimension in plan.space:
        plan.build({dimension.path: dimension.example})
    train, val = _parts(splits, plan.seed)
    goal = _goal(plan.metric, val, splits.labels)
    study = _study(plan, Path(folder))
    cache = FeatureCache(train, val)
    trials = _finished(study)
    while not plan.budget.spent(trials):
        study.sampler = _sampler(plan.seed, len(trials))
        trial = _tried(study.ask(), study, plan, cache, goal)
        trials = _finished(study)
        _write(trials, Path(folder) / TRIALS)
        told(trial, trials)
    return trials


def best_of(trials: Sequence[Trial]) -> Trial:
    """Return the trial with the highest value, the earliest of them.

    Raises
    ------
    DataError
        If every trial failed.
    """
    done = [trial for trial in trials if trial.value is not None]
    if not done:
        raise DataError(f"All {len(trials)} trials failed, the first so: {trials[0].error}")
    return max(done, key=lambda trial: (trial.value, -trial.number))


def _tried(handle: Any, study: Any, plan: Plan, cache: FeatureCache, goal: Goal) -> Trial:
    """Run one trial and tell the study."""
    settings = {dimension.path: dimension.suggest(handle) for dimension in plan.space}
    began, value, error = time.perf_counter(), None, None
    try:
        value = _measured(plan.build(settings), cache, goal)
    except LabeltreeError as problem:  # a setting may be impossible, say, leave no term
        error = str(problem)
    trial = Trial(handle.number, settings, value, round(time.perf_counter() - began, 3), error)
    handle.set_user_attr("trial", asdict(trial))
    from optuna.trial import TrialState

    if value is None:
        study.tell(handle, state=TrialState.FAIL)
    else:
        study.tell(handle, value)
    return trial


def _measured(model: BaseModel, cache: FeatureCache, goal: Goal) -> float:
    """Return the metric on validation of a model trained on train."""
    model, train, val = cache.prepared(model)
    model.fit(train.inputs(model.takes), train.Y, labels=train.labels, validation=val)
    scores = model.predict(val.inputs(model.takes), n_ranked(val))
    decider = None
    if goal.needs_decisions:
        decider = fit_decider(val.Y, scores, model.labels_, "validation")
    report = evaluate_scores(val.Y, scores, model.labels_, threshold=decider, ks=goal.ks)
    return float(report.metrics[goal.metric])


def _goal(metric: str, val: Dataset, labels: Labels) -> Goal:
    """Return what is to be made large, after a look whether `evaluate` measures it on these data.

    Raises
    ------
    ParameterError
        If it does not, or less of it is better.
    """
    _, at, k = metric.partition("@")
    ks = (int(k),) if at and k.isdigit() and int(k) > 0 else (1, 3, 5)
    truth = csr_array(val.Y[:LOOK, : len(labels)])
    ranked = evaluate_scores(truth, truth, labels, ks=ks).metrics
    decided = evaluate_scores(truth, truth, labels, threshold=0.5, ks=ks).metrics
    known = [name for name in decided if not name.startswith(NO_GOALS)]
    if metric not in known:
        raise ParameterError(f"metric: one of {', '.join(known)} wanted, found {metric!r}")
    return Goal(metric, ks, metric not in ranked)


def _parts(splits: Splits, seed: int) -> tuple[Dataset, Dataset]:
    if splits.train is None:
        raise DataError("There is no training part.", "Name a file train.jsonl, train.csv ...")
    if splits.val is not None:
        return splits.train, splits.val
    if len(splits.train) < 2 / HELD_OUT:
        raise DataError(
            f"{len(splits.train)} documents are too few to hold a tenth out.",
            "Bring a val part.",
        )
    return splits.train.split(HELD_OUT, seed)


# ---- what optuna keeps ---------------------------------------------------------------------------


def _study(plan: Plan, folder: Path) -> Any:
    """Return the study of the folder, new or begun."""
    try:
        import optuna
    except ImportError as error:
        raise MissingExtraError("search", "search") from error
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    storage = JournalStorage(JournalFileBackend(str(folder / JOURNAL)))
    study = optuna.create_study(
        study_name="labeltree", storage=storage, direction="maximize", load_if_exists=True
    )
    about = {
        **plan.about, "metric": plan.metric, "seed": plan.seed,
        "space": [dimension.spelled for dimension in plan.space],
    }  # fmt: skip
    before = study.user_attrs.get("about")
    if before is None:
        study.set_user_attr("about", about)
        fitting = {d.path: v for d in plan.space if (v := d.stored(plan.start.get(d.path)))}
        study.enqueue_trial(fitting)
    elif before != json.loads(json.dumps(about)):
        differ = [k for k in about if before.get(k) != json.loads(json.dumps(about[k]))]
        raise DataError(
            f"The folder holds a search with another {', '.join(differ)}.",
            "Name another folder.",
            file=folder,
        )
    for trial in study.trials:
        if trial.state == optuna.trial.TrialState.RUNNING:  # killed in the middle
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    return study


def _sampler(seed: int, n_done: int) -> Any:
    """Return a sampler whose proposal depends on earlier trials only: a restart changes nothing."""
    from optuna.samplers import TPESampler

    return TPESampler(seed=int(derived(seed, n_done)) % 2**32)


def _finished(study: Any) -> list[Trial]:
    """Return the trials that came to an end; those that were killed are left out."""
    kept = [trial.user_attrs.get("trial") for trial in study.trials]
    return [Trial(**trial) for trial in kept if trial is not None]


def _write(trials: Sequence[Trial], file: Path) -> None:
    fresh = file.with_name(f".{file.name}.writing-{os.getpid()}")
    lines = (json.dumps(asdict(trial), ensure_ascii=False) + "\n" for trial in trials)
    fresh.write_text("".join(lines), "utf8")
    os.replace(fresh, file)
