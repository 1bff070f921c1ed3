"""Speed, memory and size of linear label trees beside the peers', in one run.

linear_vs_peers.py [--data a,b] [--shapes parabel-1,xr-16] [--threads 1,2] [--repeats 3]

The same matrices for all; each phase of each system in a process and an environment of its own
(`make bench-peers`). Repeats are interleaved: one of each system, then again. Cells already in
bench/results are not run again: remove their lines to measure anew. All answers are scored by our
evaluator.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
import synthetic
from common import HERE, WORK, data_root, is_measured, record
from quality_vs_peers import write_repository_text

from labeltree.core.arrays import as_binary
from labeltree.core.labels import Labels
from labeltree.core.scores import from_ranking
from labeltree.grow.pifa import unit_rows
from labeltree.readers import read
from labeltree.run.evaluate import evaluate_scores
from labeltree.text.tfidf import Tfidf

BENCH = "linear_vs_peers"
SHOWN = ("P@1", "P@3", "P@5", "PSP@5")
SPEED = WORK / "speed"
PYTHON = {
    "labeltree": Path(sys.executable),
    "libmultilabel": WORK / "peers-libmultilabel" / "bin" / "python",
}
"""All others: WORK/peers."""

OMIKUJI, NAPKINXC, PECOS = "omikuji 0.5.2", "napkinXC 0.7.2", "libpecos 1.2.8"
LIBMULTILABEL = "LibMultiLabel 0.10.0"
SHAPES: dict[str, dict[str, dict[str, Any]]] = {
    "parabel-1": {
        "labeltree": {"model": "parabel", "n_trees": 1},
        OMIKUJI: {"n_trees": 1},
        NAPKINXC: {"loss": "l2", "liblinear_c": 1.0},
    },
    "parabel-3": {
        "labeltree": {"model": "parabel"},
        OMIKUJI: {},
    },
    "collapsed-1": {
        "labeltree": {"model": "parabel", "n_trees": 1, "tree__collapse": 4},
        OMIKUJI: {"n_trees": 1, "collapse_every_n_layers": 5},
    },
    "bonsai-1": {
        "labeltree": {"model": "bonsai", "n_trees": 1},
        OMIKUJI: {"n_trees": 1, "cluster_balanced": False, "cluster_k": 100, "max_depth": 3},
        LIBMULTILABEL: {},
    },
    "xr-16": {
        "labeltree": {"model": "xr_linear"},
        PECOS: {"nr_splits": 16},
        f"{PECOS} hashed": {"nr_splits": 16, "layout": "HASH_CHUNKED"},
    },
    "xr-32": {
        "labeltree": {"model": "xr_linear", "tree__clusterer__branching": 32},
        PECOS: {"nr_splits": 32},
    },
}
"""Trees of one shape: the systems that grow it, and their settings. Another `layout` of weights
matters to answers only: the model is that of the system before it."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="bibtex,biotools_edam,eurlex,arxiv_msc,tibkat_gnd")
    parser.add_argument("--shapes", default=",".join(SHAPES))
    parser.add_argument("--systems", default="", help="parts of names; all others are left out")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    wanted = [s for s in arguments.systems.split(",") if s]
    for data in arguments.data.split(","):
        prepare(data, SPEED / data)
        for shape in arguments.shapes.split(","):
            for repeat in range(arguments.repeats):
                for threads in map(int, arguments.threads.split(",")):
                    for system in SHAPES[shape]:
                        if not wanted or any(w in system for w in wanted):
                            cell = {"data": data, "shape": shape, "system": system}
                            run(cell | {"threads": threads, "repeat": repeat})


def prepare(data: str, folder: Path) -> None:
    """Write the matrices that all systems get: rows of length 1, no empty training documents."""
    if (folder / "X_one.npz").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    if data in synthetic.SHAPES:
        synthetic.write(data, folder)
        X, Y, X_test, Y_test = (
            sp.csr_array(sp.load_npz(folder / f"{m}_{part}.npz"))
            for part in ("train", "test") for m in "XY"
        )  # fmt: skip
    else:
        splits = read(data_root() / data)
        Y, Y_test = splits.train.Y, splits.test.Y
        if splits.train.X is None:
            tfidf = Tfidf()
            X, X_test = tfidf.fit_transform(splits.train.texts), tfidf.transform(splits.test.texts)
        else:
            X, X_test = splits.train.X, splits.test.X
        X, X_test = unit_rows(X), unit_rows(X_test)
    Y, Y_test = (sp.csr_array((y.data, y.indices, y.indptr), (y.shape[0], Y.shape[1]))
                 for y in (Y, Y_test))  # fmt: skip
    kept = (np.diff(X.indptr) > 0) & (np.diff(Y.indptr) > 0)
    write_repository_text(folder / "train.txt", X[kept], Y[kept])
    parts = {"X_train": X[kept], "Y_train": Y[kept], "X_test": X_test, "Y_test": Y_test}
    parts["X_one"] = X_test[np.flatnonzero(np.diff(X_test.indptr))[:1]]
    for name, part in parts.items():
        sp.save_npz(folder / f"{name}.npz", sp.csr_matrix(part), compressed=False)


def run(cell: dict[str, Any]) -> None:
    """Train, predict and answer a first document, each in its own process; record all of it."""
    if is_measured(BENCH, **cell):
        return
    folder, system = SPEED / cell["data"], cell["system"]
    settings = SHAPES[cell["shape"]][system]
    model = folder / f"{cell['shape']} {system.removesuffix(' hashed')} {cell['threads']}"
    arguments = str(folder), str(model), cell["threads"], settings
    found = {} if "layout" in settings else work("train", system, *arguments)
    found |= work("predict", system, *arguments)
    if cell["threads"] == 1:
        found |= work("first", system, *arguments)
    record(BENCH, **cell, **found, **quality(folder, Path(f"{model}.top.npy")))


def work(
    phase: str, system: str, folder: str, model: str, threads: int, settings: dict[str, Any]
) -> dict[str, Any]:
    name = system.split()[0].lower()
    name = {"libpecos": "pecos"}.get(name, name)
    python = PYTHON.get(name, WORK / "peers" / "bin" / "python")
    count = str(threads)
    limits = {f"{v}_NUM_THREADS": count for v in ("OMP", "RAYON", "OPENBLAS", "MKL")}
    done = subprocess.run(
        [python, HERE / "peers" / "speed_worker.py", phase, folder, model, name, count,
         json.dumps(settings)],
        env=os.environ | limits | {"BEGAN": repr(time.time())},
        capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{system}, {phase}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def quality(folder: Path, file: Path) -> dict[str, float]:
    Y, Y_train = (sp.load_npz(folder / f"Y_{part}.npz") for part in ("test", "train"))
    top = np.load(file).astype(np.int32)
    scores = np.tile(1 / np.arange(1.0, top.shape[1] + 1), (len(top), 1))
    S = from_ranking(top, scores, Y.shape[1])
    labels = Labels.numbered(Y.shape[1]).counted(as_binary(Y_train, "Y"))
    metrics = evaluate_scores(as_binary(Y, "Y"), S, labels).metrics
    return {m: round(metrics[m], 6) for m in SHOWN}


if __name__ == "__main__":
    main()
