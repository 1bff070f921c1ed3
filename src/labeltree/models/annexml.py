"""AnnexML: spaces in which documents with like labels point the same way.

Tagami, "AnnexML: Approximate Nearest Neighbor Search for Extreme Multi-label Classification"
(KDD 2017).

    parts:  argmax_k x . c_k, which seldom parts i from the others alike in labels  (section 3.1)
    space:  min_W  -sum ln softmax over a positive p and negatives of gamma cos(W'x_i, W'x_p)
    s(x) = mean of y_i over the nearest documents of x's part, by cosine           (section 3.3)

Alike by labels: the largest sum over shared labels of 1 / |y_p|. Other seeds vote with their mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labeltree.core.arrays import CSR, Floats, for_kernel
from labeltree.core.params import at_least, positive, whole
from labeltree.core.seeds import derived
from labeltree.kernels.contrast import Contrast, learn_directions
from labeltree.kernels.min_cut import Followed
from labeltree.kernels.sparse import Rows
from labeltree.linear.document_clusters import Parts, by_min_cut
from labeltree.linear.label_graph import alike
from labeltree.linear.neighbour_model import NeighbourModel

__all__ = ["Annexml"]


@dataclass(eq=False)
class Annexml(NeighbourModel):
    """Fifteen partitions of documents, each part with a space of its own.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.repeat(np.eye(4), 20, axis=0)
    >>> Annexml(n_learners=2).fit(X, X).score(X, X)
    1.0
    """

    positives: int = whole(1, 10)
    """Documents most alike in labels that each one is drawn to; as many random ones repel it."""
    epochs: int = whole(1, 10)
    """Rounds over the documents, for parts and for spaces."""
    gamma: float = positive(10.0)
    """Factor of the cosines in the loss."""
    eta: float = positive(0.1)
    """Step of AdaGrad and of FTRL."""
    l1: float = at_least(0, 4.0)
    """Weight of the l1 regulariser of the partition."""

    def parts(self, X: CSR, Y: CSR, seed: int) -> Parts:
        """Learn to cut documents so that few documents are parted from those like them."""
        followed = Followed(self.epochs, float(self.eta), float(self.l1))
        shape = self.n_parts(X.shape[0]), self.positives
        return by_min_cut(X, Y, shape, followed, np.uint64(seed))

    def projected(self, X: CSR, Y: CSR, seed: int) -> Floats:
        """Return the map of a part's documents to codes, (n_features, dim)."""
        reach = 1 / np.sqrt(max(1.0, X.nnz / max(1, X.shape[0])))
        drawn = np.random.default_rng(seed).uniform(-reach, reach, (X.shape[1], self.dim))
        W = drawn.astype(np.float32)
        contrast = Contrast(self.epochs, float(self.gamma), float(self.eta))
        like = alike(Y, self.positives, int(derived(seed, 1)))
        learn_directions(Rows(*for_kernel(X)), like, W, contrast, derived(seed, 2))
        return W
