"""Balanced 2-means, again and again: the tree of Parabel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labeltree.core.arrays import CSR, Ints, for_kernel
from labeltree.core.params import Params, positive, whole
from labeltree.core.pool import Pool, scratch
from labeltree.core.seeds import derived
from labeltree.core.tree import LabelTree
from labeltree.grow.recursion import split_down
from labeltree.kernels import two_means
from labeltree.kernels.compile import announce


@dataclass
class TwoMeans(Params):
    """Split labels into two equal clusters until few are left (Prabhu et al., WWW 2018, sec. 3)."""

    max_leaf: int = whole(1, 100)
    """Labels below a last cluster at most."""
    eps: float = positive(1e-4)
    """A split is done when its objective gains less."""
    max_iter: int = whole(1, 100)
    """Rounds of a split at most."""

    def cluster(
        self, Z: CSR, labels: Ints, *, seed: int, pool: Pool, max_leaf: int | None = None
    ) -> LabelTree:
        """Return the tree over `labels`.

        Parameters
        ----------
        Z
            Label representations, rows of length 1, (n_labels, n_features).
        labels
            Rows of Z to cluster.
        max_leaf
            A limit of the caller's; the smaller one counts.
        """
        announce()
        rows = for_kernel(Z)

        def halves(members: Ints, number: int) -> list[Ints]:
            right, _ = two_means.balanced_halves(
                *rows, members, scratch("seen", Z.shape[1], np.int32),
                derived(seed, number), self.eps, self.max_iter,
            )  # fmt: skip
            return [members[~right], members[right]]

        limit = min(self.max_leaf, max_leaf or self.max_leaf)
        return split_down(labels, halves, max_leaf=limit, pool=pool)
