"""Explanations add up: words and bias make the margin, steps make the score."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from labeltree.core.arrays import as_csr
from labeltree.core.errors import DataError, NotFittedError
from labeltree.core.scores import top_k
from labeltree.core.tree import LabelTree
from labeltree.grow import Given, Grown, TwoMeans
from labeltree.grow.pifa import unit_rows
from labeltree.linear.solver import SOFTMAX, Logistic, SquaredHinge
from labeltree.models.bonsai import Bonsai
from labeltree.models.ensemble import Ensemble
from labeltree.models.local import Local
from labeltree.models.one_vs_rest import OneVsRest
from labeltree.models.parabel import Parabel
from labeltree.models.pipeline import Pipeline
from labeltree.models.plt import Plt
from labeltree.models.popular import Popular
from labeltree.models.xr_linear import XrLinear
from labeltree.run.explain import explain, explain_best
from labeltree.run.names import node_name
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
    with pytest.raises(DataError, match="X is texts"):
        explain(pipeline.model_, "x")
    with pytest.raises(DataError, match="one at a time|at a time, found 2"):
        explain(pipeline.model_, checkerboard.X[:2])


def test_a_model_without_trees_cannot_be_explained(checkerboard):
    model = Popular().fit(checkerboard.X, checkerboard.Y, labels=checkerboard.labels)
    with pytest.raises(DataError, match="This popular model cannot be explained"):
        explain(model, checkerboard.X[:1])
    with pytest.raises(NotFittedError):
        explain(Parabel(), checkerboard.X[:1])


def test_a_label_that_no_tree_holds(checkerboard):
    model = Parabel(n_trees=1, tree=Grown(TwoMeans(max_leaf=3)))
    model.fit(checkerboard.X, checkerboard.Y, labels=checkerboard.labels)
    tree = model.trees_[0].tree
    label = tree.label.copy()
    label[label == 3] = 2
    model.trees_[0] = replace(model.trees_[0], tree=LabelTree(tree.parent, label))
    with pytest.raises(DataError, match="No tree of the model holds the label 'square1'"):
        explain(model, checkerboard.X[:1], "square1")


@pytest.fixture(params=["squared hinge", "logistic"])
def solver(request):
    return {"squared hinge": SquaredHinge(threshold=0.01), "logistic": Logistic(threshold=0.01)}[
        request.param
    ]


def random_problem(seed, n=150, n_features=40, n_labels=30):
    rng = np.random.default_rng(seed)
    X = as_csr(random_array((n, n_features), density=0.2, rng=rng), "X")
    Y = csr_array((rng.random((n, n_labels)) < 0.1).astype(np.float32))
    return X, Y


def margins_of(linear, x, node):
    """Return a node's margin by plain sums over its weights."""
    features, weights = linear.weights.of_child(node, int(linear.tree.parent[node]))
    dense = x.toarray()[0]
    return float(linear.weights.bias[node]) + sum(
        dense[f] * w for f, w in zip(features, weights, strict=True)
    )


FORESTS = [Parabel(n_trees=2), Bonsai(n_trees=1), OneVsRest(), Plt(), XrLinear(beam=2)]


@pytest.mark.parametrize("model", FORESTS, ids=lambda m: type(m).__name__)
def test_the_votes_and_ranks_are_the_models(model, solver):
    X, Y = random_problem(1)
    model = type(model)(**model.get_params(deep=False) | {"solver": solver, "beam": 3})
    if isinstance(model, Parabel):
        model.tree = Grown(TwoMeans(max_leaf=4))
    model.fit(X, Y)
    for i in range(5):
        found = explain_best(model, X[[i]], k=4)
        labels, scores = top_k(model.predict(X[[i]], k=4), 4)
        assert [e.label for e in found] == [str(c) for c in labels[0]]
        assert [e.rank for e in found] == [1, 2, 3, 4]
        for e, score in zip(found, scores[0], strict=True):
            assert e.answer == pytest.approx(score)
            assert e.fell_out is None
            assert 0 <= e.tree < e.n_trees == model.n_trees


def test_a_softmax_among_siblings(checkerboard):
    Y = csr_array(checkerboard.Y.toarray()[:, 2:])
    model = Local(tree=Grown(TwoMeans(max_leaf=3))).fit(checkerboard.X, Y)
    assert (model.trees_[0].transform == SOFTMAX).any()
    for i in range(4):
        for e in explain_best(model, checkerboard.X[[i]], k=8):
            assert np.prod([s.score for s in e.steps]) == pytest.approx(e.answer, rel=1e-4)
            for step in e.steps:
                assert step.bias + sum(part for _, part in step.words) == pytest.approx(step.margin)
                if step.rival is not None:
                    ahead = step.rival.bias + sum(part for _, part in step.rival.words)
                    assert ahead == pytest.approx(step.margin - step.rival.margin, abs=1e-9)


