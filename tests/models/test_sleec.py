import tracemalloc

import numpy as np
import pytest
from scipy.sparse import random_array

from labeltree.core.arrays import as_csr
from labeltree.core.errors import ParameterError
from labeltree.core.scores import top_k
from labeltree.models.sleec import Sleec
from labeltree.readers import read


def small(**params):
    return Sleec(**{"n_learners": 3, "part_size": 40, "dim": 10, "graph_neighbours": 20, **params})


def test_learns_topics_it_has_not_seen(topics):
    X, Y = topics(n=300)
    model = small(part_size=100).fit(X[:240], Y[:240])
    assert len(model.atlases_) == 3
    assert max(len(atlas.regions) for atlas in model.atlases_) == 2
    labels, _ = top_k(model.predict(X[240:], 2), 2)
    truth = np.sort(Y[240:].indices.reshape(-1, 2), axis=1)
    assert (np.sort(labels, axis=1) == truth).mean() > 0.9


def test_the_space_comes_from_labels(quiet_topics):
    """Words that say nothing of the labels do not bring documents together."""
    X, Y, topic = quiet_topics
    model = Sleec(n_learners=1, dim=2, graph_neighbours=30).fit(X[:150], Y[:150])
    assert model.score(X[150:], Y[150:]) == 1
    near = model.neighbours(X[150:], 10)
    assert (topic[near.row] == topic[150:, None]).all()


def test_l1_of_the_codes_and_the_kind_of_overlap_matter(topics):
    X, Y = topics()
    codes = [
        small(**params).fit(X, Y).atlases_[0].regions[0].code
        for params in ({}, {"l1": 0.05}, {"normalise": False}, {"near": "cosine"})
    ]
    assert not np.array_equal(codes[0], codes[1])
    assert not np.array_equal(codes[0], codes[2])
    lengths = [np.linalg.norm(code, axis=1) for code in codes]
    np.testing.assert_allclose(lengths[3], 1, atol=1e-5)
    assert np.ptp(lengths[0]) > 0.01
    assert small(near="cosine").fit(X, Y).score(X, Y) > 0.9


def test_documents_in_parts_without_labels(topics):
    X, Y = topics()
    Y = Y.toarray()
    Y[X.toarray()[:, 0] == 1] = 0  # a whole topic
    model = small(part_size=15).fit(X, Y)
    S = model.predict(X, 16)
    assert S.nnz
    assert not S.toarray()[:, Y.sum(axis=0) == 0].any()


def test_bad_parameters():
    with pytest.raises(ParameterError, match="search"):
        Sleec(search="guess")
    with pytest.raises(ParameterError, match="l1"):
        Sleec(l1=-1)


def test_nothing_as_large_as_documents_times_labels():
    rng, n, n_labels = np.random.default_rng(0), 6000, 100_000
    X = as_csr(random_array((n, 300), density=0.02, rng=rng), "X")
    Y = as_csr(random_array((n, n_labels), density=3 / n_labels, rng=rng), "Y")
    Y.data[:] = 1
    model = Sleec(n_learners=1, part_size=500, dim=5, graph_neighbours=5, far=1, n_jobs=1)
    tracemalloc.start()
    model.fit(X, Y).predict(X[:2000])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < n * n, "documents x documents of one byte each"


@pytest.mark.slow
def test_bibtex_as_published(data_root):
    """Within a point of the Extreme Classification Repository's P@1, P@3 and P@5."""
    splits = read(data_root / "bibtex")
    model = Sleec(n_learners=3, graph_neighbours=250).fit(splits.train.X, splits.train.Y)
    labels, _ = top_k(model.predict(splits.test.X, 5), 5)
    hits = np.take_along_axis(splits.test.Y.toarray(), labels, axis=1)
    found = [100 * hits[:, :k].mean() for k in (1, 3, 5)]
    np.testing.assert_array_less(np.array([65.08, 39.64, 28.87]) - 1, found)
    assert found[0] > 64.5
