"""The split of a FastXML node: known answers, a plain loop, and that nDCG never falls."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeltree.core.arrays import as_csr, for_kernel
from labeltree.kernels.ndcg_split import (
    ENOUGH,
    coin_flips,
    discounts,
    ndcg_split,
    normalisers,
    side_ranking,
)
from labeltree.kernels.sparse import Rows

FOUR = [{0, 1}, {0}, {2, 3}, {2}]
SIX = [{0, 1}, {0}, {2, 3}, {2}, {1}, {3}]


def matrix(sets, n_labels=4):
    Y = np.zeros((len(sets), n_labels))
    for row, labels in zip(Y, sets, strict=True):
        row[list(labels)] = 1
    return Y


def split(Y, start, cutoff=2**31 - 1, ideal=True):
    rows = Rows(*for_kernel(as_csr(np.asarray(Y, float), "Y")))
    discount = discounts(np.shape(Y)[1], cutoff)
    return ndcg_split(rows, np.array(start, np.int8), discount, ideal)


def rounds_by_the_book(Y, start, cutoff=2**31 - 1, ideal=True):
    """Section 1 of the sheet, document by document; returns each round's nDCG, and the sides."""
    n, n_labels = np.shape(Y)
    discount = [1 / np.log2(r + 2.0) if r < cutoff else 0.0 for r in range(n_labels)]
    own = [np.flatnonzero(y) for y in Y]
    weight = [1 / sum(discount[: len(o) if ideal else None]) if len(o) else 1.0 for o in own]
    sign, before, values = np.array(start, int), 0.0, []
    while True:
        mass = {1: np.zeros(n_labels), -1: np.zeros(n_labels)}
        for i in range(n):
            for label in own[i]:
                mass[sign[i]][label] += weight[i] * Y[i][label]
        of_label, gained = {}, 0.0
        for side in (1, -1):
            order = sorted(range(n_labels), key=lambda label: (-mass[side][label], label))
            of_label[side] = {label: discount[rank] for rank, label in enumerate(order)}
            gained += sum(of_label[side][label] * mass[side][label] for label in range(n_labels))
        for i in range(n):
            ahead = 0.0
            for label in own[i]:
                ahead += Y[i][label] * (of_label[1][label] - of_label[-1][label])
            sign[i] = int(np.sign(ahead)) or sign[i]
        values.append(gained / n)
        if values[-1] - before < ENOUGH:
            return values, sign
        before = values[-1]


@pytest.mark.parametrize(
    ("sets", "start", "end", "ndcg"),
    [
        (FOUR, (1, 1, 1, -1), (1, 1, -1, -1), [0.892660, 1.0, 1.0]),
        (SIX, (1, -1, 1, -1, 1, -1), (1, 1, -1, -1, 1, -1), [0.783595, 0.855155, 0.876977]),
    ],
)
def test_known_answers(sets, start, end, ndcg):
    found = split(matrix(sets), start)
    assert found.sign.tolist() == list(end)
    assert found.ndcg == pytest.approx(ndcg[-1], abs=1e-6)
    values, sign = rounds_by_the_book(matrix(sets), start)
    np.testing.assert_allclose(values[: len(ndcg)], ndcg, atol=1e-6)
    assert sign.tolist() == list(end)
    assert found.n_rounds == len(values)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 30), st.integers(1, 12), st.booleans())
def test_it_is_the_plain_loop_and_never_falls(seed, n, n_labels, ideal):
    rng = np.random.default_rng(seed)
    Y = (rng.random((n, n_labels)) < 0.3).astype(np.float32)
    Y *= 1 if ideal else rng.uniform(1, 9, n_labels).astype(np.float32)
    start, _ = coin_flips(n, np.uint64(seed))
    values, sign = rounds_by_the_book(Y, start, ideal=ideal)
    found = split(Y, start, ideal=ideal)
    np.testing.assert_array_equal(found.sign, sign)
    assert found.n_rounds == len(values)
    assert found.ndcg == pytest.approx(values[-1])
    assert (np.diff(values) > -1e-12).all()


def test_a_cutoff_hides_lower_ranks():
    rng = np.random.default_rng(1)
    Y = (rng.random((40, 30)) < 0.2).astype(float)
    start, _ = coin_flips(40, np.uint64(1))
    _, sign = rounds_by_the_book(Y, start, cutoff=5)
    np.testing.assert_array_equal(split(Y, start, cutoff=5).sign, sign)
    assert (split(Y, start).sign != sign).any()


def test_the_start_is_not_touched():
    start = np.array([1, 1, 1, -1], np.int8)
    split(matrix(FOUR), start)
    assert start.tolist() == [1, 1, 1, -1]


def test_a_document_without_labels_stays_where_it_is():
    for side in (1, -1):
        assert split(matrix([*FOUR, set()]), (1, 1, 1, -1, side)).sign[-1] == side


def test_all_labels_have_ranks_those_without_mass_too():
    Y = matrix([{1}, {3}])
    rows = Rows(*for_kernel(as_csr(Y, "Y")))
    discount = discounts(4, 4)
    sign = np.array([1, -1], np.int8)
    of_label, gain = side_ranking(rows, np.ones(2), sign, 1, discount)
    # label 1 first, then 0, 2, 3: ties by the lower number
    np.testing.assert_allclose(of_label, discount[[1, 0, 2, 3]])
    assert gain == 1


def test_discounts_and_normalisers():
    np.testing.assert_allclose(discounts(4, 2), [1, 1 / np.log2(3), 0, 0])
    rows = Rows(*for_kernel(as_csr(matrix([{0, 1}, set(), {2}]), "Y")))
    discount = discounts(4, 4)
    expected = [1 / discount[:2].sum(), 1, 1]
    np.testing.assert_allclose(normalisers(rows, discount, True), expected)
    np.testing.assert_allclose(normalisers(rows, discount, False), 1 / discount.sum())


def test_coins_are_fair_and_repeat():
    first, after = coin_flips(10_000, np.uint64(5))
    second, _ = coin_flips(10_000, np.uint64(5))
    other, _ = coin_flips(10_000, after)
    np.testing.assert_array_equal(first, second)
    assert set(first) == {1, -1}
    assert abs(first.mean()) < 0.05
    assert abs((first * other).mean()) < 0.05
