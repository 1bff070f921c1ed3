"""One model on four trees: the given taxonomy, a grown tree, a graft of both, a random tree.

trees.py [--data a,b] [--seeds 3] [--n-trees 1] [--threads 2]
Through the command line; explicit and closed label sets, all labels and most-specific ones.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys

from common import WORK, data_root, measured, record, results

BENCH = "trees"
SHOWN = ("P@1", "P@3", "P@5", "R-Precision", "PSP@5", "micro-F1", "macro-F1")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="biotools_edam,arxiv_msc")
    parser.add_argument("--trees", default="grown,given,graft,random")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--n-trees", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    for data in arguments.data.split(","):
        for tree in arguments.trees.split(","):
            for seed in range(arguments.seeds):
                cell = {"data": data, "tree": tree, "n_trees": arguments.n_trees, "seed": seed}
                if not any(all(r.get(k) == v for k, v in cell.items()) for r in results(BENCH)):
                    run(cell, arguments.threads)


def run(cell: dict, threads: int) -> None:
    folder = WORK / f"trees-{cell['data']}"
    shutil.rmtree(folder, ignore_errors=True)
    data = str(data_root() / cell["data"])
    labeltree = [sys.executable, "-m", "labeltree"]
    fit = [
        *labeltree, "fit", "parabel", data, "--out", str(folder), "--tree", cell["tree"],
        "--n-trees", str(cell["n_trees"]), "--seed", str(cell["seed"]), "--n-jobs", str(threads),
        "--quiet",
    ]  # fmt: skip
    seconds, peak, _ = measured(fit)
    for specific in ([], ["--specific"]):
        _, _, output = measured([*labeltree, "evaluate", str(folder), data, "--json", *specific])
        found = json.loads(output)
        record(
            BENCH, **cell, specific=bool(specific), closed=found["closed"],
            **{m: found[m] for m in SHOWN}, seconds=round(seconds, 2), peak_mb=round(peak),
        )  # fmt: skip


if __name__ == "__main__":
    main()
