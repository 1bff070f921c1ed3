"""SLEEC: sparse local embeddings, spaces that keep who is whose neighbour in the label sets.

Bhatia, Jain, Kar, Varma, Jain, "Sparse Local Embeddings for Extreme Multi-label Classification"
(NIPS 2015).

    for each cluster of documents, found by k-means:
    Z Z' ~ Y Y'  on each document's nearest others by labels          (SVP, algorithm 2)
    min_V  1/2 |Z - X V|^2 + l2/2 |V|^2 + l1 |X V|_1                  (ADMM, algorithm 3)
    s(x) = mean of y_i over the nearest documents of x's cluster, by x V and x_i V

Clusterings with other seeds vote with their mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labeltree.core.arrays import CSR, Floats
from labeltree.core.params import at_least, choice, positive, whole
from labeltree.core.seeds import derived
from labeltree.grow.pifa import unit_rows
from labeltree.linear.admm import Sparsity, sparse_regression
from labeltree.linear.document_clusters import Parts, by_k_means
from labeltree.linear.label_graph import overlaps
from labeltree.linear.neighbour_model import NeighbourModel
from labeltree.linear.svp import svp

__all__ = ["Sleec"]


@dataclass(eq=False)
class Sleec(NeighbourModel):
    """Fifteen clusterings of documents, each cluster with a space of its own.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.repeat(np.eye(4), 20, axis=0)
    >>> Sleec(n_learners=2).fit(X, X).score(X, X)
    1.0
    """

    graph_neighbours: int = whole(1, 100)
    """Nearest documents by labels whose overlap the space keeps."""
    far: int = whole(0, 10)
    """Documents drawn at random whose overlap it keeps as well."""
    normalise: bool = True
    """Whether overlaps of label sets are cosines; the paper has inner products."""
    near: str = choice("euclidean", ("euclidean", "cosine"))
    """What tells who is near: distances, or cosines, which want less l2; data decide."""
    l2: float = positive(2.0, search="0.1..10:log")
    """Weight of the squared weights of the map."""
    l1: float = at_least(0, 0.001)
    """Weight of the sizes of the codes."""
    dim: int = whole(1, 100)
    """Length of a code."""
    n_neighbours: int = whole(1, 20, search="5..50:log")
    """Nearest training documents of a document that vote, in each partition."""

    def parts(self, X: CSR, Y: CSR, seed: int) -> Parts:
        """Cut documents into clusters."""
        return by_k_means(X, self.n_parts(X.shape[0]), np.uint64(seed))

    def by_cosine(self) -> bool:
        """Whether cosines tell who is near, else distances."""
        return self.near == "cosine"

    def projected(self, X: CSR, Y: CSR, seed: int) -> Floats:
        """Return the map of a cluster's documents to codes, (n_features, dim)."""
        labels = unit_rows(Y) if self.normalise else Y
        graph = overlaps(labels, self.graph_neighbours, self.far, seed)
        Z, _ = svp(graph, self.dim, int(derived(seed, 2)))
        found = sparse_regression(X, Z.astype(np.float64), Sparsity(float(self.l2), float(self.l1)))
        return found.weight.astype(np.float32)
