import numpy as np
import pytest
from scipy.sparse import csr_array

from labeltree.core.arrays import from_rows
from labeltree.core.errors import ParameterError
from labeltree.core.scores import top_k
from labeltree.metrics import (
    coverage_correct_at,
    coverage_predicted_at,
    precision_at,
    recall_at,
)

TRUTH = from_rows([[0, 2], [1], [3, 4, 0], []], 6)
RANKED = [(0, 1, 2), (0, 1, 2), (3, 0, 2), (0, 1, 2)]


def scores(rankings, n):
    dense = np.zeros((len(rankings), n), np.float32)
    for row, labels in enumerate(rankings):
        dense[row, list(labels)] = 1 / (1 + np.arange(len(labels)))
    return csr_array(dense)


def lcg(n, m, seed):
    """Numbers in [0, 1) that any language can make again."""
    x, out = seed, []
    for _ in range(n * m):
        x = (1103515245 * x + 12345) % 2**31
        out.append(x / 2**31)
    return np.array(out).reshape(n, m)


def test_the_worked_example():
    S = scores(RANKED, 6)
    np.testing.assert_allclose(coverage_correct_at(TRUTH, S, 3), [0.4, 0.6, 0.8])
    np.testing.assert_allclose(coverage_predicted_at(S, 3), [2 / 6, 3 / 6, 4 / 6])


def test_equals_napkinxc():
    # napkinXC 0.7.2, coverage_at_k, precision_at_k and recall_at_k on the same numbers.
    truth = lcg(300, 60, 1) < 0.05
    truth[:, 30:] &= lcg(300, 30, 2) < 0.3
    truth[:5] = False
    dense = lcg(300, 60, 3) + 0.4 * truth
    dense[dense < 0.75] = 0
    Y, S = csr_array(truth.astype(np.float32)), csr_array(dense)
    expected = [0.847457627118644, 0.9322033898305084, 0.9491525423728814]
    np.testing.assert_allclose(
        coverage_correct_at(Y, S, 5), [*expected, expected[-1], expected[-1]], atol=1e-12
    )
    expected = [0.5866666666666667, 0.385, 0.2844444444444444, 0.2175, 0.1813333333333335]
    np.testing.assert_allclose(precision_at(Y, S, 5), expected, atol=1e-12)
    expected = [0.302722222222222, 0.370611111111111, 0.401444444444444, 0.405888888888889]
    np.testing.assert_allclose(recall_at(Y, S, 4), expected, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_equals_sets_of_labels(seed):
    rng = np.random.default_rng(seed)
    Y = csr_array((rng.random((40, 33)) < 0.05).astype(np.float32))
    S = csr_array(np.where(rng.random((40, 30)) < 0.2, rng.random((40, 30)).round(1), 0))
    labels, _ = top_k(S, 4)
    truth, ever = Y.toarray(), set(Y.indices.tolist())
    for k in range(1, 5):
        shown = [set(row[:k].tolist()) - {-1} for row in labels]
        right = [{c for c in row if truth[i, c]} for i, row in enumerate(shown)]
        assert coverage_correct_at(Y, S, 4)[k - 1] == len(set.union(*right)) / len(ever)
        assert coverage_predicted_at(S, 4)[k - 1] == len(set.union(*shown)) / 30


def test_one_answer_for_all_covers_one_label():
    S = scores([(0, 1)] * 4, 6)
    assert coverage_predicted_at(S, 2).tolist() == [1 / 6, 2 / 6]
    assert coverage_correct_at(TRUTH, S, 2).tolist() == [1 / 5, 2 / 5]


def test_nothing_is_covered_by_nothing():
    nothing = csr_array((3, 6), dtype=np.float32)
    assert coverage_correct_at(from_rows([[], [], []], 6), nothing, 2).tolist() == [0, 0]
    assert coverage_predicted_at(nothing, 2).tolist() == [0, 0]
    assert coverage_predicted_at(csr_array((0, 0), dtype=np.float32), 2).tolist() == [0, 0]


def test_impossible_cut_offs_are_refused():
    with pytest.raises(ParameterError, match="k must be"):
        coverage_predicted_at(scores(RANKED, 6), 0)
