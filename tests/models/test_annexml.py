import numpy as np

from labeltree.core.arrays import as_csr
from labeltree.core.scores import top_k
from labeltree.models.annexml import Annexml


def small(**params):
    defaults = {"n_learners": 3, "part_size": 50, "dim": 10, "l1": 0.5, "n_neighbours": 5}
    return Annexml(**{**defaults, **params})


def test_learns_topics_it_has_not_seen(topics):
    X, Y = topics(n=160)
    model = small().fit(X[:120], Y[:120])
    assert {len(atlas.regions) for atlas in model.atlases_} <= {1, 2}
    labels, _ = top_k(model.predict(X[120:], 2), 2)
    truth = np.sort(Y[120:].indices.reshape(-1, 2), axis=1)
    assert (np.sort(labels, axis=1) == truth).mean() > 0.9


def test_the_space_comes_from_labels(quiet_topics):
    """Words that say nothing of the labels do not bring documents together."""
    X, Y, _ = quiet_topics
    model = small(part_size=1000).fit(X[:150], Y[:150])
    assert model.score(X[150:], Y[150:]) == 1


def test_documents_alike_by_labels_lie_together(topics):
    X, Y = topics(n=160)
    region = small(part_size=1000, epochs=20).fit(X, Y).atlases_[0].regions[0]
    near, inner = region.code @ region.code.T, (Y @ Y.T).toarray()
    assert near[inner == 2].mean() > 0.8
    assert near[inner == 0].mean() < 0.2


def test_more_learners_err_less(topics):
    X, Y = topics(n=400)
    X = as_csr(X.toarray() + (np.random.default_rng(2).random((400, 60)) < 0.2), "X")
    few, many = (
        small(n_learners=n, epochs=2, n_neighbours=3).fit(X[:200], Y[:200]) for n in (1, 15)
    )
    hits = [(model.predict(X[200:], 2) > 0).multiply(Y[200:]).sum() / 400 for model in (few, many)]
    assert hits[1] > hits[0]
