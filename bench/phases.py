"""Where the seconds of a label tree go, on one thread, beside the work that nobody can avoid.

phases.py [--data arxiv_msc,tibkat_gnd] [--repeats 3]
One Parabel tree on the matrices of linear_vs_peers.py (run that first). The least multiply-adds:
each document's features once for each of its labels (label features), each entry of the label
features once a level and side (clustering), each row of a node once for each of its children
(nodes: one pass of the many that a solver makes), and for answers each stored weight that meets a
feature of the document on its way.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import defaultdict

import numpy as np
import scipy.sparse as sp
from common import record
from linear_vs_peers import SPEED

from labeltree.core.arrays import as_csr, for_kernel
from labeltree.core.labels import Labels
from labeltree.core.pool import ThreadPool
from labeltree.grow import TwoMeans
from labeltree.grow.pifa import pifa
from labeltree.kernels.beam import at_root, descend
from labeltree.kernels.sparse import Rows
from labeltree.linear.solver import SquaredHinge
from labeltree.linear.train import Recipe, fit_linear_tree
from labeltree.linear.tree import Search, rank

BENCH = "phases"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="arxiv_msc,tibkat_gnd")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    for data in arguments.data.split(","):
        X, Y, X_test = (
            as_csr(sp.csr_array(sp.load_npz(SPEED / data / f"{m}.npz")), m)
            for m in ("X_train", "Y_train", "X_test")
        )
        seconds = defaultdict(list)
        for repeat in range(arguments.repeats + 1):  # the first loads kernels
            found, work = once(X, Y, X_test)
            for phase, s in found.items():
                seconds[phase] += [s] if repeat else []
        for phase, s in seconds.items():
            record(
                BENCH, data=data, phase=phase, seconds=round(statistics.median(s), 4),
                madds=int(work[phase]),
            )  # fmt: skip


def once(X, Y, X_test) -> tuple[dict[str, float], dict[str, float]]:
    """Return the seconds and the least multiply-adds of each phase."""
    one, seconds, work = ThreadPool(1), {}, {}

    def timed(phase, call):
        began = time.perf_counter()
        result = call()
        seconds[phase] = time.perf_counter() - began
        return result

    per_document = np.diff(X.indptr)
    Z = timed("label features", lambda: pifa(X, Y))
    work["label features"] = (per_document * np.diff(Y.indptr)).sum()
    known = np.flatnonzero(np.diff(Z.indptr)).astype(np.int32)
    tree = timed("clustering", lambda: TwoMeans().cluster(Z, known, seed=1, pool=one))
    work["clustering"] = 2 * Z.nnz * (tree.depth - 1)
    recipe = Recipe(SquaredHinge())
    linear = timed("nodes", lambda: fit_linear_tree(X, Y, tree, recipe, seed=0, pool=one))
    targets = tree.node_targets(Y)
    reached = (targets.T @ per_document.astype(np.float64))[tree.inner]
    reached[0] = per_document.sum()
    work["nodes"] = (reached * np.diff(tree.child_ptr)[tree.inner]).sum()
    n_labels = len(Labels.numbered(Y.shape[1]))
    search = Search(5, 10)
    timed("answers", lambda: rank([linear], X_test, search, n_labels=n_labels, pool=one))
    work["answers"] = met(linear, X_test)
    return seconds, work


def met(linear, X) -> int:
    """Count the weights that meet a feature of a document at a node it visits."""
    w, rows = linear.weights, Rows(*for_kernel(X))
    pairs, total = at_root(X.shape[0]), 0
    table, n_weights = (np.zeros(X.shape[1], np.int32) for _ in range(2))
    while len(pairs.doc):
        by_node = np.argsort(pairs.key, kind="stable")
        nodes, starts = np.unique(pairs.key[by_node], return_index=True)
        for node, documents in zip(nodes, np.split(pairs.doc[by_node], starts[1:]), strict=True):
            features = X[documents].indices
            for c in range(w.chunk_of[node], w.chunk_of[node + 1]):
                chunk = slice(w.chunk_ptr[c], w.chunk_ptr[c + 1])
                n_weights[w.feature[chunk]] = w.row_size[chunk]
                total += int(n_weights[features].sum())
                n_weights[w.feature[chunk]] = 0
        pairs, _ = descend(rows, linear.arrays, pairs, 10, table)
    return total


if __name__ == "__main__":
    main()
