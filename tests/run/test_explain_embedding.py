"""Explanations of label embeddings add up: words and the rest make the score."""

import json

import pytest

from labeltree.core.errors import DataError
from labeltree.core.scores import top_k
from labeltree.models.compressed_sensing import CompressedSensing
from labeltree.models.cplst import Cplst
from labeltree.models.leml import Leml
from labeltree.models.occa import Occa
from labeltree.models.pipeline import Pipeline
from labeltree.models.plst import Plst
from labeltree.run.explain import explain, explain_best, n_features
from labeltree.text.tfidf import Tfidf

MODELS = {
    "plst": Plst(dim=6), "cplst": Cplst(dim=6), "occa": Occa(dim=6), "leml": Leml(dim=6),
    "compressed_sensing": CompressedSensing(dim=40, sparsity=3),
}  # fmt: skip


@pytest.fixture(params=MODELS)
def pipeline(request, checkerboard):
    return Pipeline(Tfidf(min_df=1), MODELS[request.param]).fit(
        checkerboard.texts, checkerboard.Y, labels=checkerboard.labels
    )


def test_words_and_the_rest_make_the_score(pipeline, checkerboard):
    compared = 0
    for text in checkerboard.texts[:8]:
        labels, scores = top_k(pipeline.predict([text], 3), 3)
        for rank, found in enumerate(explain_best(pipeline, text, 3)):
            assert found.rest + sum(part for _, part in found.words) == pytest.approx(found.score)
            assert found.words == sorted(found.words, key=lambda w: (-w[1], w[0]))
            assert found.label == checkerboard.labels.ids[labels[0, rank]]
            assert found.rank == rank + 1
            assert found.answer == scores[0, rank]
            if 0.01 < found.answer < 0.999:
                assert found.score == pytest.approx(found.answer, abs=1e-4)
                compared += 1
    assert compared > 5


@pytest.mark.parametrize("model", [Plst(dim=8), Leml(dim=9), CompressedSensing(dim=60, sparsity=3)])
def test_the_word_that_decides_comes_first(model, checkerboard):
    model.fit(checkerboard.X, checkerboard.Y, labels=checkerboard.labels)
    words = sorted({w for t in checkerboard.texts for w in t.split()})
    found = explain(model, checkerboard.X[[3]], "square3")
    assert words[int(found.words[0][0])] == "square3"


def test_a_label_that_is_not_ranked(pipeline):
    found = [explain(pipeline, "square3 white", label) for label in pipeline.labels_.ids]
    assert all(e.words and (e.rank is None) == (e.answer == 0) for e in found)
    lowest = min(found, key=lambda e: e.score)
    assert lowest.score < 0.3
    assert "square3" in [word for word, _ in lowest.words]


def test_logistic_loss_is_explained_before_it_becomes_a_probability(checkerboard):
    from scipy.special import expit

    model = Leml(dim=6, loss="logistic").fit(checkerboard.X, checkerboard.Y)
    for found in explain_best(model, checkerboard.X[[5]], 3):
        assert expit(found.score) == pytest.approx(found.answer, abs=1e-4)


def test_labels_chosen_beside_are_named(checkerboard):
    model = CompressedSensing(dim=60, sparsity=2)
    model.fit(checkerboard.X, checkerboard.Y, labels=checkerboard.labels)
    found = explain(model, checkerboard.X[[3]], "square3")
    assert found.beside == ["white"]
    other = explain(model, checkerboard.X[[3]], "square0")
    assert sorted(other.beside) == ["square3", "white"]
    assert other.rank is None
    assert not explain(Plst().fit(checkerboard.X, checkerboard.Y), checkerboard.X[[3]]).beside


def test_a_label_without_documents(checkerboard):
    Y = checkerboard.Y.tolil()
    Y[:, 4] = 0
    model = Plst(dim=4).fit(checkerboard.X, Y.tocsr(), labels=checkerboard.labels)
    with pytest.raises(DataError, match="no training documents"):
        explain(model, checkerboard.X[[0]], checkerboard.labels.ids[4])


def test_json_and_features(pipeline, checkerboard):
    found = explain(pipeline, checkerboard.texts[0])
    read = json.loads(json.dumps(found.to_json()))
    assert [tuple(word) for word in read["words"]] == found.words
    assert n_features(pipeline) == len(pipeline.vocabulary_.terms)
