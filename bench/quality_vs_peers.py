"""Do our label trees rank as well as the peers'? Same features, truth, tree settings, tree count.

quality_vs_peers.py PEER_PYTHON [--model parabel] [--data a,b] [--trees 1,3] [--seeds 3]

parabel and bonsai meet omikuji, plt meets napkinXC, xr_linear meets libpecos. Ours runs through
the command line; the peer gets the features of the model that was saved, in its own environment
(`make bench-peers` sets it up). Both are scored by our evaluator. Cells already in bench/results
are not run again.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from common import HERE, WORK, data_root, is_measured, measured, record

import labeltree
from labeltree.core.scores import from_ranking
from labeltree.grow.pifa import unit_rows
from labeltree.run.evaluate import evaluate_scores

BENCH = "quality_vs_peers"
SHOWN = ("P@1", "P@3", "P@5", "PSP@5")
PEER = {
    "parabel": "omikuji 0.5.2",
    "bonsai": "omikuji 0.5.2",
    "plt": "napkinXC 0.7.2",
    "xr_linear": "libpecos 1.2.8",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("peer_python")
    parser.add_argument("--model", default="parabel", choices=PEER)
    parser.add_argument("--data", default="reuters21578,biotools_edam,arxiv_msc,tibkat_gnd")
    parser.add_argument("--trees", default="1,3")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    for data in arguments.data.split(","):
        for n_trees in map(int, arguments.trees.split(",")):
            for seed in range(arguments.seeds):
                cell = {"model": arguments.model, "data": data, "n_trees": n_trees, "seed": seed}
                if not is_measured(BENCH, **cell | {"system": "labeltree"}):
                    ours(cell | {"threads": arguments.threads})
                if not is_measured(BENCH, **cell | {"system": PEER[arguments.model]}):
                    theirs(cell | {"threads": arguments.threads}, arguments.peer_python)


def fit(cell: dict[str, Any], folder: Path) -> tuple[float, float]:
    """Fit through the command line; return seconds and peak megabytes, reading included."""
    shutil.rmtree(folder, ignore_errors=True)
    command = [
        sys.executable, "-m", "labeltree", "fit", cell["model"], str(data_root() / cell["data"]),
        "--out", str(folder), "--n-trees", str(cell["n_trees"]), "--seed", str(cell["seed"]),
        "--n-jobs", str(cell["threads"]), "--no-threshold", "--quiet",
    ]  # fmt: skip
    seconds, peak, _ = measured(command)
    return seconds, peak


def ours(cell: dict[str, Any]) -> None:
    folder = WORK / cell["data"] / "ours"
    seconds, peak = fit(cell, folder)
    command = [
        sys.executable, "-m", "labeltree", "evaluate", str(folder),
        str(data_root() / cell["data"]), "--json", "--quiet",
    ]  # fmt: skip
    _, _, output = measured(command)
    found = json.loads(output)
    record(
        BENCH, system="labeltree", **cell, **{m: found[m] for m in SHOWN},
        closed=found["closed"], n_labels=found["n_labels"], n_documents=found["n_documents"],
        seconds=round(seconds, 2), peak_mb=round(peak),
    )  # fmt: skip


def theirs(cell: dict[str, Any], python: str) -> None:
    folder = WORK / cell["data"]
    if not (folder / "ours" / "model.json").exists():
        fit(cell | {"n_trees": 1}, folder / "ours")
    model = labeltree.load(folder / "ours")
    splits = labeltree.read(data_root() / cell["data"], labels=model.labels_)
    if not (folder / "Y_train.npz").exists():
        write_matrices(folder, splits, model)
    system = PEER[cell["model"]]
    worker = HERE / "peers" / f"{system.split()[0].lower().removeprefix('lib')}_worker.py"
    command = [python, str(worker), str(folder), cell["model"]]
    command += [str(cell[k]) for k in ("n_trees", "seed", "threads")]
    _, _, output = measured(command, stderr=subprocess.DEVNULL)  # omikuji draws a bar a document
    top = np.load(folder / "top.npz")
    S = from_ranking(top["labels"], top["scores"], len(splits.labels))
    metrics = evaluate_scores(splits.test.Y, S, splits.labels).metrics
    record(
        BENCH, system=system, **cell, **{m: metrics[m] for m in SHOWN},
        **json.loads(output.splitlines()[-1]),
    )  # fmt: skip


def write_matrices(folder: Path, splits: Any, model: Any) -> None:
    """Write the features that our model sees, as matrices and as the repository's text."""
    # Rows of length 1: what all but PECOS make of them by themselves.
    X_train, X_test = (
        unit_rows(part.X if part.texts is None else model.features(part.texts))
        for part in (splits.train, splits.test)
    )
    Y = splits.train.Y[:, : len(splits.labels)]
    kept = (np.diff(X_train.indptr) > 0) & (np.diff(Y.indptr) > 0)
    write_repository_text(folder / "train.txt", X_train[kept], Y[kept])
    sp.save_npz(folder / "X_train.npz", sp.csr_matrix(X_train[kept]))
    sp.save_npz(folder / "X_test.npz", sp.csr_matrix(X_test))
    sp.save_npz(folder / "Y_train.npz", sp.csr_matrix(Y[kept]))


def write_repository_text(file: Path, X: sp.csr_array, Y: sp.csr_array) -> None:
    with open(file, "w") as out:
        out.write(f"{X.shape[0]} {X.shape[1]} {Y.shape[1]}\n")
        for i in range(X.shape[0]):
            labels = ",".join(map(str, Y.indices[Y.indptr[i] : Y.indptr[i + 1]]))
            row = slice(X.indptr[i], X.indptr[i + 1])
            pairs = zip(X.indices[row], X.data[row], strict=True)
            out.write(labels + " " + " ".join(f"{f}:{v:.7g}" for f, v in pairs) + "\n")


if __name__ == "__main__":
    main()
