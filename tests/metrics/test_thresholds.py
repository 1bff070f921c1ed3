"""Thresholds against the worked examples, brute force, and what each rule promises."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.metrics import f1_score

from labeltree.core.arrays import from_rows
from labeltree.core.errors import DataError
from labeltree.core.labels import Labels
from labeltree.core.scores import above
from labeltree.core.store import read_folder, write_folder
from labeltree.metrics import GlobalThreshold, fit_global_threshold, macro_f1, micro_f1
from labeltree.metrics.scan import NOTHING
from labeltree.metrics.thresholds import (
    FBR,
    LabelThresholds,
    fit_fbr,
    fit_pcut,
    fit_per_label,
    fit_scut,
)

WORKED_Y = csr_array(np.array([[1, 1], [0, 1], [0, 0], [0, 0]], np.float32))
WORKED_S = csr_array(np.array([[0.9, 0.4], [0.8, 0.35], [0.3, 0.1], [0.2, 0.05]], np.float32))


def column(*values):
    return csr_array(np.array([values], np.float32).T)


def noisy(seed=0, n=400, n_labels=12, rate=0.15):
    """Truth and scores whose scale differs by label; a third of the pairs is not ranked."""
    rng = np.random.default_rng(seed)
    often = rate * rng.random(n_labels) * 2
    truth = rng.random((n, n_labels)) < often
    scale = 0.2 + 0.8 * rng.random(n_labels)
    scores = scale * (0.3 * rng.random(truth.shape) + 0.25 * truth + 0.2 * rng.random(truth.shape))
    scores = np.where(rng.random(truth.shape) < 0.67, scores + 1e-3, 0)
    return csr_array(truth.astype(np.float32)), csr_array(scores.astype(np.float32))


def test_threshold_of_the_worked_examples():
    found = fit_global_threshold(
        column(1, 1, 0, 1, 0, 0), column(0.9, 0.8, 0.7, 0.6, 0.4, 0.2), "validation"
    )
    assert found.value == pytest.approx(0.5)
    assert found.f1 == pytest.approx(0.857143, abs=5e-6)
    assert (found.rule, found.fitted_on) == ("best micro-F1", "validation")
    Y = csr_array(np.array([[1, 1], [0, 1], [0, 0], [0, 0]], np.float32))
    S = csr_array(np.array([[0.9, 0.4], [0.8, 0.35], [0.3, 0.1], [0.2, 0.05]], np.float32))
    assert fit_global_threshold(Y, S, "validation").f1 == pytest.approx(0.857143, abs=5e-6)


@pytest.mark.parametrize("decimals", [1, 2, 9])
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_threshold_equals_brute_force(seed, decimals, dtype):
    rng = np.random.default_rng(seed)
    truth = rng.random((40, 12)) < 0.15
    scores = np.where(rng.random(truth.shape) < 0.6, rng.random(truth.shape) + 0.3 * truth, 0)
    Y, S = (
        csr_array(truth.astype(np.float32)),
        csr_array(np.round(scores / 1.3, decimals).astype(dtype)),
    )
    found = fit_global_threshold(Y, S, "validation")
    tried = {
        cut: f1_score(truth, above(S, cut).toarray(), average="micro", zero_division=0)
        for cut in np.unique(S.data)
    }
    best = max(tried.values())
    assert found.f1 == pytest.approx(best, abs=1e-12)
    decided = above(S, found.value)
    assert micro_f1(Y, decided) == pytest.approx(best, abs=1e-12)
    # Of equal F1s the fewest decisions.
    assert decided.nnz == min(above(S, cut).nnz for cut in tried if tried[cut] > best - 1e-12)


def test_threshold_never_cuts_inside_a_tie():
    found = fit_global_threshold(column(1, 0, 0, 1), column(0.5, 0.5, 0.5, 0.2), "validation")
    kept = above(column(0.5, 0.5, 0.5, 0.2), found.value).nnz
    assert kept == 4
    assert found.f1 == pytest.approx(2 * 2 / 6)


@pytest.mark.parametrize("low", [0.5, 1e-30, 1e-44])
def test_threshold_between_adjacent_numbers_keeps_the_higher_only(low):
    low = np.float32(low)
    high = np.nextafter(low, np.float32(1))
    for above_it in (high, np.nextafter(high, np.float32(1))):
        S = column(above_it, low)
        found = fit_global_threshold(column(1, 0), S, "validation")
        assert low < np.float32(found.value) <= above_it
        assert above(S, found.value).nnz == 1


def test_threshold_where_all_are_right_keeps_all():
    S = column(0.9, 1e-30)
    found = fit_global_threshold(column(1, 1), S, "validation")
    assert above(S, found.value).nnz == 2
    assert found.f1 == 1


@pytest.mark.parametrize(
    ("truth", "scores"), [((0, 0), (0.9, 1.0)), ((1, 0), (0.0, 0.7)), ((1, 1), (0, 0))]
)
def test_without_a_right_score_nothing_is_decided(truth, scores):
    found = fit_global_threshold(column(*truth), column(*scores), "validation")
    assert found.value > 1
    assert found.f1 == 0
    assert above(column(*scores), found.value).nnz == 0


def test_labels_outside_the_universe_lower_the_f1_reached():
    Y = from_rows([[0, 2, 3], []], 4)
    S = csr_array(np.array([[0.8, 0], [0.3, 0]], np.float32))
    assert fit_global_threshold(Y, S, "validation").f1 == pytest.approx(2 / 4)


def test_a_threshold_is_kept_in_a_model_folder(tmp_path):
    threshold = GlobalThreshold(0.25, "best micro-F1", "10 % of train", 0.75)
    write_folder(tmp_path / "model", {}, {"threshold": threshold})
    assert read_folder(tmp_path / "model")[1]["threshold"] == threshold


def test_scut_of_the_worked_examples():
    found = fit_scut(column(1, 1, 0, 1, 0, 0), column(0.9, 0.8, 0.7, 0.6, 0.4, 0.2), "validation")
    assert found.values.tolist() == pytest.approx([0.5])
    two = fit_scut(WORKED_Y, WORKED_S, "validation")
    assert micro_f1(WORKED_Y, two.decide(WORKED_S)) == macro_f1(WORKED_Y, two.decide(WORKED_S)) == 1


@pytest.mark.parametrize("seed", range(5))
def test_scut_equals_brute_force(seed):
    Y, S = noisy(seed, n=60)
    S.data = np.round(S.data, 1 + seed % 2)  # ties
    values = fit_scut(Y, S, "validation").values
    truth, scores = Y.toarray() > 0, S.toarray()
    for label in range(S.shape[1]):
        tried = {
            cut: f1_score(truth[:, label], scores[:, label] >= cut, zero_division=0)
            for cut in np.unique(S.data[S.data > 0])
        }
        decided = scores[:, label] >= np.float32(values[label])
        best = max(tried.values())
        assert f1_score(truth[:, label], decided, zero_division=0) == pytest.approx(best)
        fewest = min((scores[:, label] >= cut).sum() for cut in tried if tried[cut] > best - 1e-12)
        assert decided.sum() == (fewest if best > 0 else 0)


@pytest.mark.parametrize("seed", range(4))
def test_scut_is_at_least_as_good_as_any_single_threshold_on_its_own_data(seed):
    Y, S = noisy(seed)
    reached = macro_f1(Y, fit_scut(Y, S, "validation").decide(S))
    assert all(reached >= macro_f1(Y, above(S, cut)) for cut in np.linspace(0.01, 0.9, 40))


def test_a_calibrated_score_needs_a_threshold_of_half_the_best_f1():
    rng = np.random.default_rng(0)
    p = rng.random((200_000, 1)).astype(np.float32)
    Y = csr_array((rng.random(p.shape) < p).astype(np.float32))
    (theta,) = fit_scut(Y, csr_array(p), "validation").values
    f1 = macro_f1(Y, above(csr_array(p), theta))
    assert theta == pytest.approx(f1 / 2, abs=0.02)


def test_fbr_raises_thresholds_it_distrusts():
    Y, S = noisy(1)
    Y = csr_array(Y.toarray() * (np.arange(12) > 3))  # four labels without positives
    cut = fit_scut(Y, S, "validation").values
    for highest in (True, False):
        found = fit_fbr(Y, S, "validation", highest=highest)
        raised = found.values != cut
        assert (found.values >= cut)[~(cut == NOTHING)].all()
        top = S.toarray().max(axis=0)
        expected = top[raised] if highest else NOTHING
        assert found.values[raised] == pytest.approx(expected)
        assert float(found.rule.split()[-1]) in FBR
    assert (fit_fbr(Y, S, "validation", highest=False).decide(S)[:, :4]).nnz == 0


def test_a_threshold_a_label_loses_no_micro_f1_and_gains_macro_f1_on_new_documents():
    micro, macro = [], []
    for seed in range(5):
        Y, S = noisy(seed, n=3000)
        one = fit_global_threshold(Y[:1500], S[:1500], "validation").decide(S[1500:])
        each = fit_per_label(Y[:1500], S[:1500], "validation").decide(S[1500:])
        micro.append(micro_f1(Y[1500:], each) - micro_f1(Y[1500:], one))
        macro.append(macro_f1(Y[1500:], each) - macro_f1(Y[1500:], one))
    assert min(micro) > 0
    assert min(macro) > 0.05


def test_labels_never_seen_true_keep_the_global_threshold():
    Y, S = noisy(3)
    Y = csr_array(Y.toarray() * (np.arange(12) != 5))
    found = fit_per_label(Y, S, "validation")
    cut = fit_global_threshold(Y, S, "validation").value
    assert found.values[5] == pytest.approx(cut)
    assert len(np.unique(found.values)) > 6


def test_where_labels_are_alike_the_thresholds_stay_at_the_global_one():
    rng = np.random.default_rng(0)
    truth = rng.random((300, 200)) < 0.01
    S = csr_array((0.4 * rng.random(truth.shape) + 0.3 * truth).astype(np.float32))
    Y = csr_array(truth.astype(np.float32))
    found = fit_per_label(Y, S, "validation").values
    cut = fit_global_threshold(Y, S, "validation").value
    assert np.abs(found - cut).max() < 0.05
    assert np.abs(fit_scut(Y, S, "validation").values - cut).max() > 0.1  # unlike SCut


def test_the_same_seed_gives_the_same_thresholds():
    Y, S = noisy(4)
    a, b = fit_per_label(Y, S, "v", seed=1), fit_per_label(Y, S, "v", seed=1)
    assert (a.values == b.values).all()
    assert a.rule == b.rule


def test_pcut_decides_as_often_as_in_training():
    Y, S = noisy(5, n=2000)
    S = csr_array(np.maximum(S.toarray(), 1e-4).astype(np.float32))
    labels = replace(
        Labels.numbered(12),
        counts=np.bincount(Y.indices, minlength=12).astype(np.int64),
        n_train=2000,
    )
    found = fit_pcut(Y, S, "validation", labels=labels)
    x = float(found.rule.split()[-1])
    decided = np.bincount(found.decide(S).indices, minlength=12)
    assert np.abs(decided - np.rint(x * labels.counts)).max() <= 1
    rare = replace(labels, counts=np.zeros(12, np.int64))
    assert fit_pcut(Y, S, "validation", labels=rare).decide(S).nnz == 0


@pytest.mark.parametrize("fit", [fit_global_threshold, fit_scut, fit_fbr, fit_per_label])
@pytest.mark.parametrize(
    ("Y", "S"),
    [
        (csr_array((0, 3), dtype=np.float32), csr_array((0, 3), dtype=np.float32)),
        (csr_array((9, 3), dtype=np.float32), csr_array(np.full((9, 3), 0.5, np.float32))),
        (from_rows([[0]] * 9, 3), csr_array((9, 3), dtype=np.float32)),
        (from_rows([[0]] * 2, 1), csr_array(np.full((2, 1), 0.5, np.float32))),
        (from_rows([[3]] * 9, 4), csr_array(np.full((9, 3), 0.5, np.float32))),
    ],
)
def test_little_or_nothing_to_learn_from(fit, Y, S):
    decided = fit(Y, S, "validation").decide(S)
    assert decided.shape == S.shape
    assert decided.nnz == (2 if S.shape == (2, 1) else 0)


@pytest.mark.parametrize("fit", [fit_global_threshold, fit_scut, fit_fbr, fit_per_label])
def test_nan_and_wrong_shapes_are_refused(fit):
    with pytest.raises(DataError, match="NaN"):
        fit(column(1, 0), column(np.nan, 0.5), "validation")
    with pytest.raises(DataError, match="shape"):
        fit(column(1, 0), column(0.1, 0.5, 0.7), "validation")


def test_thresholds_a_label_are_kept_in_a_model_folder(tmp_path):
    found = LabelThresholds(np.array([0.1, NOTHING]), "SCut", "validation")
    write_folder(tmp_path / "model", {}, {"rule": found})
    again = read_folder(tmp_path / "model")[1]["rule"]
    assert again.values.tolist() == [0.1, NOTHING]
    assert (again.rule, again.fitted_on) == ("SCut", "validation")
    assert str(again) == "a threshold a label (SCut)"
