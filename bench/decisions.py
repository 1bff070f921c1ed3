"""From scores to decisions: every rule, calibration, and answers with a stated coverage.

decisions.py [--data a,b] [--seeds 3] [--threads 2]
Parabel with three trees. Everything is fitted on the validation part, or on a seeded held-out tenth
of train, and measured on test. The oracle chooses its global cut on test.
"""

from __future__ import annotations

import argparse

import numpy as np
from common import data_root, is_measured, record
from scipy.sparse import csr_array

from labeltree.core.arrays import CSR
from labeltree.core.labels import Labels
from labeltree.metrics import (
    conformal,
    first_answers,
    macro_f1,
    micro_f1,
    reliability_by_mass,
    sample_f1,
)
from labeltree.metrics.calibration import levels
from labeltree.metrics.decider import (
    CALIBRATORS,
    DEFAULT_CALIBRATOR,
    RULES,
    Decider,
    fit_decider,
)
from labeltree.metrics.thresholds import fit_global_threshold
from labeltree.models import find
from labeltree.readers import Splits, read
from labeltree.run.train import HELD_OUT, n_ranked

BENCH = "decisions"
DATA = "reuters21578,arxiv_subjects,biotools_edam"
COVERAGES = (0.8, 0.9, 0.95)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=DATA)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    for data in arguments.data.split(","):
        splits = read(data_root() / data)
        for seed in range(arguments.seeds):
            cell = {"data": data, "seed": seed}
            if not is_measured(BENCH, **cell):
                run(cell, splits, arguments.threads)


def run(cell: dict, splits: Splits, threads: int) -> None:
    labels, (Y, S), (truth, scores) = scored(splits, cell["seed"], threads)
    cell["closed"] = labels.closed is True
    oracle = Decider(fit_global_threshold(truth, scores, "test"), closed=labels.closed is True)
    measured(cell, "oracle", "none", oracle, (truth, scores), labels)
    for calibrate in CALIBRATORS:
        for rule in RULES if calibrate == DEFAULT_CALIBRATOR else ("global", "per_label"):
            decider = fit_decider(Y, S, labels, "validation", rule=rule, calibrate=calibrate)
            measured(cell, rule, calibrate, decider, (truth, scores), labels)
        calibrated(cell, calibrate, decider.calibrated(scores), truth)
    covered(cell, decider, (truth, scores), labels)


def scored(splits: Splits, seed: int, threads: int) -> tuple[Labels, tuple, tuple]:
    """Return the labels, and (truth, scores) of validation and of test."""
    assert splits.train is not None
    assert splits.test is not None

    def fitted(data):
        model = find("pipeline")(model=find("parabel")(seed=seed, n_jobs=threads))
        return model.fit(data.texts, data.Y, labels=data.labels)

    def pairs(model, data):
        return data.Y, model.predict(data.texts, n_ranked(data))

    if splits.val is not None:
        model = fitted(splits.train)
        return model.labels_, pairs(model, splits.val), pairs(model, splits.test)
    rest, held_out = splits.train.split(HELD_OUT, seed)
    validation = pairs(fitted(rest), held_out)
    model = fitted(splits.train)
    return model.labels_, validation, pairs(model, splits.test)


def measured(
    cell: dict, rule: str, calibrate: str, decider: Decider, test: tuple[CSR, CSR], labels: Labels
) -> None:
    """Record the F1s of a rule on test, and how many decisions lack an ancestor."""
    truth, scores = test
    decided = decider.decide(scores, labels)
    orphans = 0
    if decider.closed and labels.hierarchy is not None:
        orphans = labels.hierarchy.close(decided).nnz - decided.nnz
    record(
        BENCH, what="rule", **cell, rule=rule, calibrate=calibrate, spelled=str(decider),
        **{"micro-F1": micro_f1(truth, decided), "macro-F1": macro_f1(truth, decided)},
        **{"sample-F1": sample_f1(truth, decided)},
        per_document=decided.nnz / decided.shape[0], violations=orphans,
    )  # fmt: skip


def calibrated(cell: dict, calibrate: str, scores: CSR, truth: CSR) -> None:
    """Record the expected calibration error of all ranked pairs, and of first answers."""
    record(
        BENCH, what="calibration", **cell, calibrate=calibrate,
        ece=reliability_by_mass(truth, scores).error,
        ece_first=reliability_by_mass(truth, first_answers(scores)).error,
    )  # fmt: skip


def covered(cell: dict, decider: Decider, test: tuple[CSR, CSR], labels: Labels) -> None:
    """Record coverage, and how deep the answers are; no answer is right and of depth 0."""
    truth, scores = test
    assert decider.safe is not None
    assert labels.hierarchy is not None
    path = conformal.paths(scores, labels)
    closed = labels.hierarchy.close(csr_array(truth[:, : labels.hierarchy.n_labels]))
    depth = levels(labels)
    for coverage in COVERAGES:
        given = conformal.answers(path, decider.safe.tau(coverage), scores.shape[1])
        rows = np.flatnonzero(np.diff(given.indptr))
        n_right = (given > 0).multiply(closed).sum()
        record(
            BENCH, what="coverage", **cell, target=coverage,
            coverage=float(1 - (given.nnz - n_right) / given.shape[0]),
            answered=given.nnz / given.shape[0],
            full=float((given.indices == path.label[rows, 0]).sum() / given.shape[0]),
            depth=float(depth[given.indices].sum() / given.shape[0]),
        )  # fmt: skip


if __name__ == "__main__":
    main()
