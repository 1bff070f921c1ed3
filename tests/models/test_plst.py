"""PLST: the sheet's small case, and independent regressions at full length."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from labeltree.core.pool import ThreadPool
from labeltree.linear.embedding import Centred
from labeltree.linear.ridge import ridge
from labeltree.models.plst import Plst

X = csr_array(np.array([[1, 0], [1, 1], [0, 1], [0, 2]], np.float32))
Y = csr_array(np.array([[1, 1, 0], [1, 0, 1], [0, 1, 1], [0, 0, 1.0]]))


def test_the_first_direction():
    centred = Centred(Y, np.array([0.5, 0.5, 0.75]))
    assert Plst().shift(Y).tolist() == [0.5, 0.5, 0.75]
    V = Plst(dim=3).codes(X, centred)
    np.testing.assert_allclose(V[:, 0], [-0.54177, -0.54177, 0.64262], atol=1e-5)
    singular = np.sqrt((centred.dot(V) ** 2).sum(axis=0))
    np.testing.assert_allclose(singular, [1.26217, 1.00000, 0.39614], atol=1e-5)


def test_full_length_is_a_regression_for_each_label():
    rng = np.random.default_rng(0)
    X = csr_array(rng.random((30, 6)) * (rng.random((30, 6)) < 0.6), dtype=np.float32)
    Y = csr_array(np.vstack([np.eye(4), rng.random((26, 4)) < 0.4]).astype(float))
    centred = Centred(Y, Plst().shift(Y))
    V = Plst(dim=4).codes(X, centred)
    pool = ThreadPool(1)
    coded = ridge(X, centred.dot(V), 0.3, pool)
    labels = ridge(X, Y.toarray() - centred.mean, 0.3, pool)
    np.testing.assert_allclose(coded.weight @ V.T, labels.weight, atol=1e-6)
    np.testing.assert_allclose(coded.bias @ V.T, labels.bias, atol=1e-6)


def test_scores_are_decoded_codes_plus_the_mean():
    X = csr_array(np.eye(4, dtype=np.float32)[[0, 1, 2, 3, 0, 1]])
    Y = csr_array(np.eye(4)[[0, 1, 2, 3, 1, 1]])
    model = Plst(dim=2, l2=0.1).fit(X, Y)
    V, Z = model.decoder_.vector.astype("f8"), model.regressor_(X).astype("f8")
    expected = Z @ V.T + Y.toarray().mean(axis=0)
    S = model.predict(X, 4).toarray()
    positive = expected > 1e-3
    np.testing.assert_allclose(S[positive], expected[positive], rtol=1e-4)


@pytest.mark.parametrize("dim", [1, 2])
def test_no_other_code_of_this_length_loses_less(dim):
    rng = np.random.default_rng(dim)
    Y = csr_array((rng.random((40, 7)) < 0.3).astype(float))
    centred = Centred(Y, Plst().shift(Y))
    kept = (centred.dot(Plst(dim=dim).codes(X, centred)) ** 2).sum()
    for _ in range(50):
        V = np.linalg.qr(rng.normal(size=(7, dim)))[0]
        assert (centred.dot(V) ** 2).sum() < kept
