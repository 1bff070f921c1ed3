"""What wrapping and hierarchies change, and where vectors lose: from decisions neural.py kept.

neural_compare.py [--data a,b] [--mode frozen|tuned] [--seeds 3]

A paired bootstrap over documents for each head and layout beside the head alone, and beside the
controls, with the seeds that both have; and micro-F1 of the labels below each branch of the root.
Nothing is fitted here.
"""

from __future__ import annotations

import argparse
import itertools
import sys

import numpy as np
from common import record
from neural import BENCH, LAYOUTS, SETTINGS, WRAPPED, documents, kept
from scipy.sparse import csr_array, load_npz, vstack

from labeltree.core.arrays import CSR, Doubles
from labeltree.metrics.significance import document_values, paired_bootstrap

READERS = (("one_vs_rest", "tokens"), ("one_vs_rest", "vectors"), ("flat", "none"))
"""Whose branches are compared: the same words as TF-IDF, as vectors, and a network on these."""

PAIRS = [
    *((model, layout, "none") for model, layout in itertools.product(WRAPPED, LAYOUTS[1:])),
    *((model, "projection", "random") for model in ("flat", "hiagm")),
    *((model, "none", "shuffled") for model in ("hiagm", "hitin")),
]  # fmt: skip
"""Models, a layout, and what it is compared with."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="reuters21578,arxiv_subjects")
    parser.add_argument("--mode", default="frozen", choices=list(SETTINGS))
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    for data in arguments.data.split(","):
        for model, layout, other in PAIRS:
            compared(arguments.mode, data, model, (layout, other), arguments.seeds)
        if arguments.mode == "frozen":
            branches(data, arguments.seeds)


def compared(mode: str, data: str, model: str, layouts: tuple[str, str], seeds: int) -> None:
    """Record by how much the first layout of a head is better than the second, and how sure."""
    both = [
        seed for seed in range(seeds)
        if all(kept(mode, data, model, at, seed, "truth").exists() for at in layouts)
    ]  # fmt: skip
    if not both:
        print(f"{data}, {model}: nothing to compare {' and '.join(layouts)}", file=sys.stderr)
        return
    pair = [by_document(mode, data, model, at, both) for at in layouts]
    found = paired_bootstrap(*pair, n_resamples=10_000)
    record(
        BENCH, what="bootstrap", mode=mode, data=data, model=model, layout=layouts[0],
        other=layouts[1], seeds=len(both), metric="micro-F1", difference=found.difference,
        low=found.low, high=found.high, p=found.p,
    )  # fmt: skip


def by_document(mode: str, data: str, model: str, layout: str, seeds: list[int]) -> Doubles:
    """Return what micro-F1 is the ratio of; seeds are added up, for documents are what is drawn."""
    truth, decided = decisions(mode, data, model, layout, seeds)
    values = document_values(truth, decided, 1, decided=decided)["micro-F1"]
    added: Doubles = values.reshape(len(seeds), -1, values.shape[1]).sum(axis=0)
    return added


def decisions(mode: str, data: str, model: str, layout: str, seeds: list[int]) -> tuple[CSR, CSR]:
    """Return true and decided labels, one seed below the other."""
    truth, decided = (
        [csr_array(load_npz(kept(mode, data, model, layout, seed, what))) for seed in seeds]
        for what in ("truth", "decided")
    )
    return csr_array(vstack(truth)), csr_array(vstack(decided))


def branches(data: str, seeds: int) -> None:
    """Record micro-F1 of the labels below each branch."""
    splits = documents(data)
    hierarchy, names = splits.labels.hierarchy, splits.labels.names
    below = hierarchy.ancestors[hierarchy.node_of_label]
    for branch in hierarchy.branches.tolist():
        columns = np.flatnonzero(below[:, [branch]].toarray().ravel())
        found = {}
        for model, layout in READERS:
            pair = decisions("frozen", data, model, layout, list(range(seeds)))
            truth, decided = (M[:, columns].astype(bool) for M in pair)
            n = truth.nnz + decided.nnz
            found[f"{model} {layout}"] = round(2 * (truth.multiply(decided)).nnz / n, 6) if n else 0
        label = hierarchy.label[branch]
        record(
            BENCH, what="branch", data=data, seeds=seeds, branch=names[label] if label >= 0 else "",
            n_labels=len(columns), **found,
        )  # fmt: skip


if __name__ == "__main__":
    main()
