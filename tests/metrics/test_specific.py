import numpy as np
import pytest
from scipy.sparse import csr_array, hstack

from labeltree.core.arrays import from_rows
from labeltree.core.errors import DataError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.metrics import specific_scores, specific_truth

A, B, C, D, E = range(5)
ONES = np.ones(5)
DAG = Hierarchy.from_edges([("a", "c"), ("b", "c"), ("a", "d"), ("c", "e")], list("abcde"))
# x and y are labels; m, top and side are not.
META = Hierarchy.from_edges([("top", "x"), ("x", "m"), ("m", "y"), ("top", "side")], ["y", "x"])


def scores(*rows):
    return csr_array(np.array(rows, np.float32))


def rows_of(Y):
    return [Y.indices[a:b].tolist() for a, b in zip(Y.indptr, Y.indptr[1:], strict=False)]


def test_truth_on_a_dag():
    Y = from_rows([[A, B, C, E], [A, B, C, D], [A, E], [B, D], []], 5)
    assert rows_of(specific_truth(Y, DAG)) == [[E], [C, D], [E], [B, D], []]


def test_truth_sees_through_nodes_that_are_no_label():
    assert rows_of(specific_truth(from_rows([[0, 1], [1]], 2), META)) == [[0], [1]]


def test_truth_beyond_the_hierarchy_stays():
    Y = from_rows([[A, C, 5, 6], [6]], 7)
    assert rows_of(specific_truth(Y, DAG)) == [[C, 5, 6], [6]]
    assert specific_truth(Y, DAG).shape == (2, 7)


def test_scores_on_a_dag():
    S = scores([0.9, 0.8, 0.7, 0.2, 0.3], [0.5, 0, 0, 0.2, 0.4])
    expected = [[0.27, 0.24, 0.49, 0.2, 0.3], [0.3, 0, 0, 0.2, 0.4]]
    np.testing.assert_allclose(specific_scores(S, DAG, ONES).toarray(), expected, atol=1e-6)


def test_a_label_that_was_never_the_last_is_not_ranked():
    share = np.array([0.0, 0.5, 0.25, 1.0, 1.0])
    S = scores([0.9, 0.8, 0.7, 0.2, 0.3])
    expected = [[0, 0.12, 0.1225, 0.2, 0.3]]
    found = specific_scores(S, DAG, share)
    np.testing.assert_allclose(found.toarray(), expected, atol=1e-6)
    assert found.indices.tolist() == [B, C, D, E]


def test_the_share_is_counted_in_training():
    Y = from_rows([[A, B, C, E], [A, B, C], [A, D], [A], [B]], 5)
    labels = Labels(tuple("abcde"), hierarchy=DAG).counted(Y)
    assert labels.counts.tolist() == [4, 3, 2, 1, 1]
    assert labels.counts_specific.tolist() == [1, 1, 1, 1, 1]
    np.testing.assert_allclose(labels.specific_share, [1 / 4, 1 / 3, 1 / 2, 1, 1])
    nothing = Labels(tuple("abcde"), hierarchy=DAG)
    assert nothing.specific_share.tolist() == [1] * 5


def test_closed_sets_rank_leaves_where_inner_labels_never_end_a_path():
    # Two inner labels, nearly certain, above leaves that are not: the leaves must win.
    S = scores([0.95, 0.9, 0.6, 0.3, 0.35])
    closed = DAG.close(from_rows([[E], [D], [E]], 5))
    share = Labels(tuple("abcde"), hierarchy=DAG).counted(closed).specific_share
    assert share.tolist() == [0, 0, 0, 1, 1]
    assert specific_scores(S, DAG, share).indices.tolist() == [D, E]


def test_scores_see_through_nodes_that_are_no_label():
    found = specific_scores(scores([0.6, 0.9]), META, np.ones(2)).toarray()
    np.testing.assert_allclose(found, [[0.6, 0.36]], atol=1e-6)


def test_entries_that_fall_to_zero_are_dropped():
    sure = scores([0.7, 0, 1.0, 0.4, 0])
    assert specific_scores(sure, DAG, ONES).indices.tolist() == [C, D]


def test_scores_beyond_the_hierarchy_stay():
    S = scores([0.9, 0, 0.4, 0, 0, 0.8, 0.95])
    expected = [[0.54, 0, 0.4, 0, 0, 0.8, 0.95]]
    np.testing.assert_allclose(specific_scores(S, DAG, np.ones(7)).toarray(), expected, atol=1e-6)


@pytest.mark.parametrize("block", [1, 13, 1 << 20])
def test_equals_a_dense_computation(monkeypatch, block):
    monkeypatch.setattr("labeltree.metrics.specific.BLOCK", block)
    rng = np.random.default_rng(0)
    names = [f"n{i}" for i in range(40)]
    edges = [
        (names[i], names[j]) for i in range(40) for j in range(i + 1, 40) if rng.random() < 0.05
    ]
    columns = rng.permutation(40)[:30]  # the others are no labels
    hierarchy = Hierarchy.from_edges(edges, [names[c] for c in columns])
    below = np.zeros((40, 40), bool)
    for i, j in edges[::-1]:
        below[int(i[1:]), int(j[1:])] = True
    for i in reversed(range(40)):
        below[i] |= below[below[i]].any(axis=0)
    dense = np.where(rng.random((25, 30)) < 0.5, rng.random((25, 30)), 0).astype(np.float32)
    dense[7] = 0
    expected, share = np.zeros_like(dense), rng.random(30)
    for v in range(30):
        under = below[columns[v]][columns]
        most = dense[:, under].max(axis=1, initial=0)
        expected[:, v] = dense[:, v] * share[v] * (1 - most)
    found = specific_scores(csr_array(dense), hierarchy, share)
    np.testing.assert_allclose(found.toarray(), np.maximum(expected, 0), atol=1e-6)
    assert (found.data > 0).all()
    assert found.dtype == np.float32


def test_scores_are_not_changed_in_place():
    S = scores([0.9, 0.8, 0.7, 0.2, 0.3])
    before = S.toarray()
    specific_scores(S, DAG, ONES)
    np.testing.assert_array_equal(S.toarray(), before)


def test_nothing_stays_nothing():
    nothing = csr_array((3, 5), dtype=np.float32)
    assert specific_scores(nothing, DAG, ONES).nnz == 0
    assert specific_truth(nothing, DAG).shape == (3, 5)


def test_a_hierarchy_wider_than_the_matrix_is_refused():
    with pytest.raises(DataError, match="5 labels, the matrix 3 columns"):
        specific_scores(scores([0.1, 0.2, 0.3]), DAG, np.ones(3))
    with pytest.raises(DataError, match="5 labels"):
        specific_truth(from_rows([[0]], 3), DAG)


def test_a_constant_guess_of_the_top_label_gains_nothing():
    Y = DAG.close(from_rows([[C], [D], [E]], 5))
    guess = hstack([csr_array(np.ones((3, 1), np.float32)), csr_array((3, 4))], format="csr")
    truth = specific_truth(Y, DAG)
    share = Labels(tuple("abcde"), hierarchy=DAG).counted(Y).specific_share
    assert (guess.multiply(Y)).sum() == 3
    assert specific_scores(csr_array(guess), DAG, share).nnz == 0
    assert guess.multiply(truth).sum() == 0


def test_one_share_a_label():
    with pytest.raises(DataError, match="3 shares for 5 labels"):
        specific_scores(scores([0.1, 0.2, 0.3, 0.4, 0.5]), DAG, np.ones(3))
