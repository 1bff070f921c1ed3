from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from labeltree.core.arrays import from_parts
from labeltree.core.errors import DataError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.scores import (
    FLOOR,
    above,
    best,
    from_ranking,
    mean,
    ranked,
    rescored,
    top_k,
    with_ancestors,
)


def scores(*rows):
    return csr_array(np.array(rows, np.float32))


def rankings(S):
    """Return the labels of each row by rank."""
    entry, ptr = ranked(S)
    return [S.indices[entry[a:b]].tolist() for a, b in pairwise(ptr)]


def keeps_the_contract(S):
    """Check what every score matrix promises; return it."""
    assert type(S) is csr_array
    assert (S.dtype, S.indices.dtype, S.indptr.dtype) == (np.float32, np.int32, np.int32)
    fresh = csr_array((S.data, S.indices, S.indptr), shape=S.shape)
    fresh.check_format(full_check=True)
    assert fresh.has_canonical_format
    assert (S.data > 0).all()
    assert (S.data <= 1).all()
    for a, b in pairwise(S.indptr):
        assert len(np.unique(S.data[a:b])) == b - a, "no two entries of a row are equal"
    return S


score = st.one_of(st.sampled_from([0.0, 1e-45, 1e-30, 0.5, 1.0]), st.floats(0, 1))

ranked_score = score.map(np.float32).filter(bool)


@st.composite
def random_scores(draw, n_labels=6):
    dense = [
        [draw(st.one_of(st.none(), ranked_score)) for _ in range(n_labels)]
        for _ in range(draw(st.integers(0, 4)))
    ]
    rows = [[(c, v) for c, v in enumerate(row) if v is not None] for row in dense]
    indptr = np.cumsum([0, *map(len, rows)])
    data = np.array([v for row in rows for _, v in row], np.float32)
    indices = np.array([c for row in rows for c, _ in row], np.int32)
    return from_parts(data, indices, indptr, (len(rows), n_labels))


# ---- ranked, top_k, best -------------------------------------------------------------------------


def test_ties_put_the_lower_label_first():
    S = scores([0.5, 0.9, 0.5, 0.5], [0, 0, 0, 0], [0, 1, 0, 1])
    assert rankings(S) == [[1, 0, 2, 3], [], [1, 3]]


def test_columns_need_not_be_sorted():
    S = csr_array((1, 4), dtype=np.float32)
    S.data, S.indices, S.indptr = np.float32([0.5, 0.5, 0.9]), np.int32([3, 1, 2]), np.int32([0, 3])
    assert rankings(S) == [[2, 1, 3]]


@pytest.mark.parametrize("dtype", [np.uint8, bool, np.int64])
def test_whole_numbers_are_ranked_too(dtype):
    S = csr_array((1, 3), dtype=dtype)
    S.data, S.indices, S.indptr = np.array([1, 0], dtype), np.int32([0, 2]), np.int32([0, 2])
    assert rankings(S) == [[0, 2]]
    assert top_k(S, 2)[0].tolist() == [[0, 2]]


def test_nan_is_refused_everywhere():
    S = scores([0.5, np.nan])
    for call in (ranked, lambda s: top_k(s, 1), lambda s: best(s, 1), lambda s: mean([s])):
        with pytest.raises(DataError, match="NaN"):
            call(S)
    with pytest.raises(DataError, match="NaN"):
        from_ranking(np.array([[0, 1]]), np.array([[0.5, np.nan]]), 2)
    with pytest.raises(DataError, match="NaN"):
        with_ancestors(S, Hierarchy.from_edges([("a", "b")]))


def test_nan_behind_the_last_label_does_not_matter():
    S = from_ranking(np.array([[0, -1]]), np.array([[0.5, np.nan]]), 2)
    assert S.toarray().tolist() == [[0.5, 0]]


def test_top_k_fills_up_with_minus_one_and_zero():
    labels, values = top_k(scores([0, 0.25, 0.75], [0, 0, 0]), 3)
    assert labels.tolist() == [[2, 1, -1], [-1, -1, -1]]
    assert values.tolist() == [[0.75, 0.25, 0], [0, 0, 0]]
    assert (labels.dtype, values.dtype) == (np.int32, np.float32)


