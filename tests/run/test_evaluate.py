import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from labeltree.core.arrays import from_rows
from labeltree.core.dataset import Dataset, Inputs
from labeltree.core.errors import DataError, NotFittedError, ParameterError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.core.scores import best
from labeltree.metrics import (
    Decider,
    GlobalThreshold,
    fit_decider,
    inverse_propensity,
    macro_f1,
    micro_f1,
    ndcg_at,
    precision_at,
    psndcg_at,
    psp_at,
    recall_at,
)
from labeltree.run.evaluate import evaluate, evaluate_scores

TREE = Hierarchy.from_edges([("a", "b"), ("a", "c")], list("abc"))
LABELS = Labels(tuple("abc"), counts=np.array([8, 5, 3]), n_train=10, hierarchy=TREE)
# Truth is closed and has one label, z, that the model does not know.
WIDE = Labels(tuple("abcz"), hierarchy=TREE)
TRUTH = from_rows([[0, 1], [0, 2, 3], [0], []], 4)
SCORES = np.array([[0.9, 0.8, 0.1], [0.9, 0.3, 0.2], [0.9, 0.4, 0.1], [0.9, 0, 0]], np.float32)
FACTS = {
    "n_documents": 4,
    "n_without_labels": 1,
    "n_labels": 3,
    "n_outside": 1,
    "closed": True,
    "universe": "train and hierarchy",
}


@dataclass
class Echo:
    """A model whose features are its scores."""

    labels_: Any
    takes: str = "features"

    def __post_init__(self):
        self.asked = []

    def predict(self, X, k=5):
        features = X.features if isinstance(X, Inputs) else X
        if self.takes == "text":
            features = csr_array(np.array([json.loads(text) for text in X], np.float32))
        self.asked.append((features.shape[0], k))
        return best(features, k)


def data(**changes):
    return replace(Dataset(TRUTH, WIDE, X=csr_array(SCORES), n_universe=3), **changes)


def test_numbers_by_hand():
    report = evaluate(Echo(LABELS), data(), ks=(1, 2))
    assert report.metrics["P@1"] == pytest.approx(3 / 4)
    assert report.metrics["P@2"] == pytest.approx((2 + 1 + 1) / 8)
    assert report.metrics["R@2"] == pytest.approx((1 + 1 / 3 + 1) / 4)
    assert report.metrics["R-Precision"] == pytest.approx((1 + 2 / 3 + 1) / 3)
    assert report.metrics["micro-R-Precision"] == pytest.approx(5 / 6)
    assert report.metrics["attainable-P@2"] == pytest.approx((2 + 2 + 1) / 8)
    assert not any("F1" in name for name in report.metrics)
    assert {name: getattr(report, name) for name in FACTS} == FACTS
    assert (report.specific, report.threshold, report.threshold_rule) == (False, None, None)


def test_most_specific_numbers_by_hand():
    report = evaluate(Echo(LABELS), data(), specific=True, threshold=0.25, ks=(1,))
    # Truth {b}, {c, z}, {a}, {}; scores a 0.1 b 0.8 | a 0.6 b 0.3 c 0.2 | a 0.5 b 0.4 | a 0.9
    assert report.metrics["P@1"] == pytest.approx(2 / 4)
    assert report.metrics["R-Precision"] == pytest.approx((1 + 0 + 1) / 3)
    # Decisions {a, b}, {a, b}, {a, b}, {a} become {b}, {b}, {b}, {a}: one of four is right.
    assert report.metrics["micro-F1"] == pytest.approx(2 * 1 / (4 + 4))
    assert report.metrics["macro-F1"] == pytest.approx((2 / 4) / 4)
    assert report.metrics["sample-F1"] == pytest.approx(1 / 4)
    assert {name: getattr(report, name) for name in FACTS} == FACTS
    assert report.specific is True


