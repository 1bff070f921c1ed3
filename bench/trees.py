"""One model on four trees: the given taxonomy, a grown tree, a graft of both, a random tree.

trees.py [--data a,b] [--seeds 3] [--n-trees 1] [--threads 2]

Through the command line, trained on closed label sets (all ancestors added) and on explicit ones
(most-specific labels only); all labels of these sets are measured, and most-specific ones.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from common import WORK, data_root, is_measured, measured, record

import labeltree

BENCH = "trees"
SHOWN = ("P@1", "P@3", "P@5", "R-Precision", "PSP@5", "micro-F1", "macro-F1")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="biotools_edam,arxiv_msc,arxiv_subjects")
    parser.add_argument("--sets", default="closed,explicit")
    parser.add_argument("--trees", default="grown,given,graft,random")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--n-trees", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    cells = [
        {"data": data, "sets": sets, "tree": tree, "n_trees": arguments.n_trees, "seed": seed}
        for data in arguments.data.split(",")
        for sets in arguments.sets.split(",")
        for tree in arguments.trees.split(",")
        for seed in range(arguments.seeds)
    ]
    for cell in cells:
        if not is_measured(BENCH, **cell):
            run(cell, arguments.threads)


def run(cell: dict, threads: int) -> None:
    folder = WORK / f"trees-{cell['data']}"
    shutil.rmtree(folder, ignore_errors=True)
    data = str(written(cell["data"], cell["sets"]))
    verb = [sys.executable, "-m", "labeltree"]
    fit = [
        *verb, "fit", "parabel", data, "--out", str(folder), "--tree", cell["tree"],
        "--n-trees", str(cell["n_trees"]), "--seed", str(cell["seed"]), "--n-jobs", str(threads),
        "--quiet",
    ]  # fmt: skip
    seconds, peak, _ = measured(fit)
    kinds = ([], ["--specific"]) if cell["sets"] == "closed" else ([],)
    for specific in kinds:
        _, _, output = measured([*verb, "evaluate", str(folder), data, "--json", *specific])
        found = json.loads(output)
        record(
            BENCH, **cell, specific=bool(specific), closed=found["closed"],
            **{m: found[m] for m in SHOWN}, seconds=round(seconds, 2), peak_mb=round(peak),
        )  # fmt: skip


def written(data: str, sets: str) -> Path:
    """Return the data set with closed or explicit label sets, written where it is not yet."""
    folder = WORK / f"{data}-{sets}"
    if folder.exists():
        return folder
    splits = labeltree.read(data_root() / data)
    folder.mkdir(parents=True)
    for name, part in splits.parts.items():
        part = part.with_ancestors() if sets == "closed" else most_specific(part)
        with open(folder / f"{name}.jsonl", "w") as out:
            for i, text in enumerate(part.texts):
                row = part.Y.indices[part.Y.indptr[i] : part.Y.indptr[i + 1]]
                ids = [part.labels.ids[c] for c in row]
                out.write(json.dumps({"text": text, "labels": ids}) + "\n")
    h = splits.labels.hierarchy
    with open(folder / "taxonomy.tsv", "w") as out:
        out.writelines(f"{h.ids[p]}\t{h.ids[c]}\n" for p, c in h.edges.T.tolist() if p)
    return folder


def most_specific(part: labeltree.Dataset) -> labeltree.Dataset:
    """Return the part without ancestors of labels; labels outside the taxonomy stay."""
    from scipy.sparse import hstack

    h = part.labels.hierarchy
    inside = h.most_specific(part.Y[:, : h.n_labels])
    return replace(part, Y=hstack([inside, part.Y[:, h.n_labels :]], format="csr"))


if __name__ == "__main__":
    main()
