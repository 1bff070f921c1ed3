"""Answers block by block, so that memory does not depend on the number of documents."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.sparse import csr_array, vstack

from labeltree.core.arrays import CSR, Doubles, Ints, as_csr
from labeltree.core.pool import Pool
from labeltree.core.scores import from_ranking

DOCUMENTS_IN_FLIGHT = 1024
"""Documents that one thread answers at a time."""

Best = Callable[[CSR], tuple[Ints, Doubles]]
"""Returns (label, score), (n, k), of the best labels of some documents; -1 after the last."""


def ranked_in_blocks(X: CSR, best: Best, n_labels: int, pool: Pool, size: int | None = None) -> CSR:
    """Return the scores (n_samples, n_labels) of documents X (n_samples, n_features).

    `size` is the number of documents of a block, if not the usual one.
    """
    size = size or DOCUMENTS_IN_FLIGHT
    if not X.shape[0]:
        return as_csr(np.zeros((0, n_labels)), "scores")

    def of_block(start: int) -> CSR:
        return from_ranking(*best(csr_array(X[start : start + size])), n_labels)

    found = pool.map(of_block, range(0, X.shape[0], size), what="predicting")
    return found[0] if len(found) == 1 else csr_array(vstack(found, format="csr"))