@pytest.mark.parametrize(("lowest", "first"), [(8, "a"), (1, "b")])
def test_training_tells_how_often_an_inner_label_is_the_last(lowest, first):
    # a 0.75, b 0.4: a scores 0.75 * share * 0.6, that is 0.45 or 0.056.
    labels = replace(LABELS, counts_specific=np.array([lowest, 5, 3]))
    X = csr_array(np.array([[0.75, 0.4, 0]], np.float32))
    report = evaluate(Echo(labels), data(Y=from_rows([[1]], 4), X=X), specific=True, ks=(1,))
    assert report.metrics["P@1"] == float(first == "b")


def test_a_threshold_may_be_any_number():
    for threshold in (np.float32(0.5), np.float64(0.5), 0.5):
        report = evaluate(Echo(LABELS), data(), threshold=threshold)
        assert (report.threshold, report.metrics["micro-F1"]) == (0.5, pytest.approx(8 / 11))


def test_names_and_values_are_those_of_the_metrics():
    rng = np.random.default_rng(0)
    Y = csr_array((rng.random((60, 30)) < 0.1).astype(np.float32))
    S = csr_array(np.where(rng.random((60, 30)) < 0.5, rng.random((60, 30)), 0).astype(np.float32))
    labels = replace(Labels.numbered(30), counts=rng.integers(0, 50, 30), n_train=200)
    found = evaluate_scores(Y, S, labels, threshold=0.5, constants=(0.5, 0.4)).metrics
    q = inverse_propensity(labels.counts, 200, 0.5, 0.4)
    for name, vector in {
        "P": precision_at(Y, S, 5),
        "nDCG": ndcg_at(Y, S, 5),
        "R": recall_at(Y, S, 5),
        "PSP": psp_at(Y, S, q, 5),
        "PSnDCG": psndcg_at(Y, S, q, 5),
    }.items():
        assert [found[f"{name}@{k}"] for k in (1, 3, 5)] == pytest.approx(
            vector[[0, 2, 4]], abs=1e-14
        )
    decided = csr_array((S.toarray() >= 0.5).astype(np.float32))
    assert found["micro-F1"] == micro_f1(Y, decided)
    assert found["macro-F1"] == macro_f1(Y, decided)


def test_the_report_is_one_flat_json_object():
    values = evaluate(Echo(LABELS), data(), threshold=0.5).to_json()
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert not any(isinstance(value, (dict, list)) for value in values.values())
    assert values["P@1"] == pytest.approx(0.75)
    assert values["n_outside"] == 1
    assert (values["threshold"], values["threshold_rule"]) == (0.5, "given")
    assert (values["propensity_a"], values["propensity_b"]) == (0.55, 1.5)
    assert values["seconds"] > 0
    assert values["documents_per_second"] == pytest.approx(4 / values["seconds"])


def test_a_stored_threshold_is_used_unless_one_is_given():
    model = Echo(LABELS)
    model.decider_ = Decider(GlobalThreshold(0.85, "best micro-F1", "validation", 0.7))
    stored, given = evaluate(model, data()), evaluate(model, data(), threshold=0.5)
    assert (stored.threshold, stored.threshold_rule) == (0.85, "best micro-F1 on validation")
    assert stored.metrics["micro-F1"] == pytest.approx(2 * 3 / (4 + 6))
    assert (given.threshold, given.threshold_rule) == (0.5, "given")
    assert given.metrics["micro-F1"] == pytest.approx(2 * 4 / (5 + 6))


def test_documents_are_predicted_in_blocks(monkeypatch):
    whole = evaluate(Echo(LABELS), data()).metrics
    monkeypatch.setattr("labeltree.run.evaluate.BLOCK", 3)
    model = Echo(LABELS)
    assert evaluate(model, data()).metrics == whole
    assert [rows for rows, _ in model.asked] == [3, 1]


