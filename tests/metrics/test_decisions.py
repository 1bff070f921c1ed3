import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.metrics import f1_score

from labeltree.core.arrays import from_rows
from labeltree.core.errors import DataError
from labeltree.core.scores import above
from labeltree.core.store import read_folder, write_folder
from labeltree.metrics import (
    GlobalThreshold,
    fit_global_threshold,
    macro_f1,
    micro_f1,
    sample_f1,
)

TRUTH = from_rows([[5], [3], [4]], 6)
DECIDED = from_rows([[3], [3, 4], [1]], 6)


def column(*values):
    return csr_array(np.array([values], np.float32).T)


def test_the_worked_example():
    assert micro_f1(TRUTH, DECIDED) == pytest.approx(0.285714, abs=5e-6)
    assert macro_f1(TRUTH, DECIDED) == pytest.approx(0.111111, abs=5e-6)
    leaves = [3, 4, 5]
    assert micro_f1(TRUTH[:, leaves], DECIDED[:, leaves]) == pytest.approx(0.333333, abs=5e-6)
    assert macro_f1(TRUTH[:, leaves], DECIDED[:, leaves]) == pytest.approx(0.222222, abs=5e-6)


@pytest.mark.parametrize(
    ("ours", "average"), [(micro_f1, "micro"), (macro_f1, "macro"), (sample_f1, "samples")]
)
def test_equals_scikit_learn(ours, average):
    rng = np.random.default_rng(0)
    truth, decided = rng.random((1000, 200)) < 0.02, rng.random((1000, 200)) < 0.02
    decided |= truth & (rng.random((1000, 200)) < 0.5)
    truth[:100], decided[50:150], truth[:, :9], decided[:, 4:12] = False, False, False, False
    expected = f1_score(truth, decided, average=average, zero_division=0)
    found = ours(csr_array(truth.astype(np.float32)), csr_array(decided.astype(np.float32)))
    assert found == pytest.approx(expected, abs=1e-12)


def test_labels_outside_the_universe_are_missed():
    Y, decided = from_rows([[0, 3]], 4), from_rows([[0]], 2)
    assert micro_f1(Y, decided) == pytest.approx(2 / 3)
    assert sample_f1(Y, decided) == pytest.approx(2 / 3)
    assert macro_f1(Y, decided) == pytest.approx(1 / 4)  # of four columns one is right


@pytest.mark.parametrize("shape", [(0, 3), (3, 3)])
def test_nothing_true_and_nothing_decided_is_zero(shape):
    nothing = csr_array(shape, dtype=np.float32)
    assert (
        micro_f1(nothing, nothing) == macro_f1(nothing, nothing) == sample_f1(nothing, nothing) == 0
    )


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


def test_refuses_what_cannot_be_compared():
    with pytest.raises(DataError, match="shape"):
        micro_f1(TRUTH, DECIDED[:2])
    with pytest.raises(DataError, match="NaN"):
        fit_global_threshold(column(1, 0), column(np.nan, 0.5), "validation")