@given(random_scores(), st.integers(0, 8))
def test_top_k_against_sorting(S, k):
    labels, values = top_k(S, k)
    for i in range(S.shape[0]):
        row = S[[i]]
        pairs = sorted(
            zip(row.indices.tolist(), row.data.tolist(), strict=True), key=lambda p: (-p[1], p[0])
        )[:k]
        assert labels[i, : len(pairs)].tolist() == [c for c, _ in pairs]
        assert values[i, : len(pairs)].tolist() == [v for _, v in pairs]
        assert (labels[i, len(pairs) :] == -1).all()


@given(random_scores(), st.integers(0, 8))
def test_best_keeps_the_first_k_as_they_are(S, k):
    kept = best(S, k)
    assert rankings(kept) == [r[:k] for r in rankings(S)]
    dense = kept.toarray()
    np.testing.assert_array_equal(dense, S.toarray() * (dense > 0))
    assert kept.shape == S.shape


# ---- from_ranking --------------------------------------------------------------------------------


def test_from_ranking():
    S = from_ranking(np.array([[2, 0], [1, -1], [-1, -1]]), np.array([[0.5, 0.25]] * 3), 3)
    assert keeps_the_contract(S).toarray().tolist() == [[0.25, 0, 0.5], [0, 0.5, 0], [0, 0, 0]]


@pytest.mark.parametrize("value", [0.0, 1e-45, 1e-31, 1e-30, 0.5, 1.0, 7.0, -3.0])
@pytest.mark.parametrize("k", [1, 2, 300])
def test_equal_scores_keep_their_order(value, k):
    labels = np.random.default_rng(0).permutation(400)[None, :k]
    S = keeps_the_contract(from_ranking(labels, np.full((1, k), value), 400))
    assert rankings(S) == labels.tolist()
    assert S.data.min() >= FLOOR
    assert abs(S.data - np.clip(value, FLOOR, 1)).max() < 1e-4 * max(FLOOR, min(value, 1))


def test_scores_below_the_smallest_number_keep_their_order():
    values = np.array([[1e-20, 1e-29, 1e-30, 1e-31, 1e-45, 5e-324, 0, 0]])
    S = keeps_the_contract(from_ranking(np.arange(8)[None], values, 8))
    assert rankings(S) == [list(range(8))]
    assert S.data[0] == np.float32(1e-20)


def test_scores_that_differ_by_more_than_a_step_stay_as_they_are():
    values = np.float32([[1, 0.5, 0.25, 1e-7, 1e-20]])
    assert from_ranking(np.arange(5)[None], values, 5).data.tolist() == values[0].tolist()


def test_a_tie_is_broken_by_the_smallest_step():
    data = from_ranking(np.arange(3)[None], np.array([[0.5, 0.5, 0.25]]), 3).data
    assert data.tolist() == [0.5, np.nextafter(np.float32(0.5), np.float32(0)), 0.25]


def test_one_tie_may_push_the_next():
    just_below = float(np.nextafter(np.float32(0.5), np.float32(0)))
    S = from_ranking(np.array([[2, 1, 0]]), np.array([[0.5, 0.5, just_below]]), 3)
    assert rankings(keeps_the_contract(S)) == [[2, 1, 0]]


@given(st.lists(st.lists(score, min_size=4, max_size=4), max_size=5), st.data())
def test_any_ranking_keeps_its_order(values, data):
    values = np.sort(np.array(values, float).reshape(-1, 4))[:, ::-1]
    labels = np.array([data.draw(st.permutations(range(5)))[:4] for _ in values]).reshape(-1, 4)
    lengths = np.array([data.draw(st.integers(0, 4)) for _ in values], int)
    labels[np.arange(4) >= lengths[:, None]] = -1
    S = keeps_the_contract(from_ranking(labels, values, 5))
    assert rankings(S) == [row[:n].tolist() for row, n in zip(labels, lengths, strict=True)]
    for i, n in enumerate(lengths):
        np.testing.assert_allclose(S.toarray()[i, labels[i, :n]], values[i, :n], atol=1e-6)


