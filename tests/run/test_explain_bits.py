"""Explanations of shared bits add up: words make margins, buckets make the score."""

import json

import numpy as np
import pytest

from labeltree.core.errors import DataError
from labeltree.core.scores import top_k
from labeltree.models.bloom import Bloom
from labeltree.models.mach import Mach
from labeltree.models.pipeline import Pipeline
from labeltree.run.explain import explain, explain_best, n_features
from labeltree.text.tfidf import Tfidf

SMALL = {"n_buckets": 5, "n_hashes": 4}
MODELS = {
    "mach": Mach(**SMALL),
    "min": Mach(**SMALL, combine="min"),
    "median": Mach(**SMALL, combine="median"),
    "unbiased": Mach(**SMALL, combine="unbiased"),
    "count sketch": Mach(**SMALL, signed=True),
    "count sketch by median": Mach(**SMALL, signed=True, combine="median"),
    "bloom": Bloom(max_cluster=3, followed=4),
    "plain bloom": Bloom(code="hashed", n_parts=3),
}


@pytest.fixture(params=MODELS)
def pipeline(request, checkerboard):
    return Pipeline(Tfidf(min_df=1), MODELS[request.param]).fit(
        checkerboard.texts, checkerboard.Y, labels=checkerboard.labels
    )


def test_words_make_margins_and_buckets_the_score(pipeline, checkerboard):
    signed = getattr(pipeline.model_, "signed", False)
    for text in checkerboard.texts[:6]:
        labels, scores = top_k(pipeline.predict([text], 3), 3)
        for rank, found in enumerate(explain_best(pipeline, text, 3)):
            for one in found.buckets:
                margin = one.bias + sum(part for _, part in one.words)
                assert one.margin == pytest.approx(margin)
                value = margin if signed else 1 / (1 + np.exp(-margin))
                assert one.value == pytest.approx(value, abs=1e-4)
                assert found.name not in one.sharing
            values = [one.value for one in found.buckets]
            assert values == sorted(values, reverse=True)
            assert len(values) == pipeline.model_.code_.bits.shape[1]
            assert found.score == pytest.approx(by_hand(found.together, values))
            assert (found.label, found.rank) == (checkerboard.labels.ids[labels[0, rank]], rank + 1)
            assert found.answer == scores[0, rank]
            if 1e-3 < found.answer < 0.999:
                # Equal scores are told apart by the last digits of a float.
                assert found.score == pytest.approx(found.answer, abs=1e-4)


def by_hand(how, values):
    if how == "unbiased":
        return (np.mean(values) - 1 / 5) * 5 / 4
    return {"mean": np.mean, "min": np.min, "median": np.median}[how](values)


def test_the_words_of_all_buckets_are_added_up(pipeline, checkerboard):
    found = explain(pipeline, checkerboard.texts[3])
    total = {}
    for word, part in (w for one in found.buckets for w in one.words):
        total[word] = total.get(word, 0) + part
    assert dict(found.words) == pytest.approx(total)
    assert [part for _, part in found.words] == sorted(dict(found.words).values(), reverse=True)


def test_who_shares_a_bucket(checkerboard):
    model = Mach(n_buckets=2, n_hashes=3)
    model.fit(checkerboard.X, checkerboard.Y, labels=checkerboard.labels)
    found = explain(model, checkerboard.X[[3]], "square3")
    at = checkerboard.labels.column["square3"]
    expected = [
        {checkerboard.labels.ids[j] for j in np.flatnonzero(model.code_.bits[:, r] == bit)}
        for r, bit in enumerate(model.code_.bits[at])
    ]
    shared = [{*one.sharing, "square3"} for one in found.buckets]
    assert sorted(map(sorted, shared)) == sorted(map(sorted, expected))
    most = [one.sharing[0] for one in found.buckets if {"black", "white"} & set(one.sharing)]
    assert set(most) <= {"black", "white"}, "the most frequent first"


def test_a_label_that_is_not_ranked_is_explained_too(checkerboard):
    model = Bloom(max_cluster=2, hubs=0.0, followed=1)
    model.fit(checkerboard.X, checkerboard.Y, labels=checkerboard.labels)
    found = [explain(model, checkerboard.X[[3]], label) for label in checkerboard.labels.ids]
    absent = [e for e in found if e.rank is None]
    assert absent
    assert all(e.answer == 0 and e.buckets for e in absent)


def test_a_label_without_documents(checkerboard):
    Y = checkerboard.Y.tolil()
    Y[:, 4] = 0
    model = Mach(**SMALL).fit(checkerboard.X, Y.tocsr(), labels=checkerboard.labels)
    with pytest.raises(DataError, match="no training documents"):
        explain(model, checkerboard.X[[0]], checkerboard.labels.ids[4])


def test_json_and_features(pipeline, checkerboard):
    found = explain(pipeline, checkerboard.texts[0])
    read = json.loads(json.dumps(found.to_json()))
    assert len(read["buckets"]) == len(found.buckets)
    assert n_features(pipeline) == len(pipeline.vocabulary_.terms)
