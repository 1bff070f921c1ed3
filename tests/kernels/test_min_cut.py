import numpy as np
import pytest
from scipy.sparse import csr_array

from labeltree.core.arrays import as_csr, for_kernel
from labeltree.kernels.min_cut import Followed, Ftrl, follow, learn_parts, part_of
from labeltree.kernels.sparse import Rows


def rows_of(dense):
    return Rows(*for_kernel(as_csr(csr_array(dense), "X")))


def ftrl_by_the_book(gradients, start, eta, l1):
    """McMahan et al. (KDD 2013), algorithm 1, without l2, for one weight; g is the loss's."""
    n, w = 1.0, start
    z = -(start / eta + np.sign(start) * l1)  # what `started` means, in the paper's sign
    for g in gradients:
        sigma = (np.sqrt(n + g * g) - np.sqrt(n)) / eta
        z += g - sigma * w
        n += g * g
        w = 0.0 if abs(z) <= l1 else -(z - np.sign(z) * l1) * eta / np.sqrt(n)
    return w


@pytest.mark.parametrize("function", [follow, follow.py_func])
@pytest.mark.parametrize("l1", [0.0, 0.5])
def test_follows_the_book(l1, function):
    X, eta = rows_of([[2.0]]), 0.1
    start = 0.3
    state = Ftrl(
        np.full((1, 1), start, np.float32), np.ones((1, 1), np.float32),
        np.full((1, 1), start / eta + l1, np.float32),
    )  # fmt: skip
    gradients, expected = [], start
    for wanted in (1.0, 0.0, 0.0, 1.0, 1.0):
        margin = 2 * expected
        gradients.append(-(wanted - 1 / (1 + np.exp(-margin))) * 2)
        expected = ftrl_by_the_book(gradients, start, eta, l1)
        function(X, 0, 0, wanted, state, Followed(1, eta, l1))
        assert state.weight[0, 0] == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_ties_are_drawn():
    X, weight = rows_of([[1.0, 0]]), np.zeros((2, 4), np.float32)
    weight[0, 1:] = 1
    margins = np.empty(4, np.float32)
    found = [part_of(X, 0, weight, margins, np.uint64(s)) for s in range(60)]
    assert set(found) == {1, 2, 3}


def two_topics(n=60):
    """Return documents of two topics that share some words, and five others of the same topic."""
    rng = np.random.default_rng(4)
    topic = np.arange(n) % 2
    dense = np.where(rng.random((n, 20)) < 0.4, 1.0, 0)
    dense[:, 10:15] *= (topic == 0)[:, None]
    dense[:, 15:] *= (topic == 1)[:, None]
    dense[:, 10] += topic == 0
    dense[:, 15] += topic == 1
    dense /= np.linalg.norm(dense, axis=1, keepdims=True)
    like = np.array([rng.choice(np.flatnonzero((topic == t) & (np.arange(n) != i)), 5)
                     for i, t in enumerate(topic)], np.int32)  # fmt: skip
    return dense, like, topic


def test_few_documents_are_parted_from_those_like_them():
    dense, like, _ = two_topics()
    kept = []
    for seed in range(8):
        weight = learn_parts(rows_of(dense), like, (20, 2), Followed(10, 0.1, 0.1), np.uint64(seed))
        part = (dense @ weight).argmax(axis=1)
        kept.append((part[:, None] == part[like]).mean())
    assert np.mean(kept) > 0.8, "at random it is one half"


def test_the_seed_decides_and_l1_thins_out():
    dense, like, _ = two_topics()
    run = lambda l1, seed: learn_parts(  # noqa: E731
        rows_of(dense), like, (20, 3), Followed(3, 0.1, l1), np.uint64(seed)
    )
    np.testing.assert_array_equal(run(0.5, 1), run(0.5, 1))
    assert (run(0.5, 1) != run(0.5, 2)).any()
    assert (run(4.0, 1) != 0).sum() < (run(0.0, 1) != 0).sum()