@given(st.lists(st.lists(score, min_size=0, max_size=4), min_size=1, max_size=5))
def test_a_row_does_not_depend_on_its_neighbours(rows):
    labels = np.array([[*range(len(r)), *[-1] * (4 - len(r))] for r in rows])
    values = np.array([[*sorted(r)[::-1], *[0.0] * (4 - len(r))] for r in rows])
    together = from_ranking(labels, values, 4)
    for i in range(len(rows)):
        n = len(rows[i])
        alone = from_ranking(labels[[i], :n], values[[i], :n], 4)
        assert (alone != together[[i]]).nnz == 0


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (0, 0)])
def test_no_documents_or_no_ranks(shape):
    S = from_ranking(np.zeros(shape, np.int32), np.zeros(shape), 4)
    assert (S.shape, S.nnz) == ((shape[0], 4), 0)


# ---- mean ----------------------------------------------------------------------------------------


def test_mean_counts_absent_labels_as_zero():
    S = mean([scores([1, 0.5, 0], [0, 0, 0]), scores([0, 0.25, 0.25], [0, 0, 0])])
    np.testing.assert_allclose(keeps_the_contract(S).toarray(), [[0.5, 0.375, 0.125], [0, 0, 0]])


def test_weights_are_shares():
    parts = [scores([1, 0.2]), scores([0.4, 0.8])]
    np.testing.assert_allclose(mean(parts, [3, 1]).toarray(), [[0.85, 0.35]], rtol=1e-6)
    np.testing.assert_allclose(mean(parts, [0, 9]).toarray(), [[0.4, 0.8]], rtol=1e-6)


def test_the_mean_of_equals_is_the_same():
    S = scores([1, 0.3, 1e-20])
    for n in (1, 2, 3, 7):
        np.testing.assert_allclose(mean([S] * n).toarray(), S.toarray(), rtol=1e-6)


def test_a_mean_orders_ties_by_label():
    S = keeps_the_contract(mean([scores([0.3, 0.5, 0]), scores([0.5, 0.3, 0.1])]))
    assert rankings(S) == [[0, 1, 2]]


@given(st.lists(random_scores(), min_size=1, max_size=3))
def test_mean_against_dense(parts):
    n = min(p.shape[0] for p in parts)
    parts = [p[:n] for p in parts]
    S = keeps_the_contract(mean(parts))
    dense = np.mean([p.toarray().astype(float) for p in parts], axis=0)
    np.testing.assert_allclose(S.toarray(), dense, rtol=1e-5, atol=2e-30)
    assert ((S.toarray() > 0) == np.any([p.toarray() > 0 for p in parts], axis=0)).all()


@pytest.mark.parametrize("weights", [[1.0], [0.0, 0.0], [2.0, -1.0], [1.0, 1.0, 1.0]])
def test_wrong_weights_are_refused(weights):
    with pytest.raises(DataError, match="weights"):
        mean([scores([0.5]), scores([0.5])], weights)


def test_there_is_no_mean_of_nothing():
    with pytest.raises(DataError, match="0 scores"):
        mean([])


# ---- above ---------------------------------------------------------------------------------------


def test_decisions_by_one_threshold():
    S = scores([0.5, 0.4, 0], [0.2, 0, 0], [0, 0.6, 1])
    decided = above(S, 0.4)
    assert decided.toarray().tolist() == [[1, 1, 0], [0, 0, 0], [0, 1, 1]]
    assert decided.nnz == 4
    assert decided.dtype == np.float32


def test_decisions_by_a_threshold_for_each_label():
    S = scores([0.5, 0.4, 0], [0.2, 0.3, 0.9])
    decided = above(S, np.float32([0.3, 0.4, 1]))
    assert decided.toarray().tolist() == [[1, 1, 0], [0, 0, 0]]


