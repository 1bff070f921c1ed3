import numpy as np
import pytest

from labeltree.core.scores import above
from labeltree.metrics import (
    attainable_precision,
    count,
    ndcg_at,
    precision_at,
    precision_contributions,
    recall_at,
    recall_by_bin,
)
from labeltree.metrics.counts import Counts


def test_columns_are_named_those_outside_too(findings):
    assert findings.ids[-1] == "ghost"
    assert len(findings.ids) == len(findings.names) == len(findings.n_train) == 7
    assert findings.n_train.tolist() == [300, 120, 40, 9, 2, 0, 0]


def test_labels_levels_and_bins(findings):
    counts = findings.counts
    # Decided: thing, kettle, lid | toaster, lid | nothing | thing, fault | nothing
    assert counts.decided.tolist() == [2, 1, 1, 0, 2, 1, 0]
    assert counts.true.tolist() == [2, 1, 1, 1, 1, 1, 1]
    assert counts.right.tolist() == [2, 0, 0, 0, 1, 0, 0]
    assert [g.name for g in findings.levels] == ["level 1", "level 2", "level 3"]
    assert [g.name for g in findings.positions] == ["leaf", "inner"]
    assert [(g.name, g.n_labels) for g in findings.bins] == [
        ("head", 2), ("torso", 1), ("tail", 2), ("zero-shot", 2)
    ]  # fmt: skip


def test_ranking_curves_are_the_metrics(findings, evaluation):
    Y, S, curves = evaluation.Y, evaluation.S, findings.ranking
    for ours, metric in (
        (curves.precision, precision_at), (curves.recall, recall_at), (curves.ndcg, ndcg_at)
    ):  # fmt: skip
        np.testing.assert_allclose(ours, metric(Y, S, 10), atol=1e-12)
    np.testing.assert_allclose(curves.attainable, attainable_precision(Y, 10), atol=1e-12)


def test_the_frequency_curve_is_recall_by_bin(findings, evaluation):
    curve = findings.frequency
    assert curve.names == ("0", "1-5", "6-25", "26-100", "> 100")
    bins = np.array([4, 4, 3, 2, 1, 0, 0])
    recall = recall_by_bin(evaluation.Y, evaluation.S, bins, 5, 5)[:, 4]
    np.testing.assert_allclose(curve.recall, recall)
    parts = precision_contributions(evaluation.Y, evaluation.S, bins, 5, 5)[:, 4]
    np.testing.assert_allclose(curve.share, parts / parts.sum())
    assert curve.n_true.tolist() == [2, 1, 1, 1, 3]
    assert curve.n_labels.tolist() == [2, 1, 1, 1, 2]


def test_the_threshold_curve_is_micro_quality_at_each_threshold(findings, evaluation):
    curve = findings.thresholds
    assert len(curve.threshold) == 200
    for i in (0, 19, 99, 150, 199):
        # The middle of two steps: a score equal to the threshold may round to either side.
        cut = curve.threshold[i]
        quality = count(evaluation.Y, above(evaluation.S, cut)).micro()
        near = (curve.precision[i], curve.recall[i], curve.f1[i])
        assert near == pytest.approx(tuple(quality), abs=1e-12), cut


def test_without_a_threshold_first_answers_are_the_decisions(flat):
    assert flat.report.threshold is None
    assert flat.levels == flat.positions == []
    # First answers: thing, toaster, fault, thing, thing.
    assert flat.counts.decided.tolist() == [3, 0, 1, 0, 0, 1, 0]
    assert flat.counts.right.tolist() == [2, 0, 0, 0, 0, 1, 0]
    assert {c.text for c in flat.confident} == {""}


def test_no_documents(empty):
    assert empty.confident == empty.overlooked == empty.confusions == []
    assert isinstance(empty.counts, Counts)
    assert empty.ranking.precision.tolist() == [0] * 10
    assert not empty.thresholds.f1.any()
