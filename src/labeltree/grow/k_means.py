"""K-means, again and again: the deep binary trees of Parabel, the shallow wide ones of Bonsai."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labeltree.core.arrays import CSR, Ints, for_kernel
from labeltree.core.params import Params, positive, whole
from labeltree.core.pool import Pool, scratch
from labeltree.core.seeds import derived
from labeltree.core.tree import LabelTree
from labeltree.grow.recursion import Split, split_down
from labeltree.kernels import k_means, two_means
from labeltree.kernels.compile import announce
from labeltree.kernels.sparse import Rows


@dataclass
class TwoMeans(Params):
    """Split labels into two equal clusters until few are left (Prabhu et al., WWW 2018, sec. 3)."""

    max_leaf: int = whole(1, 100, search="20,50,100,200")
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
        limit = min(self.max_leaf, max_leaf or self.max_leaf)
        halves = halves_of(Z, seed, self.eps, self.max_iter)
        return split_down(labels, halves, max_leaf=limit, pool=pool)


def halves_of(Z: CSR, seed: int, eps: float, max_iter: int) -> Split:
    """Return balanced spherical 2-means over rows of Z (n_labels, n_features) as a split."""
    announce()
    rows = Rows(*for_kernel(Z))

    def halves(members: Ints, number: int) -> list[Ints]:
        seen = scratch("seen", Z.shape[1], np.int32)
        own_seed = derived(seed, number)
        right, _ = two_means.balanced_halves(rows, members, seen, own_seed, eps, max_iter)
        return [members[~right], members[right]]

    return halves


@dataclass
class KMeans(Params):
    """Split labels into many clusters of any size, once or twice (Khandagale et al., 2020, sec. 3).

    Clusters keep the sizes that the labels have by themselves, so tail labels are not forced
    together with head labels.
    """

    branching: int = whole(2, 100, search="20,50,100,200")
    """Clusters of a split at most; a cluster with no more labels is not split."""
    max_depth: int = whole(2, 3)
    """Edges from the root to a label at most: 2 for some thousand labels, 3 for more."""
    min_size: int = whole(1, 2)
    """Smaller clusters are disbanded, their labels go to the next best."""
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
            A limit of the caller's to the children of any node; the depth is free then, and
            labels that cannot be told apart are divided evenly.
        """
        announce()
        rows = Rows(*for_kernel(Z))
        branching = min(self.branching, max_leaf or self.branching)

        def clusters(members: Ints, number: int) -> list[Ints]:
            cluster, _ = k_means.spherical(
                rows, members, scratch("seen", Z.shape[1], np.int32), derived(seed, number),
                branching, self.min_size, (self.eps, self.max_iter),
            )  # fmt: skip
            parts = [members[cluster == c] for c in range(int(cluster.max()) + 1)]
            alike = max_leaf is not None and len(parts) == 1
            return np.array_split(members, branching) if alike else parts

        depth = self.max_depth if max_leaf is None else 0
        return split_down(labels, clusters, max_leaf=branching, pool=pool, max_depth=depth)
