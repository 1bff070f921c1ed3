"""Published P@k on random splits: how much of a difference is the split's.

classical_splits.py [--data a,b] [--models x,y] [--splits 3] [--threads 2]

Papers average random splits of small data sets, not the split that came with the data. Here train
and test are pooled and cut anew, in the old sizes. Cells already in bench/results are not run
again.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
from common import data_root, is_measured, record
from scipy.sparse import csr_array, vstack

import labeltree
from labeltree.metrics.ranking import precision_at
from labeltree.readers import read

BENCH = "classical_splits"
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "fastxml": ("fastxml", {}),
    "pfastrexml": ("pfastrexml", {}),
    "pfastrexml, alpha 1": ("pfastrexml", {"alpha": 1.0}),
    "pfastrexml, as the authors' code": ("pfastrexml", {"leaves": "weighted", "halved": False}),
    "craftml": ("craftml", {}),
    "parabel": ("parabel", {}),
}
"""Row of the table: model and the fields that are not its defaults."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="bibtex,delicious")
    parser.add_argument("--models", default=";".join(MODELS), help="divided by semicolons")
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    for data in arguments.data.split(","):
        for model in arguments.models.split(";"):
            for split in range(arguments.splits):
                cell = {"data": data, "model": model, "split": split}
                if not is_measured(BENCH, **cell):
                    record(BENCH, **cell, **measured(**cell, threads=arguments.threads))


def measured(data: str, model: str, split: int, threads: int) -> dict[str, float]:
    """Return P@1, P@3, P@5 on documents cut anew, and the seconds to fit."""
    splits = read(data_root() / data)
    X = csr_array(vstack([splits.train.X, splits.test.X]))
    Y = csr_array(vstack([splits.train.Y, splits.test.Y]))
    order = np.random.default_rng(split).permutation(X.shape[0])
    train, test = np.split(order, [len(splits.train)])
    name, fields = MODELS[model]
    fitted = labeltree.find(name)(seed=split, n_jobs=threads).set_params(**fields)
    began = time.perf_counter()
    fitted.fit(X[train], Y[train])
    seconds = round(time.perf_counter() - began, 2)
    found = precision_at(Y[test], fitted.predict(X[test], 5), 5)
    return {f"P@{k}": round(float(found[k - 1]), 6) for k in (1, 3, 5)} | {"train_s": seconds}


if __name__ == "__main__":
    main()
