"""Distances of documents from the centres of labels: the tail classifiers of PfastreXML."""

from __future__ import annotations

import numpy as np

from labeltree.kernels.compile import kernel
from labeltree.kernels.sparse import Rows
from labeltree.kernels.types import F64, I32


@kernel
def centre_distances(X: Rows, label: I32, centres: Rows, squared: F64, total: F64) -> F64:
    """Return |x_i / |x_i| - mu_l|^2 for some labels of each document.

    Products with all centres are added up feature by feature: a document has few of them, a centre
    has those of all its documents.

    Parameters
    ----------
    X
        Documents, of any length; an empty one stands at the origin.
    label
        (n, k); -1 where there is none.
    centres
        mu_l, a column each: (n_features, n_labels).
    squared
        |mu_l|^2, (n_labels,).
    total
        Scratch (n_labels,), all zero, and again on return.

    Returns
    -------
    (n, k); 0 where there is no label.
    """
    n, k = label.shape
    distance = np.zeros((n, k))
    for i in range(n):
        length = 0.0
        for j in range(X.indptr[i], X.indptr[i + 1]):
            value, feature = float(X.data[j]), X.indices[j]
            length += value * value
            for e in range(centres.indptr[feature], centres.indptr[feature + 1]):
                total[centres.indices[e]] += value * float(centres.data[e])
        own, length = (1.0, np.sqrt(length)) if length > 0 else (0.0, 1.0)
        for c in range(k):
            at = label[i, c]
            if at >= 0:
                distance[i, c] = squared[at] + own - 2 * total[at] / length
        total[:] = 0
    return distance
