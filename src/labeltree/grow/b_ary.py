"""PECOS' tree: binary k-means to equal depth, then nodes merged to B children."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log2

import numpy as np

from labeltree.core.arrays import CSR, Ints
from labeltree.core.params import Params, positive, whole
from labeltree.core.pool import Pool
from labeltree.core.tree import LabelTree
from labeltree.grow.k_means import halves_of
from labeltree.grow.recursion import split_down


@dataclass
class BAry(Params):
    """Split labels in two until 2^d clusters of at most `max_leaf` are left, then merge neighbours.

    Hierarchical k-means of PECOS (Yu et al., "PECOS: Prediction for Enormous and Correlated Output
    Spaces", JMLR 2022, sec. 4.1): every cluster is split to the same depth, so leaves differ by one
    label at most, and B neighbouring clusters become the children of one node, from the leaves up.
    """

    branching: int = whole(2, 16)
    """Children of a node, B."""
    max_leaf: int = whole(1, 100)
    """Labels below a last cluster at most."""
    eps: float = positive(1e-4)
    """A split is done when its objective gains less."""
    max_iter: int = whole(1, 20)
    """Rounds of a split at most."""

    def cluster(
        self, Z: CSR, labels: Ints, *, seed: int, pool: Pool, max_leaf: int | None = None
    ) -> LabelTree:
        """Return the tree over the rows `labels` of Z; see `TwoMeans.cluster`."""
        limit = min(self.max_leaf, max_leaf or self.max_leaf)
        n = max(1, len(labels))
        depth = min(max(0, ceil(log2(n / limit))), floor(log2(n)))
        halves = halves_of(Z, seed, self.eps, self.max_iter)
        binary = split_down(labels, halves, max_leaf=1, pool=pool, max_depth=depth + 1)
        return merged(binary, depth, self.branching)


def merged(binary: LabelTree, depth: int, branching: int) -> LabelTree:
    """Return the tree whose clusters are those of level `depth`, B to a node upwards."""
    leaf_label = binary.label >= 0
    first = int(binary.level_ptr[depth])
    cluster = binary.parent[leaf_label] - first  # number of each label's cluster
    n_clusters = int(binary.level_ptr[depth + 1]) - first
    sizes = [n_clusters]
    while sizes[-1] > branching:
        sizes.append(ceil(sizes[-1] / branching))
    if sizes[-1] > 1:
        sizes.append(1)
    starts = np.cumsum([0, *sizes[::-1]])  # of each level, the root's first
    parent = [np.array([-1])]
    for t in range(1, len(sizes)):
        of_level = np.arange(sizes[::-1][t])
        up = of_level // branching if sizes[::-1][t - 1] > 1 else np.zeros_like(of_level)
        parent.append(starts[t - 1] + up)
    parent.append(starts[len(sizes) - 1] + cluster)
    label = np.concatenate([np.full(starts[-1], -1), binary.label[leaf_label]])
    return LabelTree.from_parents(np.concatenate(parent), label)
