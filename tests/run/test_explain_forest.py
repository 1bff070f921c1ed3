"""Explanations of forests add up: votes make the share, words and bias make the margins."""

import json

import numpy as np
import pytest

from labeltree.core.arrays import as_csr, for_kernel
from labeltree.core.errors import DataError, NotFittedError
from labeltree.core.scores import top_k
from labeltree.grow.pifa import unit_rows
from labeltree.kernels.centroid_tree import hashed
from labeltree.kernels.sparse import Rows
from labeltree.models.craftml import Craftml
from labeltree.models.ensemble import Ensemble
from labeltree.models.fastxml import Fastxml
from labeltree.models.parabel import Parabel
from labeltree.models.pfastrexml import Pfastrexml
from labeltree.models.pipeline import Pipeline
from labeltree.run.explain import explain, explain_best, n_features
from labeltree.text.tfidf import Tfidf

MODELS = {"fastxml": Fastxml, "pfastrexml": Pfastrexml, "craftml": Craftml}


@pytest.fixture(params=MODELS)
def pipeline(request, checkerboard):
    model = MODELS[request.param](n_trees=7)
    return Pipeline(Tfidf(min_df=1), model).fit(
        checkerboard.texts, checkerboard.Y, labels=checkerboard.labels
    )


def test_words_and_bias_make_the_margin(pipeline, checkerboard):
    for text in checkerboard.texts[:6]:
        for found in explain_best(pipeline, text, 3):
            for split in (split for way in found.ways for split in way.splits):
                total = split.bias + sum(part for _, part in split.words)
                assert split.margin == pytest.approx(total)
                assert split.margin >= 0, "it went where it belongs"
                assert split.words == sorted(split.words, key=lambda w: (-w[1], w[0]))


def test_the_words_of_all_ways_are_added_up(pipeline, checkerboard):
    found = explain(pipeline, checkerboard.texts[3])
    total = {}
    for split in (split for way in found.ways for split in way.splits):
        for word, part in split.words:
            total[word] = total.get(word, 0) + part
    assert dict(found.words) == pytest.approx(total)
    assert [part for _, part in found.words] == sorted(total.values(), reverse=True)


def test_votes_make_the_share_and_the_leaf_shows_them(pipeline, checkerboard):
    for text in checkerboard.texts[:6]:
        for found in explain_best(pipeline, text, 3):
            votes = [way.share for way in found.ways]
            assert found.share == pytest.approx(sum(votes) / found.n_trees)
            assert votes == sorted(votes, reverse=True)
            assert all(dict(way.leaf)[found.name] == way.share for way in found.ways)


@pytest.mark.parametrize("name", ["fastxml", "craftml"])
def test_the_share_is_the_models_score(name, checkerboard):
    model = MODELS[name](n_trees=7)
    model.fit(checkerboard.X, checkerboard.Y, labels=checkerboard.labels)
    for i in range(6):
        labels, scores = top_k(model.predict(checkerboard.X[[i]], 3), 3)
        for rank, found in enumerate(explain_best(model, checkerboard.X[[i]], 3)):
            assert found.label == checkerboard.labels.ids[labels[0, rank]]
            assert found.rank == rank + 1
            assert found.answer == scores[0, rank] == pytest.approx(found.share, rel=1e-5)
            assert found.centre is None


def test_the_word_that_decides_comes_first(pipeline):
    found = explain(pipeline, "square3 white board1", "square3")
    assert "square3" in [word for word, _ in found.words[:2]]
    assert found.ways
    assert found.label == "square3"


def test_the_tail_classifier_is_explained_by_what_document_and_centre_share(checkerboard):
    model = Pfastrexml(n_trees=5)
    model.fit(checkerboard.X, checkerboard.Y, labels=checkerboard.labels)
    x = checkerboard.X[[3]]
    found = explain(model, x, "square3")
    own = unit_rows(as_csr(checkerboard.X, "X")).toarray()
    member = checkerboard.Y.toarray()[:, checkerboard.labels.column["square3"]] > 0
    distance = ((own[3] - own[member].mean(axis=0)) ** 2).sum()
    assert found.centre.distance == pytest.approx(distance, abs=1e-5)
    words = sum(part for _, part in found.centre.words)
    assert found.centre.length - words == pytest.approx(found.centre.distance, abs=1e-6)
    assert found.centre.score == pytest.approx(1 / (1 + np.exp(15 * distance)), rel=1e-3)
    score = (found.share / model.heaviest_) ** 0.8 * found.centre.score**0.2
    assert found.answer == pytest.approx(score, rel=1e-3)


def test_entries_of_a_hash_add_up_to_the_kernels(checkerboard):
    model = Craftml(n_trees=3, n_buckets=5).fit(checkerboard.X, checkerboard.Y)
    x = as_csr(checkerboard.X[[2]], "x")
    for tree, seed in enumerate(model.forest_.seeds):
        bucket, value = model.forest_.hashed(x, tree)
        rows = hashed(Rows(*for_kernel(x)), seed, np.zeros(5, np.float32))
        expected = np.bincount(rows.indices, rows.data, minlength=5)
        np.testing.assert_allclose(np.bincount(bucket, value, minlength=5), expected, atol=1e-6)


def test_a_label_that_no_leaf_holds(pipeline):
    found = [explain(pipeline, "square3 white", label) for label in pipeline.labels_.ids]
    absent = [e for e in found if e.rank is None]
    assert absent
    assert all(not e.ways and not e.words and e.share == e.answer == 0 for e in absent)


def test_an_unknown_word_contributes_nothing(pipeline):
    found = explain(pipeline, "zebra")
    assert not found.words


def test_errors(pipeline, checkerboard):
    with pytest.raises(DataError, match="no label 'zebra'"):
        explain(pipeline, "x", "zebra")
    with pytest.raises(DataError, match="found 2"):
        explain(pipeline.model_, np.ones((2, pipeline.model_.forest_.n_features)))
    with pytest.raises(NotFittedError):
        explain(Fastxml(), checkerboard.X[:1])


def test_forests_in_an_ensemble_say_what_can_be_explained(checkerboard):
    model = Ensemble(models=(Fastxml(n_trees=2), Craftml(n_trees=2)))
    model.fit(checkerboard.X, checkerboard.Y)
    with pytest.raises(DataError, match="This ensemble model cannot be explained"):
        explain(model, checkerboard.X[:1])


def test_how_many_features_a_row_has(checkerboard):
    forest = Fastxml(n_trees=2).fit(checkerboard.X, checkerboard.Y)
    trees = Parabel(n_trees=1).fit(checkerboard.X, checkerboard.Y)
    assert n_features(forest) == n_features(trees) == checkerboard.X.shape[1]


def test_json_holds_every_word(pipeline, checkerboard):
    found = explain(pipeline, checkerboard.texts[0])
    read = json.loads(json.dumps(found.to_json()))
    assert [tuple(word) for word in read["words"]] == found.words
    assert len(read["ways"]) == len(found.ways)
