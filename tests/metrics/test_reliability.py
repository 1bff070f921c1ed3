import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from labeltree.core.arrays import from_rows
from labeltree.core.errors import DataError, ParameterError
from labeltree.core.scores import best
from labeltree.metrics import first_answers, reliability_by_mass, reliability_by_width


def random_data(seed, n=400, m=20, power=1.0):
    """Scores that are the probability of truth, to the power given."""
    rng = np.random.default_rng(seed)
    p = rng.random((n, m)) ** 3
    truth = rng.random((n, m)) < p
    stored = rng.random((n, m)) < 0.5
    return csr_array(truth.astype(np.float32)), csr_array(np.where(stored, p**power, 0))


def test_by_hand():
    Y = from_rows([[0], [1, 2], [5]], 6)
    S = csr_array(np.array([[0.9, 0.1, 0, 0], [0.8, 0.6, 0, 0.2], [0, 0, 0, 0]]))
    # In order: 0.1 wrong, 0.2 wrong | 0.6 right, 0.8 wrong | 0.9 right, by rank in three bins
    found = reliability_by_mass(Y, S, 2)
    np.testing.assert_allclose(found.score, [0.3, 0.85])
    np.testing.assert_allclose(found.share, [1 / 3, 1 / 2])
    assert found.size.tolist() == [3, 2]
    assert found.error == pytest.approx((3 * (1 / 3 - 0.3) + 2 * 0.35) / 5)
    assert found.brier == pytest.approx((0.01 + 0.04 + 0.16 + 0.64 + 0.01) / 5)
    # 18 pairs, 5 with a score; labels 2 and 5 are true without one.
    assert (found.n_absent, found.n_missed) == (13, 2)
    assert found.error_with_absent == pytest.approx((0.1 + 0.7 + 2) / 18)
    assert found.brier_with_absent == pytest.approx((0.86 + 2) / 18)


@pytest.mark.parametrize("seed", range(3))
def test_curves_equal_scikit_learn(seed):
    Y, S = random_data(seed)
    true, score = Y.toarray()[S.toarray() > 0], S.data
    for strategy, ours in (("quantile", reliability_by_mass), ("uniform", reliability_by_width)):
        share, mean = calibration_curve(true, score, n_bins=10, strategy=strategy)
        found = ours(Y, S, 10)
        # Their cuts between two scores may fall on another side of one of them.
        np.testing.assert_allclose(found.score, mean, atol=0.002)
        np.testing.assert_allclose(found.share, share, atol=0.005)
    assert found.brier == pytest.approx(brier_score_loss(true, score), abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_absent_scores_are_zeros_of_a_bin_of_their_own(seed):
    Y, S = random_data(seed)
    found = reliability_by_width(Y, S)
    dense = csr_array(np.ones(S.shape) * 1e-300)
    dense.data = np.maximum(S.toarray().ravel(), 1e-300)
    whole = reliability_by_width(Y, dense)
    assert found.brier_with_absent == pytest.approx(whole.brier, abs=1e-12)
    assert found.n_absent + S.nnz == S.shape[0] * S.shape[1]


def test_true_probabilities_have_a_small_error_and_distorted_ones_a_large_one():
    true, sharp = (reliability_by_mass(*random_data(0, 4000, power=p)) for p in (1, 2))
    assert true.error < 0.01
    assert sharp.error > 0.1


def test_a_constant_score_is_one_bin_in_any_order_of_documents():
    Y = from_rows([[0], [], [0], []], 1)
    S = csr_array(np.full((4, 1), 0.7))
    found = reliability_by_mass(Y, S)
    assert (found.size.tolist(), found.error) == ([4], pytest.approx(0.2))


def test_documents_in_another_order_give_the_same():
    Y, S = random_data(1)
    S = csr_array(np.round(S.toarray(), 1))
    order = np.random.default_rng(0).permutation(S.shape[0])
    for measure in (reliability_by_mass, reliability_by_width):
        a, b = measure(Y, S), measure(csr_array(Y[order]), csr_array(S[order]))
        np.testing.assert_allclose(a.score, b.score, atol=1e-12)
        np.testing.assert_allclose(a.share, b.share, atol=1e-12)


def test_bins_have_equal_mass():
    found = reliability_by_mass(*random_data(2))
    assert len(found.size) == 15
    assert found.size.max() - found.size.min() <= 1
    assert (np.diff(found.score) > 0).all()


def test_more_candidates_change_the_error_of_pairs_not_of_first_answers():
    Y, S = random_data(3, power=2)
    few = csr_array(np.where(S.toarray() > 0.2, S.toarray(), 0))
    assert reliability_by_mass(Y, few).error != pytest.approx(reliability_by_mass(Y, S).error)
    answered = np.diff(few.indptr) > 0
    a, b = (
        reliability_by_mass(csr_array(Y[answered]), first_answers(csr_array(s[answered])))
        for s in (few, S)
    )
    assert a.error == b.error
    assert a.size.sum() == answered.sum()


def test_nothing_is_well_calibrated():
    found = reliability_by_mass(from_rows([[], []], 3), csr_array((2, 3)))
    assert (found.error, found.error_with_absent, found.brier, len(found.size)) == (0, 0, 0, 0)


def test_a_score_of_one_is_in_the_last_bin():
    found = reliability_by_width(from_rows([[0]], 1), csr_array(np.array([[1.0]])), 4)
    assert (found.size.tolist(), found.score.tolist()) == ([1], [1])


@pytest.mark.parametrize("score", [-0.1, 1.1])
def test_what_is_no_probability_is_refused(score):
    for measure in (reliability_by_mass, reliability_by_width):
        with pytest.raises(DataError, match="no probabilities"):
            measure(from_rows([[0]], 1), csr_array(np.array([[score]])))
        with pytest.raises(ParameterError, match="n_bins"):
            measure(from_rows([[0]], 1), csr_array(np.array([[0.5]])), 0)


def test_first_answers_are_those_of_the_ranking():
    rng = np.random.default_rng(0)
    S = csr_array(np.where(rng.random((60, 9)) < 0.3, rng.random((60, 9)).round(1), 0))
    found, expected = first_answers(S), best(S, 1)
    assert (np.diff(S.indptr) == 0).any()
    np.testing.assert_array_equal(found.toarray(), expected.toarray())
    assert found.nnz == (np.diff(S.indptr) > 0).sum()
    assert first_answers(csr_array((3, 4))).nnz == 0
