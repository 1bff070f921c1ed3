"""Why a label: its path down the tree and the words that drove each step.

The contributions are exact: at each node of a linear tree the margin is the bias plus the sum of
feature times weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labeltree.core.arrays import CSR
from labeltree.core.errors import DataError
from labeltree.core.labels import Labels
from labeltree.core.model import BaseModel
from labeltree.core.tree import LabelTree
from labeltree.grow.pifa import unit_rows
from labeltree.kernels.beam import log_transform
from labeltree.linear.tree import LinearTree


@dataclass(frozen=True)
class Step:
    """One node of the path."""

    name: str
    """The label's name, or the most frequent labels below a node that is none."""
    score: float
    """Conditional score of the node given its parent, in [0, 1]."""
    margin: float
    """Bias plus contributions."""
    bias: float
    """+inf where the node was the only choice."""
    words: list[tuple[str, float]]
    """Terms and their contributions, the largest first."""


@dataclass(frozen=True)
class Explanation:
    """The path to a label in the tree that scores it highest."""

    label: str
    name: str
    score: float
    """Product of the steps' scores: this tree's vote."""
    tree: int
    """Number of the tree, from 0."""
    steps: list[Step]


def explain(model: BaseModel, text: str, label: str | None = None) -> Explanation:
    """Explain a label of a document.

    Parameters
    ----------
    model
        A fitted pipeline around a linear tree model.
    label
        Id of the label; None explains the best one.

    Raises
    ------
    DataError
        If the model has no linear trees, or the label is unknown to it or to its trees.
    """
    inner = getattr(model, "model_", None)
    trees = getattr(inner, "trees_", None)
    if trees is None:
        raise DataError("Only pipelines around linear trees can be explained so far.")
    x = unit_rows(model.features([text]))  # type: ignore[attr-defined]
    labels: Labels = model.labels_
    if label is None:
        best = model.predict([text], k=1).indices
        label = labels.ids[int(best[0])]
    elif label not in labels.column:
        raise DataError(f"The model has no label {label!r}.")
    terms = model.vocabulary_.terms  # type: ignore[attr-defined]
    return max(
        (e for t, tree in enumerate(trees) for e in _paths(tree, t, x, labels, label, terms)),
        key=lambda e: e.score,
    )


def _paths(
    linear: LinearTree, number: int, x: CSR, labels: Labels, label: str, terms: tuple[str, ...]
) -> list[Explanation]:
    """Return one explanation for each node of the label in this tree."""
    column = labels.column[label]
    nodes = np.flatnonzero(linear.tree.label == column)
    found = []
    for node in nodes:
        steps = [_step(linear, v, x, labels, terms) for v in linear.tree.path(int(node))]
        score = float(np.prod([s.score for s in steps]))
        found.append(Explanation(label, labels.names[column], score, number, steps))
    return found


def _step(linear: LinearTree, node: int, x: CSR, labels: Labels, terms: tuple[str, ...]) -> Step:
    features, weights = linear.weights.of_child(node, int(linear.tree.parent[node]))
    value = dict(zip(x.indices.tolist(), x.data.tolist(), strict=True))
    known = zip(features.tolist(), weights.tolist(), strict=True)
    parts = [(f, value[f] * weight) for f, weight in known if f in value]
    bias = float(linear.weights.bias[node])
    margin = bias + sum(part for _, part in parts)
    words = [(terms[f], part) for f, part in sorted(parts, key=lambda p: -p[1])]
    score = float(bias > 0)
    if np.isfinite(bias):
        score = float(
            np.exp(log_transform(margin, int(linear.transform[linear.tree.parent[node]])))
        )
    return Step(node_name(linear.tree, node, labels), score, margin, bias, words)


def node_name(tree: LabelTree, node: int, labels: Labels, n_shown: int = 3) -> str:
    """Return the node's label, or "n labels: " and the most frequent ones below it."""
    if tree.label[node] >= 0:
        return labels.names[int(tree.label[node])]
    if tree.source is not None and labels.hierarchy is not None and tree.source[node] > 0:
        column = int(labels.hierarchy.label[tree.source[node]])
        if column >= 0:
            return labels.names[column]
    below = tree.label_nodes[:, [node]].nonzero()[0]
    top = below[np.argsort(-labels.counts[below], kind="stable")]
    shown = ", ".join(labels.names[int(c)] for c in top[:n_shown])
    return f"{len(below)} labels: {shown}" + (" ..." if len(below) > n_shown else "")
