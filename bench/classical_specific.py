"""Do general labels spoil shared buckets? Models fitted on most-specific labels only.

classical_specific.py [--data arxiv_msc] [--models parabel,mach,bloom] [--seed 0]

In the table of large data sets, models learn all labels, and most-specific ones are measured. Here
they learn no others; cells already in bench/results are not run again.
"""

from __future__ import annotations

import argparse

from classical import SETTINGS, SHOWN, documents
from common import is_measured, record

import labeltree
from labeltree.run.evaluate import evaluate

BENCH = "classical_specific"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="arxiv_msc", help="data with a taxonomy")
    parser.add_argument("--models", default="parabel,mach,bloom")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    train, test = documents(arguments.data)
    Y = train.labels.hierarchy.most_specific(train.Y)
    for model in arguments.models.split(","):
        cell = {"data": arguments.data, "model": model, "seed": arguments.seed}
        if is_measured(BENCH, **cell):
            continue
        fields = {"seed": arguments.seed} | SETTINGS.get((arguments.data, model), {})
        fitted = labeltree.find(model)().set_params(**fields).fit(train.X, Y, labels=train.labels)
        metrics = evaluate(fitted, test, specific=True).metrics
        shown = {m: round(metrics[m], 6) for m in SHOWN if m in metrics}
        sizes = {"labels_per_document": round(Y.nnz / len(train), 2)}
        record(BENCH, **cell, **sizes, **shown)


if __name__ == "__main__":
    main()
