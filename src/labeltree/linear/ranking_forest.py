"""What models share whose trees over documents learn to rank."""

from __future__ import annotations

from dataclasses import dataclass

from labeltree.core.arrays import CSR
from labeltree.core.labels import Labels
from labeltree.core.params import at_least, positive, whole
from labeltree.core.pool import ThreadPool
from labeltree.grow.pifa import unit_rows
from labeltree.kernels.l1_logistic import L1Logistic
from labeltree.kernels.ranking_tree import Growth
from labeltree.linear.instance_forest import InstanceForest, ranking_forest
from labeltree.linear.instance_model import InstanceModel

EVERY_RANK = 2**31 - 1


@dataclass(eq=False)
class RankingForest(InstanceModel):
    """Trees over documents, split so that two rankings of the labels serve them best."""

    C: float = positive(1.0, search="0.1..10:log")
    """Weight of the separators' losses against |w|_1; both sides of a node weigh the same."""
    bias: float = at_least(0, 1.0)
    """Value of the constant feature, whose weight is regularised too; 0 for none."""
    cutoff: int = whole(0, 0)
    """Ranks that count when a node is split; 0 for all, as published: fewer cost accuracy."""
    normalise: bool = False
    """Whether documents are brought to length 1 before the separators see them."""
    eps: float = positive(0.01)
    """A separator is done when its violation falls below this share of the first."""
    max_iter: int = whole(1, 10)
    """Newton steps of a separator, and rounds over the features in each, at most."""

    def grown(self, X: CSR, Y: CSR, labels: Labels) -> InstanceForest:
        """Return the trees, split by nDCG."""
        return self.ranked(X, Y, ideal=True)

    def ranked(self, X: CSR, relevance: CSR, *, ideal: bool) -> InstanceForest:
        """Return the trees for documents with weighted labels; for `ideal` see `Growth`."""
        growth = Growth(
            self.max_leaf, self.labels_per_leaf, float(self.C), float(self.bias),
            self.cutoff or EVERY_RANK, ideal,
            L1Logistic(float(self.eps), self.max_iter, self.max_iter),
        )  # fmt: skip
        pool = ThreadPool(self.n_jobs)
        return ranking_forest(self.seen(X), relevance, growth, self.seeds(), pool)

    def seen(self, X: CSR) -> CSR:
        """Return the features as the separators see them."""
        return unit_rows(X) if self.normalise else X
