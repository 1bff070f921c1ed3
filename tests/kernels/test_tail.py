"""Distances from the centres of labels, against numpy."""

import numpy as np

from labeltree.core.arrays import as_csr, for_kernel
from labeltree.kernels.sparse import Rows
from labeltree.kernels.tail import centre_distances


def test_distances_are_those_of_documents_of_length_one():
    rng = np.random.default_rng(0)
    X = rng.random((6, 20)) * (rng.random((6, 20)) < 0.5)
    X[3] = 0
    centres = rng.random((4, 20)) * (rng.random((4, 20)) < 0.5)
    label = np.array(
        [[0, 1, 2], [3, -1, -1], [1, 0, 3], [2, 1, -1], [0, 3, 1], [2, 2, 0]], np.int32
    )
    scratch = np.zeros(4)
    rows, means = (Rows(*for_kernel(as_csr(m, "m"))) for m in (X, centres.T))
    found = centre_distances(rows, label, means, (centres**2).sum(axis=1), scratch)
    unit = X / np.maximum(1e-12, np.linalg.norm(X, axis=1, keepdims=True))
    for i, labels in enumerate(label):
        for c, one in enumerate(labels):
            expected = ((unit[i] - centres[one]) ** 2).sum() if one >= 0 else 0
            np.testing.assert_allclose(found[i, c], expected, atol=1e-6)
    assert not scratch.any()
