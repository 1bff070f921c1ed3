"""A tree without meaning: the baseline that shows whether clustering matters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labeltree.core.arrays import CSR, Ints
from labeltree.core.labels import Labels
from labeltree.core.params import Params, whole
from labeltree.core.pool import Pool
from labeltree.core.tree import LabelTree
from labeltree.grow.recursion import split_down


@dataclass
class Random(Params):
    """Shuffle the labels and split them into equal parts."""

    branching: int = whole(2, 2)
    """Children of a split."""
    max_leaf: int = whole(1, 100)
    """Labels below a last cluster at most."""

    def build(self, X: CSR, Y: CSR, labels: Labels, *, seed: int, pool: Pool) -> LabelTree:
        """Return the random balanced tree."""
        shuffled = np.random.default_rng(seed).permutation(Y.shape[1]).astype(np.int32)

        def parts(members: Ints, number: int) -> list[Ints]:
            return [p for p in np.array_split(members, self.branching) if len(p)]

        return split_down(shuffled, parts, max_leaf=self.max_leaf, pool=pool)
