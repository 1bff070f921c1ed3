"""Low-rank maps with squared loss: the known optimum, dense formulas, the theory of limits."""

import tracemalloc

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from labeltree.core.pool import ThreadPool
from labeltree.linear import low_rank
from labeltree.linear.low_rank import Factors, Multiplied, SquaredLoss, factorised

POOL = ThreadPool(1)
X = csr_array(np.array([[1, 0], [1, 1], [0, 1], [0, 2]], np.float32))
Y = csr_array(np.array([[1, 1, 0], [1, 0, 1], [0, 1, 1], [0, 0, 1.0]]))


def problem(seed=0, n=40, d=7, L=9, k=4):
    rng = np.random.default_rng(seed)
    X = csr_array(random_array((n, d), density=0.5, rng=rng), dtype=np.float32)
    Y = csr_array((rng.random((n, L)) < 0.3).astype(float))
    return X, Y, Factors(rng.normal(size=(d, k)), rng.normal(size=(L, k)))


def dense_objective(X, Y, at, l2):
    missed = Y.toarray() - X.toarray().astype("f8") @ at.W @ at.H.T
    return (missed**2).sum() / 2 + l2 / 2 * ((at.W**2).sum() + (at.H**2).sum())


@pytest.fixture(params=["decomposed", "by gradients"])
def way(request, monkeypatch):
    """Both ways to solve for W."""
    if request.param == "by gradients":
        monkeypatch.setattr(low_rank, "DECOMPOSED", 0)
    return request.param


@pytest.mark.parametrize(("dim", "optimum"), [(1, 1.650206), (2, 1.034627), (3, 1.034627)])
def test_the_known_optimum(dim, optimum, way):
    start = np.random.default_rng(0).normal(size=(2, dim))
    at, values = factorised(SquaredLoss(X, Y, 0.1, POOL), start, 3, 3000, 1e-12)
    assert values[-1] == pytest.approx(optimum, abs=2e-6)
    if dim >= 2:
        M = [[0.94911, 0.43337, 0.18623], [0.01063, 0.09301, 0.61916]]
        np.testing.assert_allclose(at.W @ at.H.T, M, atol=1e-3)


def test_with_enough_dimensions_it_is_the_trace_norm():
    """At the optimum |W|^2 + |H|^2 is twice the sum of the singular values of W H'."""
    start = np.random.default_rng(1).normal(size=(2, 2))
    at, _ = factorised(SquaredLoss(X, Y, 0.1, POOL), start, 3, 3000, 1e-13)
    trace = np.linalg.svd(at.W @ at.H.T, compute_uv=False).sum()
    assert (at.W**2).sum() + (at.H**2).sum() == pytest.approx(2 * trace, rel=1e-4)


def test_the_objective_without_the_matrix():
    X, Y, at = problem()
    found = SquaredLoss(X, Y, 0.3, POOL).objective(at)
    assert found == pytest.approx(dense_objective(X, Y, at, 0.3), rel=1e-12)


def test_the_gradient():
    X, Y, at = problem()
    loss, eps = SquaredLoss(X, Y, 0.3, POOL), 1e-5
    slope, checked = loss.slope(at), np.zeros_like(at.W)
    for place in np.ndindex(*at.W.shape):
        step = np.zeros_like(at.W)
        step[place] = eps
        up, down = (loss.objective(at._replace(W=at.W + s * step)) for s in (1, -1))
        checked[place] = (up - down) / (2 * eps)
    assert np.linalg.norm(slope - checked) / np.linalg.norm(checked) < 1e-6


def test_the_hessian_is_the_slope_of_the_slope():
    X, Y, at = problem(1)
    loss, S = SquaredLoss(X, Y, 0.3, POOL), np.random.default_rng(2).normal(size=at.W.shape)
    up, down = (loss.slope(at._replace(W=at.W + s * 1e-4 * S)) for s in (1, -1))
    np.testing.assert_allclose(loss.bent(S, at.H), (up - down) / 2e-4, rtol=1e-6, atol=1e-6)


