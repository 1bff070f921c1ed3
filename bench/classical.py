"""Forests and label embeddings: beside published figures, and beside parabel on larger data.

classical.py [--data a,b] [--models x,y] [--seeds 3] [--threads 2]

Each cell (data set, model, seed) in a process of its own; cells already in bench/results are not
run again. Features are the data set's, or the library's TF-IDF. SETTINGS were chosen on a fifth of
the training documents.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from typing import Any

from common import WORK, data_root, is_measured, peak_mb, record_apart

BENCH = "classical"
SHOWN = ("P@1", "P@3", "P@5", "PSP@1", "PSP@5", "R-Precision")
SMALL, LARGE = ("bibtex", "delicious"), ("arxiv_msc", "tibkat_gnd")
MODELS = (
    "parabel", "fastxml", "pfastrexml", "craftml", "compressed_sensing", "plst", "cplst", "occa",
    "leml", "sleec", "annexml", "mach", "bloom",
)  # fmt: skip
SETTINGS: dict[tuple[str, str], dict[str, Any]] = {
    ("bibtex", "sleec"): {"n_learners": 3, "graph_neighbours": 250},
    ("delicious", "sleec"): {
        "n_learners": 4, "graph_neighbours": 150, "l2": 8.0, "part_size": 20_000,
        "n_neighbours": 60,
    },
    ("bibtex", "leml"): {"dim": 159, "l2": 2.0},
    ("delicious", "leml"): {"dim": 300, "l2": 3.0},
    ("bibtex", "cplst"): {"dim": 159, "l2": 1.0},
    ("delicious", "cplst"): {"dim": 300},
    ("bibtex", "compressed_sensing"): {"dim": 400, "l2": 1.0},
    ("delicious", "compressed_sensing"): {"dim": 400, "l2": 1.0, "sparsity": 40},
} | {
    (data, model): fields for data in LARGE for model, fields in {
        "plst": {"l2": 1.0}, "cplst": {"l2": 1.0},
        "compressed_sensing": {"dim": 400 if data == "arxiv_msc" else 200, "l2": 1.0},
        "sleec": {"n_learners": 2 if data == "arxiv_msc" else 1},
        "annexml": {"n_learners": 3 if data == "arxiv_msc" else 1},
        "mach": {"n_hashes": 4, "n_buckets": 1000 if data == "arxiv_msc" else 500},
    }.items()
}  # fmt: skip
"""Fields of a model (data set, model) that are not its defaults. Learners, codes and buckets of the
large ones are as many as the time of three seeds allows."""
TIMED = 2000
"""Documents whose answers are timed."""
LEFT_OUT = {("arxiv_msc", "occa"), ("tibkat_gnd", "occa")}
"""Models that say themselves that they do not scale so far."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=",".join(SMALL + LARGE))
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cell", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.cell:
        print(json.dumps(measured(**json.loads(arguments.cell))))
        return
    for data in arguments.data.split(","):
        for seed in range(arguments.seeds):
            for model in arguments.models.split(","):
                cell = {"data": data, "model": model, "seed": seed, "threads": arguments.threads}
                if data in SMALL:  # their table shows no times
                    found = is_measured(BENCH, data=data, model=model, seed=seed)
                else:
                    found = is_measured(BENCH, **cell)
                if (data, model) not in LEFT_OUT and not found:
                    record_apart(BENCH, __file__, cell)


def measured(data: str, model: str, seed: int, threads: int) -> dict[str, Any]:
    """Fit, save and answer; return seconds, sizes and quality."""
    import labeltree
    from labeltree.run.evaluate import evaluate

    train, test = documents(data)
    fields = {"seed": seed, "n_jobs": threads} | SETTINGS.get((data, model), {})
    fitted = labeltree.find(model)().set_params(**fields)
    before, began, used = peak_mb(), time.perf_counter(), time.process_time()
    fitted.fit(train.X, train.Y, labels=train.labels)
    found: dict[str, Any] = {
        "train_s": round(time.perf_counter() - began, 2),
        "train_cpu_s": round(time.process_time() - used, 2),
    }
    found |= {"before_mb": before, "peak_mb": peak_mb()}
    folder = WORK / f"classical-{data}-{model}"
    fitted.save(folder)
    found["model_mb"] = round(sum(f.stat().st_size for f in folder.iterdir()) / 1e6, 2)
    some = test.X[:TIMED]
    fitted.predict(some[:100])
    began, used = time.perf_counter(), time.process_time()
    fitted.predict(some)
    found["docs_per_s"] = round(some.shape[0] / (time.perf_counter() - began))
    found["docs_per_cpu_s"] = round(some.shape[0] / (time.process_time() - used))
    specific = train.labels.hierarchy is not None
    metrics = evaluate(fitted, test, specific=specific).metrics
    tails = {m: round(v, 6) for m, v in metrics.items() if "tail" in m}
    shown = {m: round(metrics[m], 6) for m in SHOWN if m in metrics}
    settings = SETTINGS.get((data, model), {})
    return found | {"specific": specific, "settings": settings} | shown | tails


def documents(data: str) -> tuple[Any, Any]:
    """Return train and test with features: their own, or the library's TF-IDF."""
    from labeltree.readers import read
    from labeltree.text.tfidf import Tfidf

    splits = read(data_root() / data)
    train, test = splits.train, splits.test
    if train.X is None:
        tfidf = Tfidf()
        train = replace(train, X=tfidf.fit_transform(train.texts))
        test = replace(test, X=tfidf.transform(test.texts))
    return train, test


if __name__ == "__main__":
    main()
