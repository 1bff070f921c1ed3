"""What a node of a tree is called when it is shown to people."""

from __future__ import annotations

import numpy as np

from labeltree.core.labels import Labels
from labeltree.core.tree import LabelTree


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
