"""A search finds the better setting, stays within its budget, goes on, and never sees test."""

import json
import sys

import numpy as np
import pytest

from labeltree.core.errors import DataError, MissingExtraError, ParameterError
from labeltree.core.params import Params
from labeltree.models.parabel import Parabel
from labeltree.models.pipeline import Pipeline
from labeltree.models.popular import Popular
from labeltree.readers import Splits, repair_cafe
from labeltree.run.evaluate import evaluate
from labeltree.run.features import KEPT, FeatureCache
from labeltree.run.search import Budget, Plan, Trial, best_of, search
from labeltree.run.space import Dimension
from labeltree.text.tfidf import Tfidf


def build(settings):
    model = Pipeline(Tfidf(ngrams=int(settings.get("tfidf.ngrams", 1))), Parabel(n_trees=1))
    model.model.solver.C = float(settings.get("solver.C", 1.0))
    model.check()
    return model


def plan(*space, **changes):
    dimensions = [Dimension.parse(text) for text in space or ("solver.C=0.01..10:log",)]
    given = {
        "build": build, "space": dimensions, "metric": "nDCG@5", "budget": Budget(trials=4),
        "start": {"solver.C": "1.0"}, "about": {"model": "parabel"}, "seed": 3,
    }  # fmt: skip
    return Plan(**given | changes)


@pytest.fixture(scope="module")
def corpus():
    return repair_cafe()


def test_values_are_what_evaluate_says_on_validation(corpus, tmp_path):
    for trial in search(corpus, plan(budget=Budget(trials=2)), tmp_path):
        model = build(trial.settings)
        model.fit(corpus.train.texts, corpus.train.Y, labels=corpus.labels)
        assert trial.value == pytest.approx(evaluate(model, corpus.val).metrics["nDCG@5"])
        assert trial.seconds > 0


def test_the_first_trial_is_the_default_and_the_best_is_no_worse(corpus, tmp_path):
    trials = search(corpus, plan(budget=Budget(trials=6)), tmp_path)
    assert trials[0].settings == {"solver.C": "1"}
    assert [t.number for t in trials] == list(range(6))
    best = best_of(trials)
    assert best.value == max(t.value for t in trials)
    written = [json.loads(s) for s in (tmp_path / "trials.jsonl").read_text().splitlines()]
    assert [Trial(**line) for line in written] == trials


def test_a_search_that_was_stopped_goes_on_as_if_it_had_not(corpus, tmp_path):
    whole = search(corpus, plan(budget=Budget(trials=13)), tmp_path / "whole")
    told = []

    def stop(trial, trials):
        told.append(trial.number)
        if len(trials) == 11:
            raise KeyboardInterrupt

    long = plan(budget=Budget(trials=13))
    with pytest.raises(KeyboardInterrupt):
        search(corpus, long, tmp_path / "cut", stop)
    rest = search(corpus, long, tmp_path / "cut", stop)
    assert told == list(range(13))
    assert [(t.settings, t.value) for t in rest] == [(t.settings, t.value) for t in whole]
    assert search(corpus, long, tmp_path / "cut", stop) == rest


def test_a_trial_killed_in_the_middle_is_done_again(corpus, tmp_path):
    whole = search(corpus, plan(), tmp_path / "whole")
    calls = []

    def killed(settings):
        calls.append(settings)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return build(settings)

    with pytest.raises(KeyboardInterrupt):
        search(corpus, plan(build=killed), tmp_path / "cut")
    rest = search(corpus, plan(), tmp_path / "cut")
    assert [(t.settings, t.value) for t in rest] == [(t.settings, t.value) for t in whole]


def test_another_search_in_the_same_folder_is_refused(corpus, tmp_path):
    search(corpus, plan(budget=Budget(trials=1)), tmp_path)
    for other in (plan(metric="P@1"), plan("solver.C=1..2"), plan(about={"model": "bonsai"})):
        with pytest.raises(DataError, match="holds a search with another"):
            search(corpus, other, tmp_path)


def test_the_test_part_is_not_looked_at(corpus, tmp_path):
    class Untouchable:
        def __getattr__(self, name):
            raise AssertionError("the test part was looked at")

    splits = Splits(corpus.train, corpus.val, Untouchable(), corpus.labels, corpus.report)
    assert len(search(splits, plan(), tmp_path)) == 4


def test_without_validation_a_tenth_of_train_stands_in(corpus, tmp_path):
    splits = Splits(corpus.train, None, None, corpus.labels, corpus.report)
    first, *_ = search(splits, plan(budget=Budget(trials=1)), tmp_path)
    train, val = corpus.train.split(0.1, 3)
    model = build(first.settings).fit(train.texts, train.Y, labels=corpus.labels)
    assert first.value == pytest.approx(evaluate(model, val).metrics["nDCG@5"])
    few = Splits(corpus.train.subset(range(5)), None, None, corpus.labels, corpus.report)
    with pytest.raises(DataError, match="too few"):
        search(few, plan(), tmp_path / "few")


