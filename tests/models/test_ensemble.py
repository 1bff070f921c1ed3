"""Ensembles: weighted means of scores or ranks, over any models."""

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

import labeltree
from labeltree.cli.fields import configured
from labeltree.core.arrays import as_csr
from labeltree.core.dataset import Inputs
from labeltree.core.errors import ParameterError
from labeltree.models.ensemble import Ensemble, reciprocal_ranks
from labeltree.models.parabel import Parabel
from labeltree.models.plt import Plt
from labeltree.models.popular import Popular


def corpus(seed=0, n=200, n_labels=30, n_features=60):
    rng = np.random.default_rng(seed)
    Y = rng.random((n, n_labels)) < 0.06
    Y[np.arange(n), rng.integers(0, n_labels, n)] = True
    profile = random_array((n_labels, n_features), density=0.2, rng=rng).toarray()
    X = Y @ profile + random_array((n, n_features), density=0.1, rng=rng).toarray()
    return as_csr(X, "X"), as_csr(Y.astype(float), "Y")


X, Y = corpus()


def three(**fields):
    models = (Parabel(n_trees=1, seed=1), Plt(), Popular())
    return Ensemble(models=models, **fields).fit(X, Y)


def test_scores_are_the_weighted_mean():
    model = three(weights=(3.0, 1.0, 0.0))
    first, second, _ = (m.predict(X, 100).toarray() for m in model.members_)
    S = model.predict(X, 30).toarray()
    np.testing.assert_allclose(S, 0.75 * first + 0.25 * second, rtol=1e-4, atol=1e-6)


def test_no_weights_are_equal_weights():
    plain, equal = three().predict(X, 7), three(weights=(2, 2, 2)).predict(X, 7)
    np.testing.assert_array_equal(plain.toarray(), equal.toarray())


def test_ranks_do_not_depend_on_the_scale_of_scores():
    model = three(average="ranks", weights=(1, 1, 0))
    S = model.predict(X, 30).toarray()
    expected = np.zeros_like(S)
    for member in model.members_[:2]:
        scores = member.predict(X, 100).toarray()
        rank = (-scores).argsort(axis=1, kind="stable").argsort(axis=1) + 1
        expected += np.where(scores > 0, 0.5 / rank, 0)
    np.testing.assert_allclose(S, expected, rtol=1e-5, atol=1e-6)


def test_reciprocal_ranks():
    scores = csr_array(np.array([[0.1, 0.9, 0, 0.5], [0, 0, 0, 0], [0, 0, 0.2, 0]], np.float32))
    np.testing.assert_allclose(
        reciprocal_ranks(scores).toarray(), [[1 / 3, 1, 0, 0.5], [0] * 4, [0, 0, 1, 0]], rtol=1e-6
    )


def test_members_are_copies():
    member = Parabel()
    model = Ensemble(models=(member,)).fit(X, Y)
    assert model.members_[0] is not member
    assert not [k for k in vars(member) if k.endswith("_")]


def test_text_and_feature_models_vote_together(checkerboard):
    pipeline = labeltree.find("pipeline")(model=Plt()).set_params(vectorizer__min_df=1)
    model = Ensemble(models=(pipeline, Parabel()))
    assert model.takes == "both"
    model.fit(checkerboard.inputs("both"), checkerboard.Y, labels=checkerboard.labels)
    S = model.predict(Inputs(checkerboard.texts[:4], checkerboard.X[:4]), 2)
    assert S.shape == (4, 10)
    assert Ensemble(models=(pipeline,)).takes == "text"
    assert Ensemble().takes == "features"


@pytest.mark.parametrize(
    "fields",
    [{"weights": (1,)}, {"weights": (1, -1)}, {"weights": (0, 0)}, {"models": ()}],
)
def test_wrong_weights(fields):
    with pytest.raises(ParameterError, match=r"weights|at least one"):
        Ensemble(**fields)


def test_k_is_checked():
    with pytest.raises(ParameterError, match="k must be"):
        three().predict(X, 0)


def test_members_are_chosen_on_the_command_line():
    settings = [("models", "parabel,plt"), ("weights", "2,1"), ("models.1.beam", "3")]
    model = configured(Ensemble(), settings)
    assert [type(m) for m in model.models] == [Parabel, Plt]
    assert model.weights == (2.0, 1.0)
    assert model.models[1].beam == 3
    for path, word in [("models.7.beam", "3"), ("models.1", "plt"), ("models", "parabel,nope")]:
        with pytest.raises(ParameterError):
            configured(Ensemble(), [(path, word)])


def test_a_vote_is_better_than_its_members():
    """Two weak models that err differently."""
    train, test = slice(0, 120), slice(120, 200)
    models = tuple(Parabel(n_trees=1, seed=s, beam=1) for s in range(4))
    model = Ensemble(models=models).fit(X[train], Y[train])
    alone = [m.score(X[test], Y[test]) for m in model.members_]
    assert model.score(X[test], Y[test]) >= np.mean(alone)
