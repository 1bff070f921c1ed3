"""Calibration against scores whose truth is drawn from a known curve."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from labeltree.core.arrays import from_rows
from labeltree.core.errors import DataError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.core.scores import ranked
from labeltree.core.store import read_folder, write_folder
from labeltree.metrics.calibration import (
    HIGHEST,
    LOWEST,
    Isotonic,
    fit_isotonic,
    fit_platt,
    fit_platt_isotonic,
    levels,
    log_odds,
)

FITS = (fit_platt, fit_isotonic, fit_platt_isotonic)
TREE = Hierarchy.from_edges([("a", "b"), ("a", "c"), ("a", "d")], list("abcd"))
LABELS = Labels(tuple("abcd"), counts=np.array([900, 300, 40, 5]), n_train=1000, hierarchy=TREE)


def drawn(slope, intercept, n=20_000, seed=0):
    """Scores of every pair; a pair is true with the probability of its label's sigmoid."""
    rng = np.random.default_rng(seed)
    x = rng.normal(-1, 2, (n, len(slope)))
    p = expit(np.asarray(slope) * x + np.asarray(intercept))
    truth = (rng.random(x.shape) < p).astype(np.float32)
    return csr_array(truth), csr_array(expit(x).astype(np.float32)), p


def error(S, p):
    return np.abs(S.toarray() - p).mean()


@pytest.mark.parametrize("fit", FITS)
def test_finds_the_curve_of_each_level(fit):
    # Level 1 is steep, level 2 flat and pessimistic.
    Y, S, p = drawn([2, 0.5, 0.5, 0.5], [1, -1, -1, -1])
    found = fit(Y, S, LABELS, "validation").calibrate(S)
    assert error(found, p) < 0.015
    assert error(S, p) > 0.1
    assert found.dtype == np.float32


def test_platt_follows_the_training_counts_of_labels():
    count = np.log1p(LABELS.counts)
    slope, intercept = 0.5 + 0.2 * count, 1 - 0.4 * count
    Y, S, p = drawn(slope, intercept)
    found = fit_platt(Y, S, LABELS, "validation")
    assert found.slope == pytest.approx(slope, rel=0.1)
    assert error(found.calibrate(S), p) < 0.01


def test_platt_equals_a_logistic_regression_without_level_and_count():
    flat = Labels.numbered(3)
    Y, S, _ = drawn([1.5, 1.5, 1.5], [-1, -1, -1])
    found = fit_platt(Y, S, flat, "validation")
    x = np.clip(log_odds(S.data), LOWEST, HIGHEST)[:, None]
    plain = LogisticRegression(C=np.inf, tol=1e-8).fit(x, Y.toarray().ravel())
    assert found.slope == pytest.approx(np.full(3, plain.coef_[0, 0]), rel=2e-3)
    assert found.intercept == pytest.approx(np.full(3, plain.intercept_[0]), rel=2e-3)


def test_isotonic_passes_through_the_pools_of_scikit_learn():
    Y, S, _ = drawn([1.0], [0.0], n=300)
    found = fit_isotonic(Y, S, Labels.numbered(1), "validation")
    x, y = log_odds(S.data), Y.toarray().ravel()
    pools = IsotonicRegression().fit(x, y).predict(x)
    assert sorted(set(found.y.round(9))) == sorted(set(pools.round(9)))
    for knot, value in zip(found.x, found.y, strict=True):
        assert knot == pytest.approx(x[np.abs(pools - value) < 1e-9].mean())


@pytest.mark.parametrize("fit", FITS)
def test_documents_of_a_label_keep_their_order(fit):
    Y, S, _ = drawn([1, 1, 1, 1], [0, 0, 0, 0], n=500)
    made = fit(Y, S, LABELS, "validation").calibrate(S).toarray()
    raw = S.toarray()
    for label in range(4):
        order = np.argsort(raw[:, label])
        assert (np.diff(made[order, label]) >= -1e-6).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(FITS))
