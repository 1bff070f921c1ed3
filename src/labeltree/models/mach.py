"""MACH: labels hashed to buckets several times; a label scores what its buckets say together.

Medini, Huang, Wang, Mohan, Shrivastava, "Extreme Classification in Log Memory using Count-Min
Sketch" (NeurIPS 2019).

    h_r : labels -> {0 ... B - 1}, r = 1 ... R, independent 2-universal hashes
    p_rb(x) = P(x has a label l with h_r(l) = b),  a logistic regression each
    s_l(x) = mean over r of p_r,h_r(l)(x),  or their minimum or median                  (section 3)

R B classifiers stand for all labels. Two labels are confused where all hashes agree: with
probability B^-R. With `signed` the sketch is a count sketch (`linear.sketch`): what buckets hold
is regressed, and labels that share one cancel out on average instead of adding up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labeltree.core.arrays import CSR, Doubles, Floats, Ints
from labeltree.core.errors import ParameterError
from labeltree.core.params import choice, positive, whole
from labeltree.core.pool import ThreadPool
from labeltree.kernels.codes import MEAN, MEDIAN, MIN, best_by_bits, best_of_candidates
from labeltree.linear.bits import BitModel, Code
from labeltree.linear.hashes import balanced, universal
from labeltree.linear.sketch import CountSketch, signed_bits

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
    label a document makes of the mean. Count sketches are published with the median; their mean is
    unbiased as it is."""
    n_top: int = whole(0, 0)
    """Only labels with a bucket among so many best ones of two hashes are scored (published: 50);
    0 scores all labels."""
    signed: bool = False
    """Whether labels enter buckets with a random sign, and buckets are regressed (count sketch).
    Weights are dense: n_features x R B of them. `solver` is not used."""
    l2: float = positive(1.0)
    """Weight of the regulariser of these regressions."""

    def check(self) -> None:
        """Compare fields with what was declared, and with each other."""
        super().check()
        if self.combine == "unbiased" and self.n_buckets < 2:
            raise ParameterError("Mach: combine=unbiased needs n_buckets of 2 or more, found 1.")
        if self.signed and self.combine not in ("mean", "median"):
            raise ParameterError(
                f"Mach: signed needs combine=mean or combine=median, found {self.combine}."
            )

    def coded(self, Y: CSR, seen: Ints) -> Code:
        """Return the hashes of the labels, each in buckets of its own."""
        rng, B = np.random.default_rng(self.seed), self.n_buckets
        hashed = universal if self.hashing == "universal" else balanced
        bucket = np.stack([hashed(len(seen), B, rng) for _ in range(self.n_hashes)], axis=1)
        width = 2 * B if self.signed else B
        bits = signed_bits(bucket, B, rng) if self.signed else bucket + B * np.arange(self.n_hashes)
        return Code(seen, bits.astype(np.int32), width * self.n_hashes)

    def learn(self, X: CSR, Y: CSR) -> None:
        """Train the buckets."""
        if not self.signed:
            super().learn(X, Y)
            return
        pool = ThreadPool(self.n_jobs)
        self.sketch_: CountSketch = CountSketch.fitted(
            X, Y, self.code_.bits, self.n_buckets, float(self.l2), pool
        )

    @property
    def n_features(self) -> int:
        """Features of a document."""
        return self.sketch_.n_features if self.signed else super().n_features

    def values(self, X: CSR) -> Floats:
        """Return what the buckets say, (n_samples, n_bits)."""
        return self.sketch_.values(X) if self.signed else super().values(X)

    def parts(self, x: CSR, bit: int) -> tuple[Ints, Doubles, float]:
        """Return features of one document, what each adds to the margin of a bit, and the bias."""
        return self.sketch_.parts(x, bit) if self.signed else super().parts(x, bit)

    def carriers(self, bit: int) -> Ints:
        """Return the columns of the labels in a bucket, with whatever sign."""
        found = super().carriers(bit)
        if not self.signed:
            return found
        return np.union1d(found, super().carriers(self.sketch_.negative(bit)))

    @property
    def how(self) -> str:
        """How the buckets of a label make its score."""
        return self.combine

    def together(self, value: Doubles) -> float:
        """Return what the values of a label's buckets (n_hashes,) say together: its score."""
        if self.combine != "unbiased":
            return super().together(value)
        return float((value.mean() - 1 / self.n_buckets) * self.n_buckets / (self.n_buckets - 1))

    def best(self, value: Floats, k: int) -> tuple[Ints, Doubles]:
        """Return (label, score), (n, k), of documents whose buckets have these values."""
        how = HOW[self.combine]
        if self.n_top:
            n_top = min(self.n_top, self.code_.n_bits // self.n_hashes)
            carriers = self.code_.carriers
            label, score = best_of_candidates(value, self.code_.bits, how, k, carriers, n_top)
        else:
            label, score = best_by_bits(value, self.code_.bits, how, k)
        if self.combine == "unbiased":
            score = (score - 1 / self.n_buckets) * self.n_buckets / (self.n_buckets - 1)
        return label, score
