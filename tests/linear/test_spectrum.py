"""Leading eigenvectors against a dense decomposition."""

import numpy as np
import pytest

from labeltree.linear import spectrum
from labeltree.linear.spectrum import leading


def matrix(n=40, seed=0):
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(rng.normal(size=(n, n)))[0]
    return Q @ np.diag(2.0 ** -np.arange(n)) @ Q.T


@pytest.mark.parametrize("exact", [2048, 10])
def test_equals_a_dense_decomposition(exact, monkeypatch):
    monkeypatch.setattr(spectrum, "EXACT", exact)
    A = matrix()
    values, vectors = leading(lambda M: A @ M, 40, 5, seed=3)
    np.testing.assert_allclose(values, 2.0 ** -np.arange(5), rtol=1e-4)
    np.testing.assert_allclose(A @ vectors, vectors * values, atol=1e-4)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(5), atol=1e-10)


def test_negative_eigenvalues_come_last():
    A = np.diag([-1.0, 3.0, -2.0, 0.5])
    values, vectors = leading(lambda M: A @ M, 4, 4, seed=0)
    np.testing.assert_allclose(values, [3, 0.5, -1, -2])
    np.testing.assert_allclose(np.abs(vectors), np.eye(4)[:, [1, 3, 0, 2]].reshape(4, 4))


def test_the_largest_entry_is_positive():
    for seed in range(5):
        A = matrix(seed=seed)
        _, vectors = leading(lambda M, A=A: A @ M, 40, 6, seed=0)
        top = np.abs(vectors).argmax(axis=0)
        assert (vectors[top, np.arange(6)] > 0).all()


def test_no_more_vectors_than_rows():
    values, vectors = leading(lambda M: 2 * M, 3, 10, seed=0)
    assert values.shape == (3,)
    assert vectors.shape == (3, 3)
