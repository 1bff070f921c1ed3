"""Networks that know the hierarchy, wrapped and not, beside linear trees on the same documents.

neural.py [--data a,b] [--mode frozen|tuned] [--models x,y] [--seeds 3]

Each cell (mode, data, model, layout, seed) in a process of its own; cells already in bench/results
are not run again. Training stops by, and decisions are fitted on, the validation part (or a seeded
tenth of train); test chooses nothing. Decided labels are kept in bench/work for the comparison:
`neural.py --compare` draws the paired bootstrap over documents from them.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from common import WORK, data_root, is_measured, peak_mb, record, record_apart

BENCH = "neural"
KEPT = WORK / "neural"
FIRST = {"arxiv_subjects": (10_000, 2_000)}
"""Data sets of which the first training and the first test documents are used."""
WRAPPED = ("flat", "c_hmcnn", "hiagm", "hitin")
LAYOUTS = ("none", "masking", "projection")
GRID = [
    *((model, "none") for model in ("parabel", "one_vs_rest")),
    *((model, layout) for model in WRAPPED for layout in LAYOUTS),
    *((model, "none") for model in ("gat", "himatch", "hmcn")),
]
SETTINGS: dict[str, dict[str, Any]] = {
    "frozen": {
        "encoder__frozen": True, "epochs": 60, "patience": 5, "batch_size": 64, "head_lr": 3e-3,
    },
    "tuned": {"epochs": 8, "patience": 2, "batch_size": 32, "head_lr": 3e-3, "precision": "bf16"},
}  # fmt: skip
SHOWN = (
    "micro-F1", "macro-F1", "hierarchical-F1", "P@1", "P@3", "P@5", "R-Precision", "violations",
    "score-violations",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="reuters21578,arxiv_subjects")
    parser.add_argument("--mode", default="frozen", choices=list(SETTINGS))
    parser.add_argument("--models", default="", help="names; all others are left out")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("--cell", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.cell:
        print(json.dumps(measured(**json.loads(arguments.cell))))
        return
    wanted = arguments.models.split(",") if arguments.models else [model for model, _ in GRID]
    for data in arguments.data.split(","):
        cells = [
            {"mode": arguments.mode, "data": data, "model": m, "layout": layout, "seed": seed}
            for seed in range(arguments.seeds) for m, layout in GRID if m in wanted
        ]  # fmt: skip
        for cell in cells:
            if not arguments.compare and not is_measured(BENCH, **cell):
                record_apart(BENCH, __file__, cell)
        if arguments.compare:
            compare(arguments.mode, data, arguments.seeds)


def measured(mode: str, data: str, model: str, layout: str, seed: int) -> dict[str, Any]:
    """Fit, decide and measure; keep truth and decisions."""
    from scipy.sparse import save_npz

    from labeltree.run.evaluate import examine
    from labeltree.run.results import Settings
    from labeltree.run.train import train

    splits = documents(data)
    fitted = made(mode, model, layout, seed)
    began = time.perf_counter()
    train(fitted, splits, seed=seed)
    seconds = time.perf_counter() - began
    every = examine(fitted, splits.test)
    specific = examine(fitted, splits.test, Settings(specific=True)).report.metrics
    KEPT.mkdir(parents=True, exist_ok=True)
    for name, matrix in (("truth", every.Y), ("decided", every.decided)):
        save_npz(kept(mode, data, model, layout, seed, name), matrix)
    shown = {m: round(every.report.metrics[m], 6) for m in SHOWN if m in every.report.metrics}
    ranks = {f"specific {m}": round(v, 6) for m, v in specific.items() if m in SHOWN}
    return {
        "n_train": len(splits.train), "n_test": len(splits.test), "closed": splits.train.closed,
        "seconds": round(seconds, 1), "docs_per_s": round(every.report.documents_per_second),
        "peak_mb": peak_mb(),
        **shown, **ranks,
    }  # fmt: skip


def documents(data: str) -> Any:
    """Return the splits, or the first documents of them."""
    from labeltree.readers import read

    splits = read(data_root() / data)
    n_train, n_test = FIRST.get(data, (len(splits.train), len(splits.test)))
    return replace(
        splits, train=splits.train.subset(range(n_train)), test=splits.test.subset(range(n_test))
    )


def made(mode: str, model: str, layout: str, seed: int) -> Any:
    """Return the model to fit; a layout wraps its head."""
    from labeltree.models import find

    if model in ("parabel", "one_vs_rest"):
        return find("pipeline")(model=find(model)()).set_params(model__seed=seed)
    preset = find(model)()
    if layout != "none":
        preset = find("himtl")(base=preset.head(), layout=layout)
    return preset.set_params(seed=seed, **SETTINGS[mode])


def kept(mode: str, data: str, model: str, layout: str, seed: int, what: str) -> Path:
    return KEPT / f"{mode} {data} {model} {layout} {seed} {what}.npz"


def compare(mode: str, data: str, seeds: int) -> None:
    """Record what wrapping changes, for each head and layout, by paired bootstrap."""
    from scipy.sparse import csr_array, load_npz, vstack

    from labeltree.metrics.significance import document_values, paired_bootstrap

    def values(model: str, layout: str) -> Any:
        files = [
            [kept(mode, data, model, layout, seed, what) for seed in range(seeds)]
            for what in ("truth", "decided")
        ]
        parts = [[csr_array(load_npz(file)) for file in each] for each in files]
        truth, decided = (csr_array(vstack(p)) for p in parts)
        found = document_values(truth, decided, 1, decided=decided)["micro-F1"]
        # One row a document: seeds are added up, so that documents are what is drawn.
        return found.reshape(seeds, -1, found.shape[1]).sum(axis=0)

    for model in WRAPPED:
        plain = values(model, "none")
        for layout in LAYOUTS[1:]:
            found = paired_bootstrap(values(model, layout), plain, n_resamples=10_000)
            record(
                BENCH, what="bootstrap", mode=mode, data=data, model=model, layout=layout,
                seeds=seeds, metric="micro-F1", difference=found.difference, low=found.low,
                high=found.high, p=found.p,
            )  # fmt: skip


if __name__ == "__main__":
    main()
