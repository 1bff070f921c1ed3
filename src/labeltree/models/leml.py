"""LEML: a linear map from features to labels of low rank, learned as a product of two factors.

Yu, Jain, Kar, Dhillon, "Large-scale Multi-label Learning with Missing Labels" (ICML 2014).

    min over W, H of  sum over (i, j) of loss(y_ij, x_i W h_j) + l2/2 (|W|^2 + |H|^2)     (eq. 3)
    s_j(x) = x W h_j

With enough dimensions this is regularisation by the trace norm of W H'. The squared loss counts all
entries; the logistic one the labels of each document and a sample of others. H and W take turns:
H in closed form, or by Newton steps; W by conjugate gradients.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from labeltree.core.arrays import CSR, Doubles, Floats, Ints
from labeltree.core.params import at_least, choice, positive, whole
from labeltree.core.pool import ThreadPool
from labeltree.kernels.compile import announce
from labeltree.linear.decoder import Decoder
from labeltree.linear.embedding import LabelEmbedding
from labeltree.linear.low_rank import Problem, SquaredLoss, factorised
from labeltree.linear.observed import LogisticLoss, observed
from labeltree.linear.ridge import Affine, with_constant

__all__ = ["Leml"]


@dataclass(eq=False)
class Leml(LabelEmbedding):
    """A linear classifier for each label, all of them from a few directions.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.repeat(np.eye(4), 5, axis=0)
    >>> Leml(dim=4).fit(X, X).score(X, X)
    1.0
    """

    l2: float = positive(1.0, search="0.1..100:log")
    """Weight of the regularisers: 1 to 3 for documents of length 1."""
    loss: str = choice("squared", ("squared", "logistic"))
    """`squared` over all entries, or `logistic` over labels and sampled others."""
    negatives: int = whole(1, 10)
    """With the logistic loss: others sampled for each label that a document has; the more, the
    better, and the slower."""
    max_iter: int = whole(1, 10)
    """Rounds, each of both factors, at most."""
    tol: float = at_least(0, 1e-3)
    """A round that lowers the objective by a smaller share is the last."""

    def learn(self, X: CSR, Y: CSR, seen: Ints) -> None:
        """Set the factors, and `objective_`: where the objective stood after each step."""
        announce()
        rng, X = np.random.default_rng(self.seed), with_constant(X)
        start = rng.standard_normal((X.shape[1], self.dim)) / np.sqrt(X.shape[1])
        problem = self.problem(X, Y, rng)
        (W, H), values = factorised(problem, start, Y.shape[1], self.max_iter, float(self.tol))
        self.objective_: Doubles = values
        self.regressor_ = Affine(W[:-1].astype(np.float32), W[-1].astype(np.float32))
        self.decoder_ = Decoder(seen, H.astype(np.float32), np.zeros(len(H), np.float32))

    def problem(self, X: CSR, Y: CSR, rng: np.random.Generator) -> Problem:
        """Return what is minimised."""
        pool = ThreadPool(self.n_jobs)
        if self.loss == "squared":
            return SquaredLoss(X, Y, float(self.l2), pool)
        return LogisticLoss(X, observed(Y, self.negatives, rng), float(self.l2), pool)

    def decoded(self, Z: Floats, k: int) -> tuple[Ints, Doubles]:
        """Return (label, score), (n, k), of the k best labels; probabilities with logistic loss."""
        label, score = self.decoder_.best(Z, k)
        return label, score if self.loss == "squared" else expit(score)
