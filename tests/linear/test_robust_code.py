"""Codes of robust Bloom filters: clusters, subsets, and what flipped bits do."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from labeltree.linear.robust_code import (
    clustered,
    co_occurrence,
    packed,
    robust_code,
    signatures,
)


def blocks(n=300, n_groups=6, size=5, seed=0):
    """Label sets inside one group each, and label 0, which comes with all."""
    rng = np.random.default_rng(seed)
    Y = np.zeros((n, 1 + n_groups * size))
    group = rng.integers(0, n_groups, n)
    for i in range(n):
        Y[i, 1 + group[i] * size + rng.choice(size, 2, replace=False)] = 1
    Y[: n // 2, 0] = 1
    return csr_array(Y)


@settings(max_examples=60, deadline=None)
@given(n_clusters=st.integers(1, 60), n_parts=st.integers(1, 6))
def test_subsets_share_no_more_than_half(n_clusters, n_parts):
    found = signatures(n_clusters, n_parts)
    assert found.shape == (n_clusters, n_parts)
    sets = [set(row) for row in found.tolist()]
    assert all(len(s) == n_parts for s in sets), "positions of a subset differ"
    most = max((len(a & b) for a, b in combinations(sets, 2)), default=0)
    assert most <= (n_parts // 2 if n_parts > 1 else 0)
    assert set().union(*sets) == set(range(int(found.max()) + 1)), "no position is idle"


@pytest.mark.parametrize(("n_clusters", "Q"), [(1, 2), (3, 3), (4, 4), (6, 4), (7, 5), (45, 10)])
def test_pairs_use_as_few_positions_as_there_are(n_clusters, Q):
    assert signatures(n_clusters, 2).max() + 1 == Q


def test_many_clusters_need_few_positions():
    assert signatures(900, 3).max() + 1 == 93  # 31 values for each of 3 positions
    assert signatures(0, 3).shape == (0, 3)
    assert signatures(0, 2).shape == (0, 2)


def test_co_occurrence_counts_common_documents():
    Y = csr_array(np.array([[1, 1, 0], [1, 1, 1], [0, 0, 1.0]]))
    assert co_occurrence(Y).toarray().tolist() == [[0, 2, 1], [2, 0, 1], [1, 1, 0]]


def test_labels_that_come_together_are_found():
    company = co_occurrence(csr_array(blocks()[:, 1:]))
    found = clustered(company, 5, seed=0)
    assert {frozenset(c.tolist()) for c in found} == {
        frozenset(range(g * 5, g * 5 + 5)) for g in range(6)
    }


@pytest.mark.parametrize("most", [1, 2, 3, 7, 30])
def test_no_cluster_is_too_large_and_no_label_is_lost(most):
    rng = np.random.default_rng(0)
    Y = csr_array((rng.random((80, 30)) < 0.15).astype(float))
    found = clustered(co_occurrence(Y), most, seed=1)
    assert max(map(len, found)) <= most
    assert sorted(np.concatenate(found).tolist()) == list(range(30))
    again = clustered(co_occurrence(Y), most, seed=1)
    assert all((a == b).all() for a, b in zip(found, again, strict=True))


def test_labels_without_company_are_put_together():
    found = clustered(csr_array((7, 7)), 3, seed=0)
    assert sorted(map(len, found)) == [1, 3, 3]


def test_packing_puts_parts_where_there_is_room():
    found = packed([[0], [1, 2, 3], [4, 5], [6, 7, 8], [9]], 4)
    assert [c.tolist() for c in found] == [[0, 1, 2, 3], [6, 7, 8, 9], [4, 5]]


@pytest.mark.parametrize("n_parts", [1, 2, 3, 4])
def test_the_code(n_parts):
    Y = blocks()
    seen = np.arange(100, 131, dtype=np.int32)
    code = robust_code(Y, seen, 1, 5, n_parts, seed=0)
    assert code.column.tolist() == seen.tolist()
    assert code.cluster[0] == -1, "label 0 comes with all: a hub"
    assert len(set(code.bits[0].tolist())) == 1
    assert (code.bits[0, 0] != code.bits[1:]).all(), "its bit is its own"
    assert code.bits.max() == code.n_bits - 1
    members = [np.flatnonzero(code.cluster == p) for p in range(6)]
    Q = signatures(6, n_parts).max() + 1
    assert code.n_bits == 5 * Q + 1
    for p, subset in enumerate(signatures(6, n_parts)):
        expected = np.arange(5)[:, None] * Q + subset
        np.testing.assert_array_equal(code.bits[members[p]], expected)


def test_only_hubs():
    code = robust_code(blocks(), np.arange(31, dtype=np.int32), 31, 5, 2, seed=0)
    assert (code.cluster == -1).all()
    assert sorted(code.bits[:, 0].tolist()) == list(range(31))
    assert code.n_bits == 31
