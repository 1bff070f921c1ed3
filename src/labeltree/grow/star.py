"""The tree of the flat models: a root and the labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labeltree.core.arrays import CSR
from labeltree.core.labels import Labels
from labeltree.core.params import Params
from labeltree.core.pool import Pool
from labeltree.core.tree import LabelTree


@dataclass
class Star(Params):
    """Put every label directly below the root: one-vs-rest is the shallowest tree."""

    def build(self, X: CSR, Y: CSR, labels: Labels, *, seed: int, pool: Pool) -> LabelTree:
        """Return the tree of depth one."""
        n = Y.shape[1]
        return LabelTree.from_parents(np.r_[-1, np.zeros(n, int)], np.arange(-1, n))
