"""Texts in, labels out."""

import numpy as np
import pytest

import labeltree
from labeltree.core.errors import DataError
from labeltree.models.parabel import Parabel
from labeltree.models.pipeline import Pipeline
from labeltree.text.tfidf import Tfidf

TEXTS = ["red apple", "green apple", "red car", "green car"] * 3
Y = np.array([[1, 0], [1, 0], [0, 1], [0, 1]] * 3)


def fitted():
    return Pipeline(vectorizer=Tfidf(min_df=1), model=Parabel(n_trees=1)).fit(TEXTS, Y)


def test_equals_its_parts():
    features = Tfidf(min_df=1).fit_transform(TEXTS)
    alone = Parabel(n_trees=1).fit(features, Y).predict(features)
    assert (fitted().predict(TEXTS) != alone).nnz == 0


def test_fit_leaves_the_parameters_unfitted():
    pipeline = fitted()
    assert not hasattr(pipeline.model, "trees_")
    assert not hasattr(pipeline.vectorizer, "vocabulary_")


def test_nested_parameters_reach_the_parts():
    pipeline = Pipeline().set_params(model__tree__clusterer__max_leaf=7, vectorizer__ngrams=2)
    assert pipeline.model.tree.clusterer.max_leaf == 7
    assert pipeline.vectorizer.ngrams == 2


def test_one_text_is_not_a_list_of_letters():
    with pytest.raises(DataError, match=r"predict\(\[text\]\)"):
        fitted().predict("an apple")


def test_saves_with_its_vectoriser_and_inner_model(tmp_path):
    fitted().save(tmp_path / "m")
    again = labeltree.load(tmp_path / "m")
    assert isinstance(again.model_, Parabel)
    assert again.vectorizer.min_df == 1
    assert (again.predict(["an apple"]) != fitted().predict(["an apple"])).nnz == 0


def test_unicode_survives(tmp_path):
    texts = ["größe straße", "кошка 猫猫", "größe кошка", "straße 猫猫"]
    pipeline = Pipeline(vectorizer=Tfidf(min_df=1)).fit(texts, np.eye(4)[:, :2] + [[0, 0]])
    pipeline.save(tmp_path / "m")
    again = labeltree.load(tmp_path / "m")
    assert again.vocabulary_.terms == pipeline.vocabulary_.terms
    assert "straße" in again.vocabulary_.terms
