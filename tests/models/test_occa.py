"""OCCA: the sheet's small case, and its limit."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from labeltree.core.errors import DataError
from labeltree.core.pool import ThreadPool
from labeltree.linear.embedding import Centred
from labeltree.linear.ridge import Gram
from labeltree.models import occa
from labeltree.models.occa import Occa

X = csr_array(np.array([[1, 0], [1, 1], [0, 1], [0, 2]], np.float32))
Y = csr_array(np.array([[1, 1, 0], [1, 0, 1], [0, 1, 1], [0, 0, 1.0]]))
CENTRED = Centred(Y, np.array([0.5, 0.5, 0.75]))


def test_the_first_direction_and_all_eigenvalues():
    V = Occa(dim=3, l2=0.1).codes(X, CENTRED)
    np.testing.assert_allclose(V[:, 0], [0.92341, 0.35950, 0.13443], atol=1e-5)
    codes = CENTRED.dot(V)
    missed = codes - Gram(X, 0.1, ThreadPool(1)).hat(codes)
    np.testing.assert_allclose(
        -(codes * missed).sum(axis=0), [-0.04332, -0.24149, -1.03209], atol=1e-5
    )


def test_too_many_labels_are_refused(monkeypatch):
    monkeypatch.setattr(occa, "EXACT", 2)
    with pytest.raises(DataError, match="at most 2 work. Use cplst"):
        Occa().fit(X, Y)
