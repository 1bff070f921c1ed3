"""Is an update as good as fitting again, and how much faster? 5 % new documents, 1 % new labels.

update.py [--data arxiv_msc] [--seeds 3] [--n-trees 3] [--drift 0.1] [--threads 2]

The old part of train holds no document with a new label; the new part holds all of those, filled
up with others drawn at random. Through the command line: fit on the old part, update with the new
one, and fit on both; both models are evaluated on the test part.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
from common import WORK, data_root, measured, record

import labeltree

BENCH = "update"
SHOWN = ("P@1", "P@3", "P@5", "R-Precision", "PSP@5")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="arxiv_msc")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--n-trees", type=int, default=3)
    parser.add_argument("--drift", type=float, default=0.1)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    for seed in range(arguments.seeds):
        compare(arguments, seed)


def compare(arguments: argparse.Namespace, seed: int) -> None:
    folder = WORK / f"update-{arguments.data}"
    shutil.rmtree(folder, ignore_errors=True)
    n_new = divide(arguments.data, folder, seed)
    verb = [sys.executable, "-m", "labeltree"]
    fit = ["--n-trees", str(arguments.n_trees), "--seed", str(seed), "--no-threshold", "--quiet"]
    fit += ["--n-jobs", str(arguments.threads)]
    model, again = str(folder / "model"), str(folder / "again")
    whole, old, new = (str(folder / part) for part in ("whole", "old", "new"))
    updatable = ["--updatable", "true"]
    measured([*verb, "fit", "parabel", old, "--out", model, *fit, *updatable])
    cell = {
        "data": arguments.data, "n_trees": arguments.n_trees, "seed": seed, **n_new,
        "drift": arguments.drift, "threads": arguments.threads,
    }  # fmt: skip
    drift = ["--drift", str(arguments.drift)]
    for what, command, saved in (
        ("fit again", [*verb, "fit", "parabel", whole, "--out", again, *fit], again),
        ("update", [*verb, "update", model, new, *drift, "--quiet"], model),
    ):
        seconds, peak, _ = measured(command)
        test = str(data_root() / arguments.data)
        _, _, output = measured([*verb, "evaluate", saved, test, "--json", "--quiet"])
        found = json.loads(output)
        shown = {m: found[m] for m in SHOWN}
        record(BENCH, what=what, **cell, **shown, seconds=round(seconds, 2), peak_mb=round(peak))


def divide(data: str, folder: Path, seed: int) -> dict[str, Any]:
    """Write the parts old, new and whole; return the numbers of new documents and labels."""
    splits = labeltree.read(data_root() / data)
    train, labels = splits.train, splits.labels
    rng, n = np.random.default_rng(seed), len(splits.train)
    is_leaf = labels.hierarchy.is_leaf[labels.hierarchy.node_of_label]
    rare = np.flatnonzero(is_leaf & (labels.counts >= 2) & (labels.counts <= 60))
    new_labels = rng.choice(rare, len(labels) // 100, replace=False)
    carry = np.unique(train.Y[:, new_labels].tocoo().coords[0])
    others = rng.permutation(np.setdiff1d(np.arange(n), carry))
    new = np.sort(np.r_[carry, others[: max(0, n // 20 - len(carry))]])
    hidden = {labels.ids[c] for c in new_labels}
    h = labels.hierarchy
    edges = [(h.ids[p], h.ids[c]) for p, c in h.edges.T.tolist() if p]
    for name, rows, kept in (
        ("old", np.setdiff1d(np.arange(n), new), [e for e in edges if e[1] not in hidden]),
        ("new", new, edges),
        ("whole", np.arange(n), edges),
    ):
        (folder / name).mkdir(parents=True)
        with open(folder / name / "train.jsonl", "w") as out:
            for i in rows.tolist():
                row = train.Y.indices[train.Y.indptr[i] : train.Y.indptr[i + 1]]
                ids = [labels.ids[c] for c in row]
                out.write(json.dumps({"text": train.texts[i], "labels": ids}) + "\n")
        with open(folder / name / "taxonomy.tsv", "w") as out:
            out.writelines(f"{parent}\t{child}\n" for parent, child in kept)
    return {"new_documents": len(new), "new_labels": len(new_labels)}


if __name__ == "__main__":
    main()
