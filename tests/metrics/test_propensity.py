import numpy as np
import pytest
from scipy.sparse import csr_array

from labeltree.core.arrays import from_rows
from labeltree.core.errors import DataError, ParameterError
from labeltree.metrics import inverse_propensity, ndcg_at, precision_at, psndcg_at, psp_at
from labeltree.metrics.ranking import match

COUNTS = [400, 100, 20, 5, 1, 0]
TRUTH = from_rows([[0, 2], [1], [0, 3, 4], []], 6)
RANKED = csr_array(
    np.array([[9, 8, 7, 0, 0, 0], [9, 8, 7, 0, 0, 0], [8, 0, 7, 9, 0, 0], [9, 8, 7, 0, 0, 0]]) / 10
)


def test_weights_of_the_worked_example():
    expected = [1.361628, 1.770430, 2.809041, 4.492908, 6.907755, 8.824189]
    np.testing.assert_allclose(inverse_propensity(COUNTS, 1000), expected, atol=5e-6)
    expected = [1.349333, 1.697621, 2.547645, 4.008082, 6.907755, 12.052398]
    np.testing.assert_allclose(inverse_propensity(COUNTS, 1000, 0.5, 0.4), expected, atol=5e-6)
    assert inverse_propensity(COUNTS, 1000, 0.6, 2.6)[5] == pytest.approx(8.181580, abs=5e-6)


def test_values_of_the_worked_example():
    q = inverse_propensity(COUNTS, 1000)
    raw = match(TRUTH, RANKED).gain(3, q)
    np.testing.assert_allclose(raw, [1.463634, 1.123324, 0.982970], atol=5e-6)
    psp, psndcg = psp_at(TRUTH, RANKED, q, 3), psndcg_at(TRUTH, RANKED, q, 3)
    np.testing.assert_allclose(psp, [0.509656, 0.518205, 0.630668], atol=5e-6)
    np.testing.assert_allclose(psndcg, [0.509656, 0.523707, 0.597540], atol=5e-6)


@pytest.mark.parametrize(("a", "b"), [(0.55, 1.5), (0.5, 0.4), (0.6, 2.6)])
def test_a_label_seen_once_weighs_the_log_of_the_training_size(a, b):
    q = inverse_propensity(np.arange(2000), 12_345, a, b)
    assert q[1] == pytest.approx(np.log(12_345), rel=1e-14)
    assert (np.diff(q) < 0).all()
    assert (q > 1).all()
    assert np.isfinite(q[0])


def test_labels_outside_the_universe_have_count_zero():
    q = inverse_propensity(COUNTS, 1000, n_columns=8)
    np.testing.assert_array_equal(q[5:], [q[5]] * 3)


@pytest.mark.parametrize("n_train", [0, 1, 2])
def test_tiny_training_sets_weigh_all_labels_alike(n_train):
    assert inverse_propensity([0, 1, 2], n_train).tolist() == [1, 1, 1]


def test_impossible_constants_and_counts_are_refused():
    with pytest.raises(ParameterError, match="b must"):
        inverse_propensity(COUNTS, 1000, 0.5, 0.0)
    with pytest.raises(ParameterError, match="counts"):
        inverse_propensity([-1], 1000)


def random_data(seed, n=1000, n_labels=500, n_outside=30):
    rng = np.random.default_rng(seed)
    truth = rng.random((n, n_labels + n_outside)) < 0.01
    truth[::50] = False
    scores = np.where(rng.random((n, n_labels)) < 0.05, rng.random((n, n_labels)), 0)
    lifted = truth[:, :n_labels] & (rng.random((n, n_labels)) < 0.5)
    scores[lifted] = 0.8 + 0.3 * rng.random(lifted.sum())
    assert len(np.unique(scores)) == np.count_nonzero(scores) + 1  # no ties
    return truth, scores, rng.integers(0, 300, n_labels)