def test_calibrated_scores_keep_the_contract(seed, fit):
    rng = np.random.default_rng(seed)
    dense = np.where(rng.random((30, 4)) < 0.6, 10.0 ** -rng.integers(0, 30, (30, 4)), 0)
    dense[0, 0] = 0.5
    S = csr_array(dense.astype(np.float32))
    Y = csr_array((rng.random((30, 4)) < 0.3).astype(np.float32))
    made = fit(Y, S, LABELS, "validation").calibrate(S)
    assert (made.indices == S.indices).all()
    assert (made.indptr == S.indptr).all()
    assert made.data.min() > 0
    assert made.data.max() <= 1
    entry, ptr = ranked(made)
    for start, stop in zip(ptr, ptr[1:], strict=False):
        assert (np.diff(made.data[entry[start:stop]]) < 0).all()


def test_a_level_with_few_true_pairs_shares_the_curve_of_all():
    Y, S, _ = drawn([1, 1, 1, 1], [0, -9, -9, -9], n=12_000)
    found = fit_isotonic(Y, S, LABELS, "validation")
    assert found.curve.tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize("truth", [[[0]] * 3, [[]] * 3])
def test_all_true_or_all_false_stays_finite(truth):
    S = csr_array(np.array([[0.9], [0.5], [0.1]], np.float32))
    found = fit_platt(from_rows(truth, 1), S, Labels.numbered(1), "validation")
    assert np.isfinite([found.slope, found.intercept]).all()
    made = found.calibrate(S).toarray().ravel()
    assert (np.diff(made) < 0).all()
    assert (made > 0.5).all() == bool(truth[0])


def test_both_mends_the_shape_that_a_sigmoid_cannot_follow():
    rng = np.random.default_rng(0)
    x = rng.normal(-1, 2, (40_000, 1))
    p = np.where(x > 0, 0.8, 0.1) + 0.05 * np.tanh(x)  # a step
    Y, S = csr_array((rng.random(x.shape) < p).astype(np.float32)), csr_array(expit(x), dtype="f")
    far, near = (fit(Y, S, Labels.numbered(1), "v").calibrate(S) for fit in FITS[::2])
    assert error(near, p) < 0.015 < 0.05 < error(far, p)


def test_nothing_ranked():
    S, Y = csr_array((3, 1), dtype=np.float32), from_rows([[0]] * 3, 1)
    platt = fit_platt(Y, S, Labels.numbered(1), "validation")
    assert (platt.slope.tolist(), platt.intercept.tolist()) == ([1], [0])
    with pytest.raises(DataError, match="Nothing is ranked"):
        fit_isotonic(Y, S, Labels.numbered(1), "validation")


@pytest.mark.parametrize("fit", FITS)
def test_other_columns_are_refused(fit):
    Y, S, _ = drawn([1, 1, 1, 1], [0, 0, 0, 0], n=50)
    found = fit(Y, S, LABELS, "validation")
    with pytest.raises(DataError, match="3 columns, there are 4 labels"):
        found.calibrate(S[:, :3])
    with pytest.raises(DataError, match="4 columns, there are 3 labels"):
        fit(Y, S, Labels.numbered(3), "validation")


def test_levels_without_a_hierarchy_are_one():
    assert levels(Labels.numbered(3)).tolist() == [0, 0, 0]
    assert levels(LABELS).tolist() == [1, 2, 2, 2]


@pytest.mark.parametrize("fit", FITS)
def test_a_calibrator_is_kept_in_a_model_folder(fit, tmp_path):
    Y, S, _ = drawn([1, 1, 1, 1], [0, 0, 0, 0], n=500)
    found = fit(Y, S, LABELS, "validation")
    write_folder(tmp_path / "model", {}, {"calibrator": found})
    again = read_folder(tmp_path / "model")[1]["calibrator"]
    assert (again.calibrate(S) != found.calibrate(S)).nnz == 0
    assert isinstance(again, Isotonic) == (fit is fit_isotonic)
