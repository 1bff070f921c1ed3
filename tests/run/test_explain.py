"""Explanations add up: words and bias make the margin, steps make the score."""

import numpy as np
import pytest

from labeltree.core.errors import DataError
from labeltree.core.scores import top_k
from labeltree.grow import Given, Grown, TwoMeans
from labeltree.models.parabel import Parabel
from labeltree.models.pipeline import Pipeline
from labeltree.run.explain import explain, node_name
from labeltree.text.tfidf import Tfidf


@pytest.fixture(params=[Given(), Grown(TwoMeans(max_leaf=3))], ids=["given", "grown"])
def pipeline(request, checkerboard):
    model = Parabel(n_trees=1, tree=request.param)
    return Pipeline(Tfidf(min_df=1), model).fit(
        checkerboard.texts, checkerboard.Y, labels=checkerboard.labels
    )


def test_the_steps_multiply_to_the_score(pipeline, checkerboard):
    for text in checkerboard.texts[:8]:
        labels, scores = top_k(pipeline.predict([text], k=10), 10)
        for label, score in zip(labels[0], scores[0], strict=True):
            if label >= 0:
                found = explain(pipeline, text, pipeline.labels_.ids[label])
                assert found.score == pytest.approx(score, rel=1e-4)


def test_words_and_bias_make_the_margin(pipeline, checkerboard):
    for step in explain(pipeline, checkerboard.texts[3]).steps:
        if np.isfinite(step.bias):
            assert step.bias + sum(part for _, part in step.words) == pytest.approx(step.margin)
            assert step.words == sorted(step.words, key=lambda w: -w[1])


def test_the_word_that_decides_comes_first(pipeline, checkerboard):
    found = explain(pipeline, "square3 white board1")
    assert found.label in ("square3", "white")
    last = explain(pipeline, "square3 white board1", "square3").steps[-1]
    assert last.words[0][0] == "square3"
    assert last.name == "square3"


def test_an_unknown_word_contributes_nothing(pipeline):
    found = explain(pipeline, "zebra")
    assert all(not step.words for step in found.steps)


def test_a_grown_node_is_named_by_its_most_frequent_labels(checkerboard):
    model = Parabel(n_trees=1, tree=Grown(TwoMeans(max_leaf=3)))
    model.fit(checkerboard.X, checkerboard.Y, labels=checkerboard.labels)
    tree = model.trees_[0].tree
    assert node_name(tree, 1, model.labels_).startswith("5 labels: ")


def test_errors(pipeline, checkerboard):
    with pytest.raises(DataError, match="no label 'zebra'"):
        explain(pipeline, "x", "zebra")
    with pytest.raises(DataError, match="linear trees"):
        explain(pipeline.model_, "x")
