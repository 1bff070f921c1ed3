"""Which part of the documents a document belongs to: two ways to cut them into parts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from labeltree.core.arrays import CSR, Ints, for_kernel
from labeltree.core.store import storable
from labeltree.grow.pifa import pifa
from labeltree.kernels.compile import announce
from labeltree.kernels.k_means import spherical
from labeltree.kernels.min_cut import Followed, learn_parts
from labeltree.kernels.sparse import Rows
from labeltree.linear.label_graph import alike

STOP = 1e-4, 100
"""K-means is done when the mean similarity gains less, or after so many rounds."""


@storable
@dataclass(frozen=True, eq=False)
class Parts:
    """A document belongs to the part whose weights score it highest, the lowest on a tie."""

    weight: CSR
    """(n_features, n_parts)"""

    def __len__(self) -> int:
        return int(self.weight.shape[1])

    def __call__(self, X: CSR) -> Ints:
        """Return the part of each document, (n_samples,)."""
        if len(self) == 1:
            return np.zeros(X.shape[0], np.int32)
        return np.asarray((X @ self.weight).toarray().argmax(axis=1), np.int32)

    def without_empty(self, X: CSR) -> Parts:
        """Return the parts that some document of X belongs to."""
        return Parts(csr_array(self.weight[:, np.unique(self(X))]))


def one_part(n_features: int) -> Parts:
    """Return the part of all documents."""
    return Parts(csr_array((n_features, 1), dtype=np.float32))


def by_k_means(X: CSR, n_parts: int, seed: np.uint64) -> Parts:
    """Return the spherical k-means clusters of documents, rows of length 1 or 0."""
    if n_parts == 1:
        return one_part(X.shape[1])
    announce()
    members, seen = np.arange(X.shape[0], dtype=np.int32), np.zeros(X.shape[1], np.int32)
    cluster, _ = spherical(Rows(*for_kernel(X)), members, seen, seed, n_parts, 1, STOP)
    ones = np.ones(len(cluster), np.float32)
    belongs = csr_array((ones, (members, cluster)), shape=(len(cluster), int(cluster.max()) + 1))
    return Parts(csr_array(pifa(X, belongs).T)).without_empty(X)


def by_min_cut(
    X: CSR, Y: CSR, shape: tuple[int, int], followed: Followed, seed: np.uint64
) -> Parts:
    """Return classifiers that seldom part documents with like labels; see `kernels.min_cut`.

    Parameters
    ----------
    shape
        (n_parts, n_positives)
    """
    n_parts, n_positives = shape
    if n_parts == 1:
        return one_part(X.shape[1])
    announce()
    positives = alike(Y, n_positives, int(seed), bounded=True)
    rows, sizes = Rows(*for_kernel(X)), (int(X.shape[1]), n_parts)
    weight = learn_parts(rows, positives, sizes, followed, seed)
    return Parts(csr_array(weight)).without_empty(X)
