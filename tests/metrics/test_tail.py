import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.metrics import precision_recall_fscore_support

from labeltree.core.arrays import from_rows
from labeltree.core.errors import DataError, ParameterError
from labeltree.core.scores import top_k
from labeltree.metrics import (
    bin_names,
    by_frequency,
    frequency_bins,
    precision_at,
    precision_contributions,
    recall_by_bin,
)

COUNTS = [400, 100, 20, 5, 1, 0]
TRUTH = from_rows([[0, 2], [1], [3, 4, 0], []], 6)
RANKED = [(0, 1, 2), (0, 1, 2), (3, 0, 2), (0, 1, 2)]


def scores(rankings, n):
    dense = np.zeros((len(rankings), n), np.float32)
    for row, labels in enumerate(rankings):
        dense[row, list(labels)] = 1 / (1 + np.arange(len(labels)))
    return csr_array(dense)


def random_data(seed, n=200, n_labels=50, n_outside=4):
    rng = np.random.default_rng(seed)
    Y = csr_array((rng.random((n, n_labels + n_outside)) < 0.05).astype(np.float32))
    S = csr_array(np.where(rng.random((n, n_labels)) < 0.3, rng.random((n, n_labels)), 0))
    return Y, S, rng.choice([0, 1, 25, 26, 100, 101, 3000], n_labels)


def test_bins_by_hand():
    # 0 | 1 to 25 | 26 to 100 | above
    assert frequency_bins([0, 1, 25, 26, 100, 101, 9999]).tolist() == [0, 1, 1, 2, 2, 3, 3]
    assert frequency_bins(COUNTS).tolist() == [3, 2, 1, 1, 1, 0]
    assert frequency_bins([7], n_columns=3).tolist() == [1, 0, 0]
    assert frequency_bins([0, 5, 6], (0, 5)).tolist() == [0, 1, 2]
    assert bin_names((0, 5, 25, 100)) == ("0", "1-5", "6-25", "26-100", "> 100")


def test_the_worked_example():
    bins = frequency_bins(COUNTS)
    S = scores(RANKED, 6)
    # True: head 0 twice, torso 1 once, tail 2, 3, 4. Found at 1: head 0, tail 3.
    np.testing.assert_allclose(
        recall_by_bin(TRUTH, S, bins, 4, 3),
        [[0, 0, 0], [1 / 3, 1 / 3, 2 / 3], [0, 1, 1], [1 / 2, 1, 1]],
    )
    parts = precision_contributions(TRUTH, S, bins, 4, 3)
    np.testing.assert_allclose(parts[:, 0], [0, 1 / 4, 0, 1 / 4])
    np.testing.assert_allclose(parts.sum(axis=0), [0.5, 0.5, 5 / 12], atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_equals_naive_loops(seed):
    Y, S, counts = random_data(seed)
    bins, k = frequency_bins(counts, n_columns=54), 5
    labels, _ = top_k(S, k)
    truth = Y.toarray()
    hits, total = np.zeros((4, k)), np.zeros(4)
    for i in range(len(truth)):
        for c in np.flatnonzero(truth[i]):
            total[bins[c]] += 1
            for j in range(k):
                hits[bins[c], j] += c in labels[i, : j + 1]
    np.testing.assert_allclose(recall_by_bin(Y, S, bins, 4, k), hits / total[:, None], atol=1e-12)
    parts = precision_contributions(Y, S, bins, 4, k)
    np.testing.assert_allclose(parts, hits / (np.arange(1, k + 1) * len(truth)), atol=1e-12)
    np.testing.assert_allclose(parts.sum(axis=0), precision_at(Y, S, k), atol=1e-12)


def test_decisions_equal_scikit_learn_on_the_columns_of_a_bin():
    Y, S, counts = random_data(3)
    D = csr_array((S > 0.5).astype(np.float32))
    decided = np.pad(D.toarray(), ((0, 0), (0, 4)))
    bins = frequency_bins(counts, n_columns=54)
    found = by_frequency(Y, D, counts)
    assert [g.name for g in found] == ["zero-shot", "tail", "torso", "head"]
    for number, g in enumerate(found):
        t, d = Y.toarray()[:, bins == number], decided[:, bins == number]
        for average, ours in (("micro", g.micro), ("macro", g.macro)):
            expected = precision_recall_fscore_support(t, d, average=average, zero_division=0)
            assert tuple(ours) == pytest.approx(expected[:3], abs=1e-12)
    assert sum(g.n_labels for g in found) == 54


def test_labels_outside_the_universe_are_zero_shot():
    found = by_frequency(from_rows([[0, 2, 3]], 4), from_rows([[0]], 2), [50, 3])
    assert [g.n_true for g in found] == [2, 0, 1, 0]


def test_an_empty_bin_has_no_recall():
    found = recall_by_bin(from_rows([[0]], 2), scores([(0, 1)], 2), np.array([0, 0]), 3, 2)
    assert found.tolist() == [[1, 1], [0, 0], [0, 0]]


def test_what_is_refused():
    with pytest.raises(ParameterError, match="ascend"):
        frequency_bins([1], (5, 5))
    with pytest.raises(ParameterError, match="0 or more"):
        frequency_bins([-1])
    with pytest.raises(DataError, match="n_columns"):
        recall_by_bin(TRUTH, scores(RANKED, 6), np.zeros(5, np.int64), 1, 2)
    with pytest.raises(ParameterError, match="k must be"):
        recall_by_bin(TRUTH, scores(RANKED, 6), np.zeros(6, np.int64), 1, 0)