def test_f1_is_measured_under_the_best_threshold(corpus, tmp_path):
    (trial,) = search(corpus, plan(metric="micro-F1", budget=Budget(trials=1)), tmp_path)
    model = build({"solver.C": "1"}).fit(corpus.train.texts, corpus.train.Y, labels=corpus.labels)
    tried = [evaluate(model, corpus.val, threshold=t / 100).metrics["micro-F1"]
             for t in range(1, 90)]  # fmt: skip
    assert trial.value >= max(tried) - 1e-9
    assert trial.value == pytest.approx(max(tried), abs=0.02)


def test_a_setting_that_fails_is_told_and_passed_over(corpus, tmp_path):
    def sometimes(settings):
        model = build({})
        model.vectorizer.min_df = int(settings["tfidf.min-df"])
        return model

    space = plan("tfidf.min-df=1,10000", build=sometimes, start={}, budget=Budget(trials=6))
    trials = search(corpus, space, tmp_path)
    failed = [t for t in trials if t.value is None]
    assert failed
    assert all("No term occurs" in t.error for t in failed)
    assert best_of(trials).settings == {"tfidf.min-df": "1"}
    with pytest.raises(DataError, match="trials failed, the first so: No term"):
        best_of(failed)


def test_metrics_of_the_taxonomy_are_goals_too(corpus, tmp_path):
    (trial,) = search(corpus, plan(metric="hierarchical-F1", budget=Budget(trials=1)), tmp_path)
    assert 0.3 < trial.value < 1


@pytest.mark.parametrize(
    "metric",
    ["nDCG", "nDCG@0", "F1", "accuracy", "P@x", "documents", "ECE", "violations", "attainable-P@1"],
)
def test_unknown_metrics_list_the_known_ones(metric, corpus, tmp_path):
    with pytest.raises(ParameterError, match=r"metric: one of P@1, .*micro-F1.* wanted"):
        search(corpus, plan(metric=metric), tmp_path)


def test_a_wrong_field_is_an_error_before_any_trial(corpus, tmp_path):
    def strict(settings):
        raise ParameterError("no field 'oak'")

    with pytest.raises(ParameterError, match="oak"):
        search(corpus, plan(build=strict), tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_optuna_is_an_extra(corpus, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'labeltree\[search\]'"):
        search(corpus, plan(), tmp_path)


@pytest.mark.parametrize(
    ("word", "budget"),
    [("30", Budget(trials=30)), ("90s", Budget(seconds=90)), ("1.5m", Budget(seconds=90)),
     ("2h", Budget(seconds=7200))],
)  # fmt: skip
def test_budgets(word, budget):
    assert Budget.parse(word) == budget


@pytest.mark.parametrize("word", ["", "0", "-3", "m", "10x", "1.5", "0s", "nanm"])
def test_what_is_no_budget(word):
    with pytest.raises(ParameterError, match="budget"):
        Budget.parse(word)


def test_time_is_counted_over_restarts(corpus, tmp_path):
    search(corpus, plan(budget=Budget(trials=3)), tmp_path)
    spent = sum(t.seconds for t in search(corpus, plan(budget=Budget(trials=3)), tmp_path))
    assert len(search(corpus, plan(budget=Budget(seconds=spent)), tmp_path)) == 3
    assert len(search(corpus, plan(budget=Budget(seconds=spent + 1e-3)), tmp_path)) == 4


# ---- features ------------------------------------------------------------------------------------


def test_texts_are_counted_once_for_each_setting_of_the_vectoriser(corpus, tmp_path, monkeypatch):
    counted = []
    plain = Tfidf.fit_transform

    def fit_transform(self, texts, Y=None):
        counted.append(self.ngrams)
        return plain(self, texts, Y)

    monkeypatch.setattr(Tfidf, "fit_transform", fit_transform)
    space = plan("solver.C=0.1..10:log", "tfidf.ngrams=1,2", budget=Budget(trials=8))
    search(corpus, space, tmp_path)
    assert sorted(counted) == [1, 2]


def test_cached_features_are_the_pipelines_own(corpus):
    cache = FeatureCache(corpus.train, corpus.val)
    pipeline = build({"tfidf.ngrams": "2"})
    inner, train, val = cache.prepared(pipeline)
    assert inner is pipeline.model
    fitted = pipeline.fit(corpus.train.texts, corpus.train.Y, labels=corpus.labels)
    np.testing.assert_array_equal(val.X.toarray(), fitted.features(corpus.val.texts).toarray())
    assert train.X.shape == (330, val.X.shape[1])
    again = cache.prepared(build({"tfidf.ngrams": "2"}))
    assert np.shares_memory(again[1].X.data, train.X.data)


def test_few_matrices_are_held(corpus):
    cache = FeatureCache(corpus.train, corpus.val)
    first = cache.prepared(Pipeline(Tfidf(min_df=1), Parabel()))[1].X
    for min_df in range(2, 7):
        cache.prepared(Pipeline(Tfidf(min_df=min_df), Parabel()))
    again = cache.prepared(Pipeline(Tfidf(min_df=1), Parabel()))[1].X
    assert not np.shares_memory(again.data, first.data)
    assert len(cache._kept) == KEPT


def test_a_model_without_a_vectoriser_passes_through(corpus):
    cache = FeatureCache(corpus.train, corpus.val)
    model = Popular()
    assert cache.prepared(model) == (model, corpus.train, corpus.val)
    assert isinstance(model, Params)