def test_asks_for_as_many_labels_as_a_document_has():
    n = 300
    labels = Labels.numbered(n)
    X = csr_array(np.full((2, n), 0.5, np.float32))
    for most, expected in ((2, 100), (150, 150)):
        model = Echo(labels)
        evaluate(model, Dataset(from_rows([list(range(most)), []], n), labels, X=X))
        assert model.asked == [(2, expected)]
    small = Echo(LABELS)
    evaluate(small, data())
    assert small.asked == [(4, 3)]  # there are only three labels


def test_gives_each_model_what_it_takes(monkeypatch):
    monkeypatch.setattr("labeltree.run.evaluate.BLOCK", 3)
    texts = [json.dumps(row) for row in SCORES.tolist()]
    expected = evaluate(Echo(LABELS), data()).metrics
    for takes in ("text", "both"):
        assert evaluate(Echo(LABELS, takes), data(texts=texts)).metrics == expected


def test_no_documents_score_zero():
    report = evaluate(Echo(LABELS), data().subset([]), specific=True, threshold=0.5)
    assert report.n_documents == 0
    assert set(report.metrics.values()) == {0.0}


def test_data_without_a_hierarchy():
    flat = replace(LABELS, hierarchy=None)
    dataset = data(labels=replace(WIDE, hierarchy=None))
    assert evaluate(Echo(flat), dataset).closed is None
    model = Echo(flat)
    with pytest.raises(DataError, match="taxonomy"):
        evaluate(model, dataset, specific=True)
    assert model.asked == []  # refused before the work
    with pytest.raises(DataError, match="taxonomy"):
        evaluate_scores(TRUTH, csr_array(SCORES), flat, specific=True)


def test_the_hierarchy_of_the_data_serves_a_model_fitted_without():
    flat = replace(LABELS, hierarchy=None)
    expected = evaluate(Echo(LABELS), data(), specific=True)
    found = evaluate(Echo(flat), data(), specific=True)
    assert found.metrics == expected.metrics
    assert found.closed is True


def test_other_columns_than_the_models_are_refused():
    swapped = data(labels=Labels(tuple("acbz")), n_universe=3)
    with pytest.raises(DataError, match="model's labels"):
        evaluate(Echo(LABELS), swapped)
    narrow = Dataset(TRUTH[:, :2], Labels(("a", "b")), X=csr_array(SCORES))
    with pytest.raises(DataError, match="model's labels"):
        evaluate(Echo(LABELS), narrow)
    with pytest.raises(DataError, match="2 columns but there are 3 labels"):
        evaluate_scores(TRUTH, csr_array(SCORES[:, :2]), LABELS)


def test_an_unfitted_model_is_refused():
    with pytest.raises(NotFittedError, match="fit first"):
        evaluate(Echo(None), data())


@pytest.mark.parametrize("ks", [(), (0, 1)])
def test_impossible_cut_offs_are_refused(ks):
    with pytest.raises(ParameterError, match="ks"):
        evaluate(Echo(LABELS), data(), ks=ks)


def test_errors_after_calibration_are_reported_beside_those_before():
    rng = np.random.default_rng(0)
    p = rng.random((3000, 4)) ** 3
    Y = csr_array((rng.random(p.shape) < p).astype(np.float32))
    S = csr_array((0.9 * np.sqrt(p) + 0.01).astype(np.float32))
    labels = replace(Labels.numbered(4), counts=np.full(4, 700), n_train=3000)
    decider = fit_decider(Y[:2000], S[:2000], labels, "validation")
    report = evaluate_scores(Y[2000:], S[2000:], labels, threshold=decider)
    assert report.metrics["ECE-calibrated"] < 0.03 < 0.1 < report.metrics["ECE"]
    assert report.metrics["ECE-calibrated@1"] < 0.06
    assert report.calibration == "Platt and isotonic"
    assert report.threshold == decider.rule.value
    assert report.threshold_rule == "best micro-F1, Platt and isotonic calibration on validation"
    plain = evaluate_scores(Y[2000:], S[2000:], labels, threshold=0.5)
    assert plain.calibration is None
    assert "ECE-calibrated" not in plain.metrics
