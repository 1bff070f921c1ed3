"""Bloom filters of label sets: a document's labels share bits, and each bit has a classifier.

Cisse, Usunier, Artieres, Gallinari, "Robust Bloom Filters for Large MultiLabel Classification
Tasks" (NIPS 2013).

    code(label r of cluster p) = {r Q + s : s in S_p},  a bit each for hubs;  code(y) = OR of codes
    p_b(x) = P(bit b is on),  a logistic regression each
    s_l(x) = mean of p_b(x) over the bits of l,  l in the clusters with most bits on, or a hub

A label is right if most of its bits are on, s_l > 1/2. Plain Bloom filters, `--code hashed`, give
each label the bits that K hashes say: a label is right if all of them are on, s_l = min p_b(x).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labeltree.core.arrays import CSR, Doubles, Floats, Ints
from labeltree.core.params import choice, positive, whole, within
from labeltree.kernels.codes import MIN, best_by_bits, best_in_clusters
from labeltree.linear.bits import BitModel, Code
from labeltree.linear.hashes import universal
from labeltree.linear.robust_code import robust_code

__all__ = ["Bloom"]


@dataclass(eq=False)
class Bloom(BitModel):
    """Fewer classifiers than labels: those that never come together share bits.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.repeat(np.eye(4), 5, axis=0)
    >>> Bloom().fit(X, X).score(X, X)
    1.0
    """

    code: str = choice("robust", ("robust", "hashed"))
    """`robust`, by clusters of labels, or `hashed`: plain Bloom filters."""
    n_parts: int = whole(1, 2, search="1..5")
    """K: bits of a label; (K - 1) // 2 wrong ones are made good."""
    hubs: float = within(0, 1, 0.1)
    """Share of the labels, those that come with most others, with a bit of their own."""
    max_cluster: int = whole(1, 20)
    """Labels of a cluster at most; what is more is divided."""
    followed: int = whole(1, 1)
    """Clusters whose labels are scored."""
    bits_per_label: float = positive(0.5)
    """Bits of a plain filter for each label."""

    def coded(self, Y: CSR, seen: Ints) -> Code:
        """Return the bits of each label."""
        if self.code == "robust":
            n_hubs = round(self.hubs * len(seen))
            return robust_code(Y, seen, n_hubs, self.max_cluster, self.n_parts, self.seed)
        rng, n_bits = (
            np.random.default_rng(self.seed),
            int(np.ceil(self.bits_per_label * len(seen))),
        )
        bits = [universal(len(seen), n_bits, rng) for _ in range(self.n_parts)]
        return Code(seen, np.stack(bits, axis=1).astype(np.int32), n_bits)

    @property
    def how(self) -> str:
        """How the bits of a label make its score."""
        return "min" if self.code_.cluster is None else "mean"

    def best(self, value: Floats, k: int) -> tuple[Ints, Doubles]:
        """Return (label, score), (n, k), of documents whose bits have these values (n, n_bits)."""
        code = self.code_
        if code.cluster is None:
            return best_by_bits(value, code.bits, MIN, k)
        n_clusters = int(code.cluster.max(initial=-1)) + 1
        followed = min(self.followed, n_clusters)
        return best_in_clusters(value, code.bits, code.cluster, n_clusters, followed, k)
