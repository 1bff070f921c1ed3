import numpy as np
import pytest
from scipy.sparse import csr_array

from labeltree.core.arrays import as_csr, for_kernel
from labeltree.kernels.contrast import Contrast, embed, learn_directions, pulls, turn
from labeltree.kernels.sparse import Rows


def documents(seed, n=12, d=9):
    rng = np.random.default_rng(seed)
    dense = rng.random((n, d)) * (rng.random((n, d)) < 0.5)
    dense[:, 0] += 0.1
    return dense, Rows(*for_kernel(as_csr(csr_array(dense), "X")))


def loss_of(cosine, n_positives, gamma):
    """Return what `contrast` minimises, by the book."""
    e = np.exp(gamma * np.asarray(cosine))
    return -sum(np.log(e[p] / (e[p] + e[n_positives:].sum())) for p in range(n_positives))


@pytest.mark.parametrize("function", [pulls, pulls.py_func])
def test_pulls_are_the_gradient(function):
    cosine, gamma = np.random.default_rng(1).uniform(-1, 1, 7), 4.0
    pull = np.full(7, 9.0)
    assert function(cosine, 3, gamma, pull) == pytest.approx(loss_of(cosine, 3, gamma))
    for a in range(7):
        step = np.eye(7)[a] * 1e-5
        up, down = (loss_of(cosine + sign * step, 3, gamma) for sign in (1, -1))
        assert pull[a] == pytest.approx(-(up - down) / 2e-5, abs=1e-5)


def cosine_of(W, x, other):
    z = W.T @ x
    return z @ other / np.linalg.norm(z) / np.linalg.norm(other)


@pytest.mark.parametrize(("embedded", "turned"), [(embed, turn), (embed.py_func, turn.py_func)])
def test_a_turn_is_a_step_of_adagrad_up_the_gradient_of_the_cosine(embedded, turned):
    dense, X = documents(2)
    rng = np.random.default_rng(3)
    W, other = rng.standard_normal((9, 4)).astype(np.float32), rng.standard_normal(4).astype("f")
    own = np.empty(4, np.float32)
    length = embedded(X, 5, W, own)
    np.testing.assert_allclose(own, W.T @ dense[5], rtol=1e-5)
    assert length == pytest.approx(np.linalg.norm(own), rel=1e-6)
    gradient = np.zeros_like(W, dtype=float)
    for at in np.ndindex(*W.shape):
        step = np.zeros(W.shape)
        step[at] = 1e-6
        up, down = (cosine_of(W + sign * step, dense[5], other) for sign in (1, -1))
        gradient[at] = 0.7 * (up - down) / 2e-6
    G, after = np.ones_like(W), W.copy()
    scale = 0.7 / length / np.linalg.norm(other)
    turned(X, 5, own, other, (0.1, scale, own @ other / length**2), after, G)
    np.testing.assert_allclose(G, 1 + gradient**2, atol=1e-5)
    np.testing.assert_allclose(after - W, 0.1 * gradient / np.sqrt(1 + gradient**2), atol=1e-5)


def pairs(n_pairs=10):
    """Return documents 2 i and 2 i + 1, alike by labels though they share one word of three."""
    dense = np.zeros((2 * n_pairs, 3 * n_pairs))
    for i in range(2 * n_pairs):
        dense[i, [i, 2 * n_pairs + i // 2]] = 1, 0.2
    like = np.arange(2 * n_pairs).reshape(-1, 2)[:, ::-1].reshape(-1, 1)
    return dense, Rows(*for_kernel(as_csr(csr_array(dense), "X"))), like.astype(np.int32)


def trained(X, like, epochs=30, seed=5, positives=None):
    W = np.random.default_rng(0).uniform(-0.5, 0.5, (30, 8)).astype(np.float32)
    losses = learn_directions(X, like, W, Contrast(epochs, 10.0, 0.1), np.uint64(seed))
    return W, losses


def test_documents_alike_come_to_point_the_same_way():
    dense, X, like = pairs()
    W, losses = trained(X, like)
    assert losses[-1] < 0.3 * losses[0]
    Z = dense @ W
    Z /= np.linalg.norm(Z, axis=1, keepdims=True)
    near = Z @ Z.T
    np.fill_diagonal(near, -2)
    assert (near.argmax(axis=1) == like[:, 0]).mean() > 0.9


def test_the_seed_decides():
    _, X, like = pairs()
    first, again, other = (trained(X, like, 3, seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_fewer_positives_come_again():
    _, X, like = pairs()
    padded = np.hstack([like, np.full_like(like, -1)])
    twice = np.hstack([like, like])
    np.testing.assert_array_equal(trained(X, padded, 3)[0], trained(X, twice, 3)[0])


def test_documents_without_positives_or_words_teach_nothing():
    dense, X, like = pairs()
    nobody = np.full_like(like, -1)
    before = trained(X, like, 0)[0]
    np.testing.assert_array_equal(trained(X, nobody, 3)[0], before)
    empty = Rows(np.zeros(21, np.int64), X.indices[:0], X.data[:0])
    np.testing.assert_array_equal(trained(empty, like, 3)[0], before)
