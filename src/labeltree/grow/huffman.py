"""Huffman's tree: frequent labels near the root, so that documents walk as little as possible."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labeltree.core.arrays import CSR
from labeltree.core.labels import Labels
from labeltree.core.params import Params, whole
from labeltree.core.pool import Pool
from labeltree.core.tree import LabelTree
from labeltree.kernels.huffman import merge


@dataclass
class Huffman(Params):
    """Merge the rarest labels again and again (Huffman 1952; Jasinska et al., ICML 2016, for PLT).

    Training and prediction visit few nodes; labels are put together by frequency, not by meaning.
    """

    branching: int = whole(2, 2)
    """Children of a node."""

    def build(self, X: CSR, Y: CSR, labels: Labels, *, seed: int, pool: Pool) -> LabelTree:
        """Return the tree with the least mean depth over the labels of the training documents."""
        counts = np.bincount(Y.indices, minlength=Y.shape[1])
        order = np.argsort(counts, kind="stable")
        parent = merge(counts[order].astype(np.int64), self.branching)
        label = np.full(len(parent), -1)
        label[: len(order)] = order
        return LabelTree.from_parents(parent, label)