def test_an_exact_search_loses_nothing():
    X, Y = random_problem(5)
    model = Plt(tree=Grown(TwoMeans(max_leaf=3)), beam=1).fit(X, Y)
    for label in range(Y.shape[1]):
        assert explain(model, X[[0]], str(label)).fell_out is None


def test_an_ensemble_is_explained_by_the_trees_of_its_members():
    X, Y = random_problem(6)
    model = Ensemble(models=(Parabel(n_trees=2), Popular(), Bonsai(n_trees=1))).fit(X, Y)
    found = explain_best(model, X[[3]], k=3)
    labels, scores = top_k(model.predict(X[[3]], k=3), 3)
    assert [e.label for e in found] == [str(c) for c in labels[0]]
    assert [e.answer for e in found] == pytest.approx(scores[0].tolist())
    assert all(e.n_trees == 3 for e in found)


def test_one_tree_answers_with_the_product_of_its_steps(solver):
    X, Y = random_problem(2)
    model = Parabel(n_trees=1, tree=Grown(TwoMeans(max_leaf=4)), solver=solver).fit(X, Y)
    for e in explain_best(model, X[[0]], k=5):
        assert np.prod([s.score for s in e.steps]) == pytest.approx(e.answer, rel=1e-4)


def test_the_rival_is_the_best_other_child_and_the_difference_is_exact(solver):
    X, Y = random_problem(3)
    model = Parabel(n_trees=1, tree=Grown(TwoMeans(max_leaf=4)), solver=solver).fit(X, Y)
    linear, x = model.trees_[0], unit_rows(X[[7]])
    checked = 0
    for label in range(Y.shape[1]):
        e = explain(model, X[[7]], str(label))
        path = linear.tree.path(int(np.flatnonzero(linear.tree.label == label)[0]))
        for node, step in zip(path, e.steps, strict=True):
            first, last = linear.tree.child_ptr[linear.tree.parent[node] :][:2]
            others = {v: margins_of(linear, x, v) for v in range(first, last) if v != node}
            best = max(others.values())  # the conditional score rises with the margin
            assert step.margin == pytest.approx(margins_of(linear, x, node), abs=1e-6)
            if not np.isfinite([step.margin, best]).all():
                continue
            assert min(step.rival.margin, 1) == pytest.approx(min(best, 1), abs=1e-5)
            ahead = step.rival.bias + sum(part for _, part in step.rival.words)
            assert ahead == pytest.approx(step.margin - step.rival.margin, abs=1e-9)
            sizes = [abs(part) for _, part in step.rival.words]
            assert sizes == sorted(sizes, reverse=True)
            checked += 1
    assert checked > 30


@pytest.mark.parametrize("beam", [1, 2, 3])
def test_where_a_label_fell_out_is_where_the_search_left_its_path(beam, solver):
    X, Y = random_problem(4)
    model = Parabel(n_trees=1, tree=Grown(TwoMeans(max_leaf=3)), solver=solver, beam=beam)
    model.fit(X, Y)
    wide = Parabel(**model.get_params(deep=False) | {"beam": 1000}).fit(X, Y)
    lost_ones = 0
    for i in range(3):
        found = set(model.predict(X[[i]], k=30).indices.tolist())
        for label in range(Y.shape[1]):
            e = explain(model, X[[i]], str(label))
            assert (e.fell_out is None) == (label in found) == (e.rank is not None)
            if e.fell_out is not None and e.fell_out.rank is not None:
                lost = e.fell_out
                lost_ones += 1
                assert lost.rank > lost.kept == min(beam, lost.rank)
                assert lost.score <= lost.last_score
                product = np.prod([s.score for s in e.steps[: lost.step + 1]])
                assert lost.score == pytest.approx(product)
                assert explain(wide, X[[i]], str(label)).fell_out is None
    assert lost_ones


def test_a_label_that_was_never_right_says_so(checkerboard):
    Y = checkerboard.Y.toarray()
    Y[:, 3] = 0
    model = Parabel(n_trees=1, tree=Given())
    model.fit(checkerboard.X, Y, labels=checkerboard.labels)
    e = explain(model, checkerboard.X[:1], "square1")
    assert e.fell_out is not None
    assert e.fell_out.rank is None
    assert e.rank is None
    assert e.steps[-1].bias == -np.inf
    json.loads(json.dumps(e.to_json(), allow_nan=False))


def test_json_holds_every_word(pipeline, checkerboard):
    e = explain(pipeline, checkerboard.texts[3])
    said = json.loads(json.dumps(e.to_json(), allow_nan=False))
    assert said["label"] == e.label
    assert [len(s["words"]) for s in said["steps"]] == [len(s.words) for s in e.steps]


def test_features_are_named_by_number(checkerboard):
    model = Parabel(n_trees=1).fit(checkerboard.X, checkerboard.Y, labels=checkerboard.labels)
    words = explain(model, checkerboard.X[:1]).steps[-1].words
    assert {w for w, _ in words} <= {str(c) for c in checkerboard.X[[0]].indices}
