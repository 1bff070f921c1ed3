import numpy as np
import pytest

from labeltree.core.arrays import as_csr
from labeltree.grow.pifa import unit_rows
from labeltree.kernels.min_cut import Followed
from labeltree.linear.document_clusters import Parts, by_k_means, by_min_cut

FOLLOWED = Followed(10, 0.1, 0.1)


def topics(n=90, n_topics=3, seed=0):
    """Return features and labels of documents that are about one topic each."""
    rng = np.random.default_rng(seed)
    topic = np.arange(n) % n_topics
    X = (rng.random((n, 6 * n_topics)) < 0.1).astype(float)
    for t in range(n_topics):
        X[topic == t, 6 * t : 6 * t + 5] += rng.random(((topic == t).sum(), 5)) < 0.8
        X[topic == t, 6 * t + 5] += 1
    Y = np.zeros((n, 2 * n_topics))
    Y[np.arange(n), topic] = 1
    Y[np.arange(n), n_topics + rng.integers(0, n_topics, n)] = rng.random(n) < 0.3
    return unit_rows(as_csr(X, "X")), as_csr(Y, "Y"), topic


def test_k_means_finds_topics():
    X, _, topic = topics()
    pure = [purity(by_k_means(X, 3, np.uint64(s))(X), topic) for s in range(6)]
    assert max(pure) > 0.95


def test_min_cut_finds_topics():
    X, Y, topic = topics()
    pure = [purity(by_min_cut(X, Y, (3, 10), FOLLOWED, np.uint64(s))(X), topic) for s in range(6)]
    assert max(pure) > 0.9


def purity(part, topic):
    """Return how many documents have the topic that is most frequent in their part."""
    return sum(np.bincount(topic[part == p]).max() for p in np.unique(part)) / len(topic)


@pytest.mark.parametrize("cut", [
    lambda X, Y, n, seed: by_k_means(X, n, np.uint64(seed)),
    lambda X, Y, n, seed: by_min_cut(X, Y, (n, 5), FOLLOWED, np.uint64(seed)),
])  # fmt: skip
class TestBoth:
    def test_one_part_holds_all(self, cut):
        X, Y, _ = topics()
        parts = cut(X, Y, 1, 0)
        assert len(parts) == 1
        assert not parts(X).any()

    @pytest.mark.parametrize("n_parts", [2, 5, 60])
    def test_every_part_has_documents(self, cut, n_parts):
        X, Y, _ = topics()
        parts = cut(X, Y, n_parts, 1)
        assert 1 <= len(parts) <= n_parts
        assert set(parts(X)) == set(range(len(parts)))

    def test_the_seed_decides(self, cut):
        X, Y, _ = topics()
        first, again, other = (cut(X, Y, 5, s).weight.toarray() for s in (1, 1, 2))
        np.testing.assert_array_equal(first, again)
        assert first.shape != other.shape or (first != other).any()


def test_a_document_does_not_depend_on_its_batch():
    X, _, _ = topics()
    parts = by_k_means(X, 5, np.uint64(0))
    assert [parts(X[[i]])[0] for i in range(90)] == parts(X).tolist()


def test_the_lowest_part_wins_a_tie():
    parts = Parts(as_csr(np.array([[0, 1.0, 1.0]]), "weights"))
    assert parts(as_csr(np.array([[1.0], [0.0]]), "X")).tolist() == [1, 0]
