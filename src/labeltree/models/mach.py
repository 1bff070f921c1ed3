"""MACH: labels hashed to buckets several times; a label scores what its buckets say together.

Medini, Huang, Wang, Mohan, Shrivastava, "Extreme Classification in Log Memory using Count-Min
Sketch" (NeurIPS 2019).

    h_r : labels -> {0 ... B - 1}, r = 1 ... R, independent 2-universal hashes
    p_rb(x) = P(x has a label l with h_r(l) = b),  a logistic regression each
    s_l(x) = mean over r of p_r,h_r(l)(x),  or their minimum or median                  (section 3)

R B classifiers stand for all labels. Two labels are confused where all hashes agree: with
probability B^-R.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labeltree.core.arrays import CSR, Doubles, Floats, Ints
from labeltree.core.errors import ParameterError
from labeltree.core.params import choice, whole
from labeltree.kernels.codes import MEAN, MEDIAN, MIN, best_by_bits, best_of_candidates
from labeltree.linear.bits import BitModel, Code
from labeltree.linear.hashes import balanced, universal

__all__ = ["Mach"]

HOW = {"mean": MEAN, "unbiased": MEAN, "min": MIN, "median": MEDIAN}


@dataclass(eq=False)
class Mach(BitModel):
    """Some hundred buckets for any number of labels, hashed ten times.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.repeat(np.eye(4), 5, axis=0)
    >>> Mach().fit(X, X).score(X, X)
    1.0
    """

    n_hashes: int = whole(1, 10, search="4..32:log")
    """R: each more is less confusion, and B more classifiers."""
    n_buckets: int = whole(1, 100, search="50..2000:log")
    """B: buckets of a hash."""
    hashing: str = choice("universal", ("universal", "balanced"))
    """`universal` (a l + b mod p) mod B, or `balanced`: buckets of equal size, one label each where
    there are as many buckets as labels."""
    combine: str = choice("mean", ("mean", "unbiased", "min", "median"))
    """What the buckets of a label say together; `unbiased` is (mean - 1/B) B / (B - 1), what one
    label a document makes of the mean."""
    n_top: int = whole(0, 0)
    """Only labels with a bucket among so many best ones of two hashes are scored (published: 50);
    0 scores all labels."""

    def check(self) -> None:
        """Compare fields with what was declared; one bucket allows no unbiased estimate."""
        super().check()
        if self.combine == "unbiased" and self.n_buckets < 2:
            raise ParameterError("Mach: combine=unbiased needs n_buckets of 2 or more, found 1.")

    def coded(self, Y: CSR, seen: Ints) -> Code:
        """Return the hashes of the labels, each in buckets of its own."""
        rng, B = np.random.default_rng(self.seed), self.n_buckets
        hashed = universal if self.hashing == "universal" else balanced
        buckets = [r * B + hashed(len(seen), B, rng) for r in range(self.n_hashes)]
        return Code(seen, np.stack(buckets, axis=1).astype(np.int32), B * self.n_hashes)

    def best(self, value: Floats, k: int) -> tuple[Ints, Doubles]:
        """Return (label, score), (n, k), of documents whose buckets have these values."""
        how = HOW[self.combine]
        if self.n_top:
            n_top = min(self.n_top, self.n_buckets)
            carriers = self.code_.carriers
            label, score = best_of_candidates(value, self.code_.bits, how, k, carriers, n_top)
        else:
            label, score = best_by_bits(value, self.code_.bits, how, k)
        if self.combine == "unbiased":
            score = (score - 1 / self.n_buckets) * self.n_buckets / (self.n_buckets - 1)
        return label, score