def test_the_step_in_labels_is_the_normal_equations():
    X, Y, at = problem()
    A = X.toarray().astype("f8") @ at.W
    expected = np.linalg.solve(A.T @ A + 0.3 * np.eye(4), A.T @ Y.toarray()).T
    found = SquaredLoss(X, Y, 0.3, POOL).better_labels(at)
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_the_step_in_features_is_a_direct_solve(way, monkeypatch):
    monkeypatch.setattr(low_rank, "TOLERANCE", 1e-12)
    monkeypatch.setattr(low_rank, "MAX_ITER", 500)
    X, Y, at = problem()
    x, H = X.toarray().astype("f8"), at.H
    system = np.kron(x.T @ x, H.T @ H) + 0.3 * np.eye(at.W.size)
    expected = np.linalg.solve(system, (x.T @ Y.toarray() @ H).ravel()).reshape(at.W.shape)
    found = SquaredLoss(X, Y, 0.3, POOL).better_features(at)
    np.testing.assert_allclose(found, expected, atol=1e-8)


@pytest.mark.parametrize("seed", range(5))
def test_no_step_raises_the_objective(seed, way, monkeypatch):
    monkeypatch.setattr(low_rank, "MAX_ITER", 1 + seed)  # however early gradients are stopped
    X, Y, at = problem(seed)
    _, values = factorised(SquaredLoss(X, Y, 0.2, POOL), at.W, 9, 20, 0)
    assert len(values) == 41
    assert (np.diff(values) <= 1e-12 * values[0]).all()
    assert values[-1] < 0.95 * values[1]


def test_stops_when_a_round_gains_little():
    X, Y, at = problem()
    loss = SquaredLoss(X, Y, 0.2, POOL)
    _, all_rounds = factorised(loss, at.W, 9, 100, 0)
    _, some = factorised(loss, at.W, 9, 100, 1e-2)
    assert len(some) < len(all_rounds)
    np.testing.assert_array_equal(some, all_rounds[: len(some)])
    assert some[-3] - some[-1] <= 1e-2 * some[-3]
    assert some[-5] - some[-3] > 1e-2 * some[-5]


def test_with_orthonormal_labels_it_is_ridge(way, monkeypatch):
    """H H' = I at full rank: (X'X + l2 I) W H' = X'Y, ridge regression of each label."""
    monkeypatch.setattr(low_rank, "TOLERANCE", 1e-12)
    monkeypatch.setattr(low_rank, "MAX_ITER", 500)
    X, Y, at = problem()
    H = np.linalg.qr(np.random.default_rng(5).normal(size=(9, 9)))[0]
    W = SquaredLoss(X, Y, 0.7, POOL).better_features(Factors(np.zeros((7, 9)), H))
    x = X.toarray().astype("f8")
    ridge = np.linalg.solve(x.T @ x + 0.7 * np.eye(7), x.T @ Y.toarray())
    np.testing.assert_allclose(W @ H.T, ridge, atol=1e-8)


@pytest.mark.parametrize("dim", [2, 7])
def test_without_regularisation_it_is_reduced_rank_regression(dim):
    """LEML's theorem 1: W H' = X^+ times the best approximation of X X^+ Y of this rank.

    At full rank, dim = 7 features, that is ridge regression as its l2 goes to 0.
    """
    X, Y, _ = problem(3)
    x, y = X.toarray().astype("f8"), Y.toarray()
    start = np.random.default_rng(0).normal(size=(7, dim))
    at, _ = factorised(SquaredLoss(X, Y, 1e-9, POOL), start, 9, 4000, 0)
    U, s, V = np.linalg.svd(x @ np.linalg.pinv(x) @ y, full_matrices=False)
    expected = np.linalg.pinv(x) @ (U[:, :dim] * s[:dim]) @ V[:dim]
    np.testing.assert_allclose(at.W @ at.H.T, expected, atol=1e-4)


def test_products_do_not_depend_on_threads(monkeypatch):
    monkeypatch.setattr(low_rank, "ROWS", 7)
    X, Y, at = problem()
    found = [factorised(SquaredLoss(X, Y, 0.2, ThreadPool(n)), at.W, 9, 3, 0)[1] for n in (1, 3)]
    np.testing.assert_array_equal(*found)
    whole = Multiplied.of(X, POOL)(at.W)
    np.testing.assert_array_equal(whole, X.astype("f8") @ at.W)


def test_nothing_of_documents_times_labels_is_held():
    """2,000 documents, 100,000 labels: the matrix would be 1.6 GB, the factors are 4 MB."""
    rng = np.random.default_rng(0)
    X = csr_array(random_array((2000, 300), density=0.05, rng=rng), dtype=np.float32)
    Y = csr_array(random_array((2000, 100_000), density=3e-5, rng=rng)).astype(float)
    tracemalloc.start()
    factorised(SquaredLoss(X, Y, 1.0, POOL), rng.normal(size=(300, 5)), 100_000, 2, 0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6
