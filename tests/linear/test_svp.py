import numpy as np
import pytest
from scipy.sparse import csr_array

from labeltree.linear.svp import svp

Y = np.array([[1, 1, 0], [1, 0, 1], [0, 1, 1], [0, 0, 1.0]])


def full(G):
    """Return G with every entry stored, zeros too."""
    n = len(G)
    i, j = np.divmod(np.arange(n * n), n)
    return csr_array((G.ravel(), (i, j)), shape=(n, n))


def some(G, share, seed):
    """Return a symmetric part of G's entries, zeros among them stored."""
    n = len(G)
    keep = np.random.default_rng(seed).random((n, n)) < share
    i, j = np.nonzero(keep | keep.T | np.eye(n, dtype=bool))
    return csr_array((G[i, j], (i, j)), shape=(n, n))


def overlaps(seed, n=60, rank=4):
    Z = np.random.default_rng(seed).standard_normal((n, rank))
    return Z @ Z.T


def test_with_all_pairs_known_it_is_the_best_low_rank_matrix():
    G = Y @ Y.T
    Z, errors = svp(full(G), 2, 0)
    assert np.linalg.norm(Z @ Z.T - G) == pytest.approx(1.0, abs=1e-4)  # the third eigenvalue
    assert errors[-1] == pytest.approx(1 / np.linalg.norm(G), abs=1e-5)
    values = np.linalg.eigvalsh(G)[::-1][:2]
    np.testing.assert_allclose(np.sort((Z**2).sum(axis=0))[::-1], values, rtol=1e-4)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.7])
@pytest.mark.parametrize("seed", range(3))
def test_the_error_on_known_pairs_never_rises(seed, share):
    G = some(overlaps(seed, rank=20), share, seed)
    Z, errors = svp(G, 5, seed, tol=0)
    assert (np.diff([1.0, *errors]) <= 0).all()
    assert errors[-1] < 0.95
    rows, columns = G.nonzero()
    left = np.linalg.norm((Z @ Z.T)[rows, columns] - G.data) / np.linalg.norm(G.data)
    assert errors[-1] == pytest.approx(left, rel=1e-4)


def test_codes_are_few_and_orthogonal():
    Z, _ = svp(some(overlaps(1, rank=20), 0.4, 1), 6, 0)
    assert Z.shape == (60, 6)
    product = Z.T @ Z
    np.testing.assert_allclose(product, np.diag(product.diagonal()), atol=1e-3)


def test_no_eigenvalue_is_negative():
    G = -np.eye(5)
    G[0, 0] = 2
    Z, errors = svp(full(G), 3, 0)
    np.testing.assert_allclose(Z @ Z.T, np.diag([2.0, 0, 0, 0, 0]), atol=1e-5)
    assert errors[-1] == pytest.approx(2 / np.sqrt(8), abs=1e-5)


def test_pairs_that_are_not_known_are_completed():
    G = overlaps(3, n=80, rank=3)
    Z, errors = svp(some(G, 0.3, 3), 3, 0, max_iter=300, tol=1e-6)
    assert errors[-1] < 0.01
    assert np.linalg.norm(Z @ Z.T - G) < 0.03 * np.linalg.norm(G)


def test_known_zeros_count_and_unknown_pairs_do_not():
    apart = np.zeros((6, 6))
    apart[:3, :3] = apart[3:, 3:] = 1
    Z, _ = svp(full(apart), 2, 0)
    np.testing.assert_allclose(Z @ Z.T, apart, atol=1e-3)
    together = csr_array((np.ones(6), (np.arange(6), np.arange(6))), shape=(6, 6))
    _, errors = svp(together, 1, 0, max_iter=200)
    assert errors[-1] < 0.05, "one direction gives every document its length"


def test_the_seed_decides():
    G = some(overlaps(2, rank=20), 0.3, 2)
    np.testing.assert_array_equal(svp(G, 4, 1)[0], svp(G, 4, 1)[0])


@pytest.mark.parametrize("n", [1, 3])
def test_fewer_documents_than_codes_are_long(n):
    Z, errors = svp(full(np.ones((n, n))), 7, 0)
    assert Z.shape == (n, n)
    np.testing.assert_allclose(Z @ Z.T, 1, atol=1e-5)
    assert errors[-1] < 1e-5


def test_nothing_in_common_gives_codes_of_zero():
    Z, _ = svp(full(np.zeros((4, 4))), 2, 0)
    assert not Z.any()
