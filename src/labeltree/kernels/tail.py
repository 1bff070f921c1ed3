"""Distances of documents from the centres of labels: the tail classifiers of PfastreXML."""

from __future__ import annotations

import numpy as np

from labeltree.kernels.compile import kernel
from labeltree.kernels.sparse import Rows
from labeltree.kernels.types import F32, F64, I32


@kernel
def centre_distances(X: Rows, label: I32, centres: Rows, x: F32) -> F64:
    """Return |x_i / |x_i| - mu_l|^2 for some labels of each document.

    Parameters
    ----------
    X
        Documents, of any length; an empty one stands at the origin.
    label
        (n, k); -1 where there is none.
    centres
        mu_l, a row each.
    x
        Scratch (n_features,), all zero, and again on return.

    Returns
    -------
    (n, k); 0 where there is no label.
    """
    n, k = label.shape
    distance = np.zeros((n, k))
    for i in range(n):
        start, end = X.indptr[i], X.indptr[i + 1]
        squared = 0.0
        for j in range(start, end):
            x[X.indices[j]] = X.data[j]
            squared += float(X.data[j]) ** 2
        length = np.sqrt(squared) if squared > 0 else 1.0
        for c in range(k):
            if label[i, c] >= 0:
                own, common = 0.0, 0.0
                for j in range(centres.indptr[label[i, c]], centres.indptr[label[i, c] + 1]):
                    value = float(centres.data[j])
                    own += value * value
                    common += value * float(x[centres.indices[j]])
                distance[i, c] = own + squared / length**2 - 2 * common / length
        for j in range(start, end):
            x[X.indices[j]] = 0
    return distance