@pytest.mark.parametrize("value", [0.1, 0.7, 1e-20, 1.0])
@pytest.mark.parametrize(
    "spelled", [float, np.float32, np.float64, np.array, lambda v: np.array([v]), lambda v: [v]]
)
def test_a_score_reaches_its_own_threshold_however_it_is_spelled(value, spelled):
    assert above(scores([value]), spelled(value)).nnz == 1
    assert above(scores([value / 2]), spelled(value)).nnz == 0


def test_thresholds_of_another_number_are_refused():
    with pytest.raises(DataError, match=r"shape \(2,\), there are 3 labels"):
        above(scores([0.5, 0.4, 0]), np.float32([0.1, 0.2]))


# ---- with_ancestors ------------------------------------------------------------------------------

EDGES = [("a", "b"), ("b", "c"), ("a", "d"), ("x", "d"), ("x", "meta"), ("meta", "c")]
IDS = ["c", "d", "b", "a", "x", "lone"]
DAG = Hierarchy.from_edges(EDGES, IDS)


def test_ancestors_get_the_best_score_below_them():
    S = keeps_the_contract(with_ancestors(scores([0.5, 0.75, 0, 0.125, 0, 0.25], [0] * 6), DAG))
    expected = [[0.5, 0.75, 0.5, 0.75, 0.75, 0.25], [0] * 6]
    np.testing.assert_allclose(S.toarray(), expected, rtol=1e-6)
    assert rankings(S) == [[3, 4, 1, 2, 0, 5], []], "on a tie the ancestor comes first"


def test_an_own_score_above_those_below_stays():
    S = with_ancestors(scores([0.25, 0, 0, 0.75, 0, 0]), DAG)
    np.testing.assert_allclose(S.toarray(), [[0.25, 0, 0.25, 0.75, 0.25, 0]], rtol=1e-6)


@given(random_scores(n_labels=8))
def test_ancestors_against_the_definition(S):
    """Columns 6 and 7 are outside the hierarchy: they have no ancestors."""
    up = DAG.label_ancestors.toarray()
    expected = np.maximum(S.toarray(), np.float32(FLOOR) * (S.toarray() > 0))
    for i, c in np.argwhere(S.toarray()):
        for a in range(6):
            if c < 6 and up[c, a]:
                expected[i, a] = max(expected[i, a], expected[i, c])
    found = keeps_the_contract(with_ancestors(S, DAG))
    np.testing.assert_allclose(found.toarray(), expected, rtol=2e-6)
    for row in rankings(found):
        for rank, c in enumerate(row):
            higher = {a for a in range(6) if c < 6 and up[c, a]}
            assert higher <= set(row[:rank]), "every ancestor ranks before its descendants"


def test_scores_that_are_closed_stay():
    once = with_ancestors(scores([0.5, 0.75, 0, 0.125, 0, 0.25]), DAG)
    assert (with_ancestors(once, DAG) != once).nnz == 0


def test_nothing_ranked_has_no_ancestors():
    S = with_ancestors(csr_array((3, 6), dtype=np.float32), DAG)
    assert (S.shape, S.nnz, S.dtype) == ((3, 6), 0, np.float32)
    flat = Hierarchy.from_edges([], IDS)
    assert with_ancestors(scores([0.5] + [0] * 5), flat).toarray().tolist() == [[0.5] + [0] * 5]


def test_rescored_keeps_the_old_order_on_ties():
    old = csr_array(np.array([[0.9, 0.5, 0.7, 0], [0, 0.2, 0, 0.1]], np.float32))
    new = rescored(old, np.array([0.3, 0.3, 0.3, 0.0, 2.0]))
    assert new.dtype == np.float32
    assert ranked(new)[0].tolist() == [0, 2, 1, 4, 3]
    assert new.data[:3] == pytest.approx([0.3] * 3, abs=1e-6)
    assert new.data[4] == 1
    assert FLOOR <= new.data[3] < 1e-29
    with pytest.raises(DataError, match="NaN"):
        rescored(old, np.full(5, np.nan))
