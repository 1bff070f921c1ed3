"""PfastreXML: FastXML for rare labels: propensity-scored splits, re-ranking by tail classifiers.

Jain, Prabhu, Varma, "Extreme Multi-label Loss Functions for Recommendation, Tagging, Ranking &
Other Missing Label Applications" (KDD 2016).

    nodes maximise sum_i sum_l (y_il / p_l) / log(1 + rank(l))                        (PfastXML)
    P_tail(l | x) = 1 / (1 + exp(gamma/2 |x - mu_l|^2))
    s_l = P_pf(l | x)^alpha P_tail(l | x)^(1 - alpha)                                 (eq. 11)

p_l is the propensity of a label to be annotated, mu_l the mean of its documents at length 1. The
authors' code departs from the paper in two ways: `leaves="weighted"` and `halved=False`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from labeltree.core.arrays import CSR, Doubles, Ints, as_csr, for_kernel, from_parts
from labeltree.core.labels import Labels
from labeltree.core.params import at_least, choice, positive, whole, within
from labeltree.core.pool import scratch
from labeltree.grow.pifa import unit_rows
from labeltree.kernels.sparse import Rows
from labeltree.kernels.tail import centre_distances
from labeltree.linear.instance_forest import InstanceForest
from labeltree.linear.ranking_forest import RankingForest
from labeltree.metrics.propensity import A, B, inverse_propensity

__all__ = ["Pfastrexml"]


@dataclass(eq=False)
class Pfastrexml(RankingForest):
    """Fifty trees whose splits weigh labels by 1 / propensity, re-ranked by label centres.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.repeat(np.eye(4), 20, axis=0)
    >>> Pfastrexml(n_trees=5).fit(X, X).score(X, X)
    1.0
    """

    a: float = positive(A)
    """Propensity 1 / (1 + (ln n - 1) (b + 1)^a (n_l + b)^-a) of a label with n_l of n documents."""
    b: float = positive(B)
    """See `a`; published: 0.55 and 1.5, 0.5 and 0.4 for Wikipedia, 0.6 and 2.6 for products."""
    alpha: float = within(0, 1, 0.8)
    """Share of the forest in the score; 1 leaves the tail classifiers out (PfastXML)."""
    gamma: float = at_least(0, 30.0)
    """How sharply a tail classifier falls with the squared distance from the label's centre."""
    halved: bool = True
    """Whether gamma / 2 is used, as in the paper. The authors' code uses gamma; where it puts a
    constant of 1 beside documents of length 1, that is the same, for their distances halve."""
    leaves: str = choice("plain", ("plain", "weighted"))
    """What a leaf votes with: the shares of its labels, as in the paper, or shares divided by
    propensities, as in the authors' code; that favours rare labels once more."""
    candidates: int = whole(1, 1000)
    """Labels of the forest that are re-ranked."""

    def grown(self, X: CSR, Y: CSR, labels: Labels) -> InstanceForest:
        """Return the trees for weighted labels; averages each label's documents on the way."""
        weight = inverse_propensity(labels.counts, Y.shape[0], self.a, self.b).astype(np.float32)
        sums = csr_array(Y.T) @ unit_rows(X)
        mean = csr_array(sums.multiply(1 / np.maximum(1, labels.counts)[:, None]))
        self.centres_: CSR = as_csr(csr_array(mean.T), "centres")  # by feature, a label a column
        self.squared_: Doubles = np.asarray(mean.astype(np.float64).power(2).sum(axis=1))
        relevance = from_parts(weight[Y.indices], Y.indices, Y.indptr, Y.shape)
        forest = self.ranked(X, relevance, ideal=False)
        self.heaviest_ = float(weight.max()) if self.leaves == "weighted" else 1.0
        return forest if self.leaves == "weighted" else forest.reweighted(1 / weight.astype(float))

    @property
    def sharpness(self) -> float:
        """What the squared distance is multiplied with."""
        return self.gamma / 2 if self.halved else self.gamma

    def best(self, rows: Rows, k: int) -> tuple[Ints, Doubles]:
        """Return (label, score), (n, k), of the k best labels of a block of documents."""
        n_labels = len(self.labels_)
        label, share = self.forest_.best(rows, min(self.candidates, n_labels), n_labels)
        total = scratch("products", n_labels, np.float64)
        centres = Rows(*for_kernel(self.centres_))
        far = centre_distances(rows, label, centres, self.squared_, total)
        with np.errstate(divide="ignore"):
            log_share = np.log(share / self.heaviest_)
        score = self.alpha * log_share - (1 - self.alpha) * np.logaddexp(0, self.sharpness * far)
        score[label < 0] = -np.inf
        order = np.lexsort((label, -score))[:, :k]
        return np.take_along_axis(label, order, 1), np.exp(np.take_along_axis(score, order, 1))
