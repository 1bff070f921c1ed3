"""Conjugate gradients on sixteen columns, against a factorised matrix."""

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from labeltree.core.arrays import as_csr, for_kernel
from labeltree.kernels.gram import descended
from labeltree.kernels.lanes import LINE
from labeltree.kernels.sparse import Rows

L2 = np.linspace(0.5, 2, 700).astype(np.float32)


def problem(n=90, n_features=700):
    rng = np.random.default_rng(0)
    X = csr_array(random_array((n, n_features), density=0.1, rng=rng), dtype=np.float32)
    matrix = (X.T @ X).toarray().astype(float) + np.diag(L2)
    B = rng.normal(size=(n_features, LINE))
    B /= np.linalg.norm(B, axis=0)
    return Rows(*for_kernel(as_csr(X, "X"))), matrix, B.astype(np.float32)


@pytest.mark.parametrize("tol", [1e-2, 1e-4])
def test_leaves_the_residual_that_was_allowed(tol):
    rows, matrix, B = problem()
    left = B.copy()
    found = descended(rows, L2, left, 500, tol)
    residual = B - matrix @ found
    assert (np.linalg.norm(residual, axis=0) <= 1.5 * tol).all()
    np.testing.assert_allclose(left, residual, atol=1e-5)
    np.testing.assert_allclose(found, np.linalg.solve(matrix, B), atol=3 * tol)


def test_columns_do_not_know_each_other():
    rows, _, B = problem()
    alone = np.zeros_like(B)
    alone[:, 3] = B[:, 3]
    found = descended(rows, L2, alone.copy(), 40, 1e-9)
    together = descended(rows, L2, B.copy(), 40, 1e-9)
    np.testing.assert_array_equal(found[:, 3], together[:, 3])
    assert not np.delete(found, 3, axis=1).any()


def test_no_steps_and_no_documents():
    rows, _, B = problem()
    assert not descended(rows, L2, B.copy(), 0, 1e-3).any()
    empty = Rows(*for_kernel(as_csr(csr_array((0, 700), dtype=np.float32), "X")))
    np.testing.assert_allclose(descended(empty, L2, B.copy(), 99, 1e-6), B / L2[:, None], atol=1e-6)
