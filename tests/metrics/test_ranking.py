import math
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from scipy.sparse import csr_array, vstack

from labeltree.core.arrays import from_parts, from_rows
from labeltree.core.errors import DataError, ParameterError
from labeltree.metrics import (
    attainable_precision,
    hits,
    micro_r_precision,
    ndcg_at,
    precision_at,
    r_precision,
    recall_at,
)

TRUTH = from_rows([[0, 2], [1], [0, 3, 4], []], 6)
METRICS = {"P": precision_at, "R": recall_at, "nDCG": ndcg_at}


def scores_of(rankings, n_labels):
    """Scores 0.9, 0.8, ... for the labels of each ranking."""
    dense = np.zeros((len(rankings), n_labels), np.float32)
    for row, ranking in zip(dense, rankings, strict=True):
        row[ranking] = 0.9 - 0.1 * np.arange(len(ranking))
    return csr_array(dense)


RANKED = scores_of([[0, 1, 2], [0, 1, 2], [3, 0, 2], [0, 1, 2]], 6)


def random_data(seed, n=1000, n_labels=500, n_outside=0):
    """Sparse truth and tie-free scores; some rows empty on either side, some rankings short."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        size = 0 if i % 97 == 0 else int(rng.integers(1, 12))
        rows.append(np.sort(rng.choice(n_labels + n_outside, size, replace=False)).tolist())
    dense = np.zeros((n, n_labels))
    for i, labels in enumerate(rows):
        ranked = rng.choice(n_labels, 0 if i % 89 == 0 else int(rng.integers(1, 40)), replace=False)
        inside = [label for label in labels if label < n_labels and rng.random() < 0.6]
        chosen = np.union1d(ranked, np.array(inside, int))
        dense[i, chosen] = rng.permutation(len(chosen)) + 1.0
    dense /= dense.max() + 1
    return rows, from_rows(rows, n_labels + n_outside), csr_array(dense)


def by_the_book(rows, S, k):
    """P, R, nDCG at k, row by row over dense scores."""
    found = {"P": 0.0, "R": 0.0, "nDCG": 0.0}
    for labels, scores in zip(rows, S.toarray(), strict=True):
        order = sorted((j for j in range(len(scores)) if scores[j] > 0), key=lambda j: -scores[j])[
            :k
        ]
        right = [j in set(labels) for j in order]
        found["P"] += sum(right) / k
        if labels:
            found["R"] += sum(right) / len(labels)
            ideal = sum(1 / math.log2(r + 2) for r in range(min(k, len(labels))))
            found["nDCG"] += sum(h / math.log2(r + 2) for r, h in enumerate(right)) / ideal
    return {name: value / len(rows) for name, value in found.items()}


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (precision_at, [0.5, 0.5, 0.416667]),
        (recall_at, [0.208333, 0.541667, 0.666667]),
        (ndcg_at, [0.5, 0.561019, 0.579003]),
    ],
)
def test_the_worked_example(metric, expected):
    np.testing.assert_allclose(metric(TRUTH, RANKED, 3), expected, atol=5e-6)


def test_r_precision_of_the_worked_example():
    assert r_precision(TRUTH, RANKED) == pytest.approx(0.388889, abs=5e-6)
    assert r_precision(TRUTH, RANKED) * 3 / 4 == pytest.approx(0.291667, abs=5e-6)
    assert micro_r_precision(TRUTH, RANKED) == pytest.approx(0.5, abs=5e-6)


def test_hits_mark_the_right_ranks():
    expected = [[1, 0, 1], [0, 1, 0], [1, 1, 0], [0, 0, 0]]
    assert hits(TRUTH, RANKED, 3).astype(int).tolist() == expected
    assert hits(TRUTH, RANKED, 5).shape == (4, 5)


@pytest.mark.parametrize("n_outside", [0, 60])
def test_equals_a_dense_computation(n_outside):
    rows, Y, S = random_data(1, n_outside=n_outside)
    for k in (1, 2, 3, 5, 17):
        expected = by_the_book(rows, S, k)
        for name, metric in METRICS.items():
            assert metric(Y, S, 17)[k - 1] == pytest.approx(expected[name], abs=1e-12), (name, k)


def test_r_precision_equals_its_definition():
    rows, Y, S = random_data(2)
    right, shares = 0, []
    for labels, scores in zip(rows, S.toarray(), strict=True):
        order = [j for j in np.argsort(-scores)[: len(labels)] if scores[j] > 0]
        right += len(set(labels) & set(order))
        shares += [len(set(labels) & set(order)) / len(labels)] if labels else []
    assert r_precision(Y, S) == pytest.approx(np.mean(shares), abs=1e-12)
    assert micro_r_precision(Y, S) == pytest.approx(right / Y.nnz, abs=1e-12)


def test_r_precision_counts_missing_ranks_as_misses():
    Y = from_rows([[0, 1, 2, 3]], 5)
    assert r_precision(Y, scores_of([[0, 1]], 5)) == 0.5


def test_ndcg_and_precision_agree_at_one():
    _, Y, S = random_data(3)
    assert ndcg_at(Y, S, 1)[0] == pytest.approx(precision_at(Y, S, 1)[0], abs=1e-15)


def test_attainable_precision_is_that_of_the_truth_as_scores():
    np.testing.assert_allclose(attainable_precision(TRUTH, 3), [3 / 4, 5 / 8, 6 / 12])
    _, Y, _ = random_data(4)
    np.testing.assert_allclose(attainable_precision(Y, 9), precision_at(Y, Y, 9), atol=1e-15)


def test_ties_put_the_lower_label_first():
    S = csr_array(np.array([[0, 0.5, 0.5, 0.5]], np.float32))
    for label, expected in ((1, [1, 0, 0]), (2, [0, 1, 0]), (3, [0, 0, 1])):
        assert hits(from_rows([[label]], 4), S, 3)[0].tolist() == [bool(x) for x in expected]


def test_absent_is_not_ranked_but_a_stored_zero_is():
    Y = from_rows([[2]], 3)
    stored = from_parts(np.array([0.5, 0.0]), np.array([0, 2]), np.array([0, 2]), (1, 3))
    assert precision_at(Y, stored, 2)[1] == 0.5
    assert precision_at(Y, csr_array(stored.toarray()), 2)[1] == 0.0


def test_minus_infinity_is_never_predicted():
    S = from_parts(np.array([-1.0, -np.inf]), np.array([0, 1]), np.array([0, 2]), (1, 2))
    assert hits(from_rows([[1]], 2), S, 2).sum() == 0
    assert hits(from_rows([[0]], 2), S, 2).tolist() == [[True, False]]


def test_order_of_rows_and_a_constant_change_nothing():
    _, Y, S = random_data(5, n=300)
    order = np.random.default_rng(0).permutation(300)
    shifted = S.copy()
    shifted.data = shifted.data + 3.0
    for metric in METRICS.values():
        expected = metric(Y, S, 5)
        np.testing.assert_allclose(metric(Y[order], S[order], 5), expected, atol=1e-14)
        np.testing.assert_array_equal(metric(Y, shifted, 5), expected)


def test_unsorted_indices_change_nothing():
    backwards = RANKED.copy()
    for a, b in zip(backwards.indptr, backwards.indptr[1:], strict=False):
        backwards.indices[a:b] = backwards.indices[a:b][::-1].copy()
        backwards.data[a:b] = backwards.data[a:b][::-1].copy()
    backwards = csr_array((backwards.data, backwards.indices, backwards.indptr), shape=(4, 6))
    assert not backwards.has_sorted_indices
    np.testing.assert_array_equal(hits(TRUTH, backwards, 3), hits(TRUTH, RANKED, 3))


def test_documents_without_labels_or_scores_stay_in_the_denominator():
    Y, S = from_rows([[0], [], [0]], 2), scores_of([[0], [0], []], 2)
    for metric in METRICS.values():
        assert metric(Y, S, 1)[0] == pytest.approx(1 / 3)
    assert r_precision(Y, S) == 0.5


@pytest.mark.parametrize("shape", [(0, 3), (4, 3)])
def test_nothing_at_all_scores_zero(shape):
    nothing = csr_array(shape, dtype=np.float32)
    for metric in METRICS.values():
        assert metric(nothing, nothing, 2).tolist() == [0, 0]
    assert r_precision(nothing, nothing) == micro_r_precision(nothing, nothing) == 0
    assert attainable_precision(nothing, 1).tolist() == [0]


def test_labels_outside_the_universe_are_misses():
    S = scores_of([[0, 1]], 2)
    np.testing.assert_allclose(recall_at(from_rows([[0, 5]], 7), S, 2), [0.5, 0.5])
    np.testing.assert_allclose(precision_at(from_rows([[5]], 7), S, 2), [0, 0])


def test_blocks_of_rows_change_nothing(monkeypatch):
    _, Y, S = random_data(6, n=50)
    whole = hits(Y, S, 5)
    monkeypatch.setattr("labeltree.metrics.ranking.BLOCK", 7)
    np.testing.assert_array_equal(hits(Y, S, 5), whole)


def test_refuses_what_cannot_be_compared():
    with pytest.raises(DataError, match="shape"):
        precision_at(TRUTH, RANKED[:3], 1)
    with pytest.raises(DataError, match="shape"):
        precision_at(TRUTH[:, :4], RANKED, 1)
    broken = RANKED.copy()
    broken.data[3] = np.nan
    with pytest.raises(DataError, match="NaN"):
        precision_at(TRUTH, broken, 1)
    with pytest.raises(ParameterError, match="k must"):
        precision_at(TRUTH, RANKED, 0)


def test_memory_stays_near_the_stored_entries():
    n, n_labels, k = 20_000, 670_000, 100
    rng = np.random.default_rng(0)
    step = n_labels // k
    labels = (np.arange(k) * step + rng.integers(0, step, (n, k))).astype(np.int32)
    S = from_parts(
        rng.random(n * k, np.float32), labels.ravel(), np.arange(n + 1) * k, (n, n_labels)
    )
    Y = from_parts(
        np.ones(3 * n, np.float32),
        labels[:, [5, 50, 95]].ravel(),
        np.arange(n + 1) * 3,
        (n, n_labels),
    )
    tracemalloc.start()
    recall = recall_at(Y, S, k)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert recall[-1] == pytest.approx(1)
    assert recall[49] == pytest.approx(0.5, abs=0.02)
    assert peak < 300e6  # a dense boolean array would take 13.4e9


def test_many_rows_do_not_overflow_the_keys():
    n_labels = 3_000_000
    Y = vstack(
        [csr_array((2000, n_labels), dtype=np.float32), from_rows([[n_labels - 1]], n_labels)]
    )
    assert precision_at(csr_array(Y), csr_array(Y), 1)[0] == pytest.approx(1 / 2001)


def test_importing_metrics_stays_cheap():
    code = "import sys, labeltree.metrics; print({'sklearn', 'numba', 'torch'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"
