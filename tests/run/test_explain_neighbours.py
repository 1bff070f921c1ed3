"""Explanations by neighbours add up: the votes of those that carry a label are its score."""

import json

import numpy as np
import pytest

from labeltree.core.errors import DataError
from labeltree.core.scores import top_k
from labeltree.models.annexml import Annexml
from labeltree.models.pipeline import Pipeline
from labeltree.models.sleec import Sleec
from labeltree.run.explain import explain, explain_best, n_features
from labeltree.text.tfidf import Tfidf

SHARED = {"n_learners": 3, "dim": 8, "n_neighbours": 5, "part_size": 50}
MODELS = {
    "sleec": Sleec(**SHARED, graph_neighbours=20),
    "sleec by cosine": Sleec(**SHARED, graph_neighbours=20, near="cosine"),
    "annexml": Annexml(**SHARED, l1=0.5),
}


@pytest.fixture(params=MODELS)
def pipeline(request, checkerboard):
    return Pipeline(Tfidf(min_df=1), MODELS[request.param]).fit(
        checkerboard.texts, checkerboard.Y, labels=checkerboard.labels
    )


def test_votes_make_the_score(pipeline, checkerboard):
    for text in checkerboard.texts[:6]:
        labels, scores = top_k(pipeline.predict([text], 3), 3)
        for rank, found in enumerate(explain_best(pipeline, text, 3)):
            votes = [neighbour.vote for neighbour in found.neighbours]
            assert votes == sorted(votes, reverse=True)
            assert found.score == pytest.approx(sum(votes))
            assert (found.label, found.rank) == (checkerboard.labels.ids[labels[0, rank]], rank + 1)
            # Equal scores are told apart by the last digits of a float.
            assert found.answer == scores[0, rank] == pytest.approx(found.score, abs=1e-5)
            everyone = found.neighbours + found.others
            assert sum(neighbour.vote for neighbour in everyone) == pytest.approx(1, abs=1e-5)
            assert all(found.name in neighbour.labels for neighbour in found.neighbours)
            assert not any(found.name in neighbour.labels for neighbour in found.others)


def test_neighbours_are_training_documents(pipeline, checkerboard):
    found = explain(pipeline, checkerboard.texts[3], texts=checkerboard.texts)
    truth = checkerboard.Y.toarray()
    for neighbour in found.neighbours + found.others:
        assert neighbour.text == checkerboard.texts[neighbour.row]
        columns = np.flatnonzero(truth[neighbour.row])
        assert neighbour.labels == [checkerboard.labels.names[c] for c in columns]
    assert not found.lacks_texts


def test_how_near_they_are(pipeline, checkerboard):
    text = checkerboard.texts[3]
    found = explain(pipeline, text)
    model, row = pipeline.model_, pipeline.features([text])
    voters = model.neighbours(row, 15)
    near = dict(zip(voters.row[0].tolist(), voters.similarity[0].tolist(), strict=True))
    for neighbour in found.neighbours:
        if found.nearness == "cosine":
            assert neighbour.nearness == pytest.approx(near[neighbour.row])
        else:
            assert neighbour.nearness == pytest.approx(-2 * near[neighbour.row], abs=1e-6)
            assert neighbour.nearness >= 0
    assert found.nearness == ("cosine" if model.by_cosine() else "squared distance")


def test_a_label_that_no_neighbour_carries(pipeline):
    found = [explain(pipeline, "square3 white", label) for label in pipeline.labels_.ids]
    absent = [e for e in found if e.rank is None]
    assert absent
    assert all(not e.neighbours and e.others and e.score == e.answer == 0 for e in absent)


def test_other_texts_than_those_of_training_are_refused(pipeline, checkerboard):
    with pytest.raises(DataError, match="trained on 96 documents, found 3 texts"):
        explain(pipeline, "square3", texts=checkerboard.texts[:3])


def test_without_texts_rows_are_enough(pipeline, checkerboard):
    found = explain(pipeline, checkerboard.texts[0])
    assert all(neighbour.text is None for neighbour in found.neighbours)
    assert found.lacks_texts
    assert not explain(pipeline.model_, pipeline.features(checkerboard.texts[:1])).lacks_texts
    read = json.loads(json.dumps(found.to_json()))
    assert [n["row"] for n in read["neighbours"]] == [n.row for n in found.neighbours]
    assert n_features(pipeline) == len(pipeline.vocabulary_.terms)


def test_approximate_search_is_explained_as_it_answers(checkerboard):
    pytest.importorskip("usearch", reason="needs the extra `ann`")
    model = Sleec(**SHARED, graph_neighbours=20, search="approximate")
    model.fit(checkerboard.X, checkerboard.Y, labels=checkerboard.labels)
    for found in explain_best(model, checkerboard.X[[3]], 2):
        assert found.answer == pytest.approx(found.score, abs=1e-5)
