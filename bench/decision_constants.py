"""Which constants of the calibration serve decisions best? Chosen on validation documents only.

decision_constants.py [--data a,b] [--seeds 3] [--threads 2]

Parabel with one tree. Decisions are fitted on one half of the validation part (or of a held-out
tenth of train) and measured on the other, and the other way round; test parts are not opened.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from itertools import product
from unittest.mock import patch

import numpy as np
from common import data_root, is_measured, record

from labeltree.metrics import (
    calibration,
    first_answers,
    macro_f1,
    micro_f1,
    reliability_by_mass,
)
from labeltree.metrics.decider import fit_decider
from labeltree.models import find
from labeltree.readers import read
from labeltree.run.train import HELD_OUT, n_ranked

BENCH = "decision_constants"
LOWEST = (-5.0, -7.0, -9.0, -12.0)
LEAST_POSITIVES = (100, 1000, 3000, 10**9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="reuters21578,biotools_edam,arxiv_subjects")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    for data in arguments.data.split(","):
        splits = replace(read(data_root() / data), test=None)
        for seed in range(arguments.seeds):
            cell = {"data": data, "seed": seed}
            if not is_measured(BENCH, **cell):
                run(cell, splits, arguments.threads)


def run(cell: dict, splits, threads: int) -> None:  # noqa: ANN001
    labels, Y, S = scored(splits, cell["seed"], threads)
    order = np.random.default_rng(cell["seed"]).permutation(Y.shape[0])
    halves = np.sort(order[: len(order) // 2]), np.sort(order[len(order) // 2 :])
    record(BENCH, **cell, calibrate="none", **measured(Y, S, labels, halves, "none"))
    for lowest in LOWEST:
        with patch.object(calibration, "LOWEST", lowest):
            found = measured(Y, S, labels, halves, "platt")
        record(BENCH, **cell, calibrate="platt", lowest=lowest, **found)
    for lowest, least in product(LOWEST, LEAST_POSITIVES):
        with (
            patch.object(calibration, "LOWEST", lowest),
            patch.object(calibration, "LEAST_POSITIVES", least),
        ):
            found = measured(Y, S, labels, halves, "both")
        record(BENCH, **cell, calibrate="both", lowest=lowest, least=least, **found)


def scored(splits, seed: int, threads: int):  # noqa: ANN001, ANN201
    """Return labels, truth and scores of the validation documents."""
    train, val = splits.train, splits.val
    if val is None:
        train, val = train.split(HELD_OUT, seed)
    model = find("pipeline")(model=find("parabel")(n_trees=1, seed=seed, n_jobs=threads))
    model.fit(train.texts, train.Y, labels=train.labels)
    return model.labels_, val.Y, model.predict(val.texts, n_ranked(val))


def measured(Y, S, labels, halves, calibrate: str) -> dict[str, float]:  # noqa: ANN001
    """Mean over both directions of F1s and of the first answers' calibration error."""
    rows = []
    for fit, hold in (halves, halves[::-1]):
        decider = fit_decider(Y[fit], S[fit], labels, "half", rule="global", calibrate=calibrate)
        decided = decider.decide(S[hold], labels)
        first = reliability_by_mass(Y[hold], first_answers(decider.calibrated(S[hold])))
        rows.append((micro_f1(Y[hold], decided), macro_f1(Y[hold], decided), first.error))
    names = ("micro-F1", "macro-F1", "ece_first")
    return dict(zip(names, np.mean(rows, axis=0).round(6).tolist(), strict=True))


if __name__ == "__main__":
    main()