def by_the_book(truth, scores, q, k):
    """(PSP@k, PSnDCG@k) from dense arrays: each row's best ranking sorts all columns by worth."""
    n = len(truth)
    padded = np.zeros(truth.shape)
    padded[:, : scores.shape[1]] = scores
    first = np.argsort(-padded, axis=1)[:, :k]
    rows = np.arange(n)[:, None]
    got = np.where(truth[rows, first] & (padded[rows, first] > 0), q[first], 0)
    most = -np.sort(-(truth * q), axis=1)[:, :k]
    discount = 1 / np.log2(np.arange(k) + 2)
    ideal = np.array([discount[: max(1, t)].sum() for t in truth.sum(axis=1)])
    psndcg = ((got * discount).sum(1) / ideal).sum() / ((most * discount).sum(1) / ideal).sum()
    return got.sum() / most.sum(), psndcg


@pytest.mark.parametrize("k", [1, 3, 5, 11])
def test_equals_a_dense_computation(k):
    truth, scores, counts = random_data(0)
    q = inverse_propensity(counts, 5000, n_columns=truth.shape[1])
    Y, S = csr_array(truth.astype(np.float32)), csr_array(scores)
    psp, psndcg = by_the_book(truth, scores, q, k)
    assert psp_at(Y, S, q, 11)[k - 1] == pytest.approx(psp, abs=1e-12)
    assert psndcg_at(Y, S, q, 11)[k - 1] == pytest.approx(psndcg, abs=1e-12)


def test_both_agree_at_one():
    truth, scores, counts = random_data(1, n_outside=0)
    q = inverse_propensity(counts, 5000)
    Y, S = csr_array(truth.astype(np.float32)), csr_array(scores)
    assert psp_at(Y, S, q, 1)[0] == pytest.approx(psndcg_at(Y, S, q, 1)[0], abs=1e-14)


def test_the_oracle_scores_exactly_one():
    truth, _, counts = random_data(2, n_outside=0)
    q = inverse_propensity(counts, 5000)
    Y = csr_array(truth.astype(np.float32))
    S = csr_array(truth * q / q.max())
    assert psp_at(Y, S, q, 5).tolist() == [1.0] * 5
    assert psndcg_at(Y, S, q, 5).tolist() == [1.0] * 5
    assert psp_at(Y, csr_array(truth / q), q, 5)[0] < 1


def test_equal_weights_give_the_plain_metrics_over_the_best_possible():
    truth, scores, _ = random_data(3, n_outside=0)
    Y, S, ones = csr_array(truth.astype(np.float32)), csr_array(scores), np.ones(500)
    best = precision_at(Y, Y, 5)
    np.testing.assert_allclose(psp_at(Y, S, ones, 5), precision_at(Y, S, 5) / best, atol=1e-14)
    labelled = (truth.sum(axis=1) > 0).mean()
    np.testing.assert_allclose(psndcg_at(Y, S, ones, 5), ndcg_at(Y, S, 5) / labelled, atol=1e-14)


def test_order_of_rows_changes_nothing():
    truth, scores, counts = random_data(4)
    q = inverse_propensity(counts, 5000, n_columns=truth.shape[1])
    Y, S = csr_array(truth.astype(np.float32)), csr_array(scores)
    order = np.random.default_rng(0).permutation(len(truth))
    for metric in (psp_at, psndcg_at):
        np.testing.assert_allclose(metric(Y[order], S[order], q, 5), metric(Y, S, q, 5), atol=1e-14)


def test_no_labels_score_zero():
    nothing = csr_array((3, 6), dtype=np.float32)
    q = inverse_propensity(COUNTS, 1000)
    assert psp_at(nothing, RANKED[:3], q, 2).tolist() == [0, 0]
    assert psndcg_at(nothing, RANKED[:3], q, 2).tolist() == [0, 0]


def test_weights_must_cover_the_truth():
    wide = from_rows([[7]], 8)
    with pytest.raises(DataError, match="6 propensity weights for 8 columns"):
        psp_at(wide, RANKED[:1], inverse_propensity(COUNTS, 1000), 1)
    with pytest.raises(DataError, match="n_columns"):
        psndcg_at(wide, RANKED[:1], inverse_propensity(COUNTS, 1000), 1)
