"""Beam search against a plain Python search over dense weights, on random trees."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from labeltree.core.arrays import as_csr, for_kernel
from labeltree.core.pool import ThreadPool
from labeltree.core.scores import FLOOR, from_ranking, top_k
from labeltree.core.tree import LabelTree
from labeltree.kernels import alone, beam, chunk, heap, transform
from labeltree.kernels.found import as_rows, best_labels
from labeltree.kernels.sparse import Rows
from labeltree.linear.tree import LinearTree, Search, ballot, rank
from labeltree.linear.weights import Chunks, Piece

ALL = 10**6
POOL = ThreadPool(1)


class Case(NamedTuple):
    """A tree with dense weights (n_nodes, n_features) and documents (n, n_features)."""

    tree: LabelTree
    W: np.ndarray
    bias: np.ndarray
    X: csr_array
    n_labels: int
    loss: int


def random_case(seed, *, n_nodes=30, n_features=12, n=5, loss=0, ties=False, inner=0.3, copies=0.3):
    """Ragged tree, some inner nodes labels, some labels twice, some biases infinite.

    With `ties` all numbers are multiples of a half, so that scores often tie exactly.
    """
    rng = np.random.default_rng(seed)
    parent = np.r_[-1, [rng.integers(max(0, v - 8), v) for v in range(1, n_nodes)]].astype(int)
    is_label = ~np.isin(np.arange(n_nodes), parent) | (rng.random(n_nodes) < inner)
    is_label[0] = False
    number = rng.permutation(n_nodes)
    number = np.where(
        rng.random(n_nodes) < copies, number[rng.integers(0, n_nodes, n_nodes)], number
    )
    tree = LabelTree.from_parents(parent, np.where(is_label, number, -1))
    W = rng.normal(size=(n_nodes, n_features)) * (rng.random((n_nodes, n_features)) < 0.5)
    bias = rng.normal(size=n_nodes)
    X = rng.normal(size=(n, n_features)) * (rng.random((n, n_features)) < 0.6)
    if ties:
        W, bias, X = (np.round(2 * a) / 2 for a in (W, bias, X))
    bias[rng.random(n_nodes) < 0.07] = np.inf
    bias[rng.random(n_nodes) < 0.07] = -np.inf
    W[~np.isfinite(bias)] = 0
    return Case(tree, W.astype("f4"), bias.astype("f4"), as_csr(X, "X"), n_nodes, loss)


def linear_tree(case, max_siblings=1024):
    """Cut the dense weights into chunks of at most `max_siblings` children."""
    tree, pieces, node, first_child = case.tree, [], [], []
    for v in tree.inner:
        for first in range(tree.child_ptr[v], tree.child_ptr[v + 1], max_siblings):
            last = min(first + max_siblings, tree.child_ptr[v + 1])
            columns = csr_array(case.W[first:last].T)
            columns.sort_indices()
            counts = np.diff(columns.indptr)
            pieces.append(
                Piece(
                    np.flatnonzero(counts).astype("u4"),
                    np.r_[0, np.cumsum(counts[counts > 0])].astype("u4"),
                    columns.indices.astype("u2"), columns.data, case.bias[first:last],
                )
            )  # fmt: skip
            node.append(v)
            first_child.append(first)
    places = np.array(node, np.int32), np.array(first_child, np.int32)
    weights = Chunks.joined(pieces, *places, tree.n_nodes)
    return LinearTree(tree, weights, np.full(tree.n_nodes, case.loss, np.int8), case.W.shape[1])


def ranking(case, width=ALL, max_siblings=1024, k=None):
    S = rank(
        [linear_tree(case, max_siblings)], case.X, Search(k or case.n_labels, width),
        n_labels=case.n_labels, pool=POOL,
    )  # fmt: skip
    labels, values = top_k(S, S.shape[1])
    return [(row[row >= 0].tolist(), v[row >= 0]) for row, v in zip(labels, values, strict=True)]


# ---- the oracle ----------------------------------------------------------------------------------


def margin(case, i, node):
    """Sum in float32 over the document's features in ascending order."""
    total = case.bias[node]
    for j in range(case.X.indptr[i], case.X.indptr[i + 1]):
        if case.W[node, case.X.indices[j]]:
            total = total + case.X.data[j] * case.W[node, case.X.indices[j]]
    return total


def plain_search(case, i, width):
    """Return {label: (score, certainty)} by a beam search with lists, its own tie rule included."""
    front, found = [(0, 0.0, np.float32(0))], {}
    while front:
        met = []
        for node, s, sure in front:
            for child in range(case.tree.child_ptr[node], case.tree.child_ptr[node + 1]):
                f = margin(case, i, child)
                score = s + transform.log_transform(f, case.loss)
                # Added as float64: numpy alone would round the certainty to float32 first.
                c = np.float32(float(sure) + float(transform.certainty(f)))
                label = int(case.tree.label[child])
                if score > -np.inf:
                    met.append((-score, -c, child))
                    if label >= 0:
                        old = found.get(label, (-np.inf, -np.inf))
                        found[label] = (max(old[0], score), max(old[1], c))
        inner = [m for m in met if case.tree.child_ptr[m[2] + 1] > case.tree.child_ptr[m[2]]]
        front = [(child, -s, -c) for s, c, child in sorted(inner)[:width]]
    return found


def in_order(found):
    return sorted(found, key=lambda label: (-found[label][0], -found[label][1], label))


def exhaustive(case):
    """Return log scores (n, n_labels) of all labels by dense products over whole paths."""
    margins = case.X.toarray().astype(float) @ case.W.T.astype(float) + case.bias
    logs = -(np.maximum(0, 1 - margins) ** 2) if case.loss == 0 else -np.logaddexp(0, -margins)
    best = np.full((case.X.shape[0], case.n_labels), -np.inf)
    for node in np.flatnonzero(case.tree.label >= 0):
        score = logs[:, case.tree.path(int(node))].sum(axis=1)
        label = case.tree.label[node]
        best[:, label] = np.maximum(best[:, label], score)
    return best


CASES = {
    "seed": st.integers(0, 10**6), "n_nodes": st.integers(2, 60), "loss": st.sampled_from([0, 1]),
    "ties": st.booleans(), "max_siblings": st.sampled_from([1, 2, 3, 1024]),
}  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(**CASES)
def test_unlimited_beam_equals_exhaustive_scoring(seed, n_nodes, loss, ties, max_siblings):
    case = random_case(seed, n_nodes=n_nodes, loss=loss, ties=ties)
    expected = exhaustive(case)
    for i, (labels, values) in enumerate(ranking(case, max_siblings=max_siblings)):
        assert set(labels) == set(np.flatnonzero(expected[i] > -np.inf))
        scores = expected[i, labels]
        seen = np.exp(scores) > 1e-25
        np.testing.assert_allclose(values[seen], np.exp(scores[seen]), rtol=1e-4)
        assert (np.diff(scores) < 1e-4 * (1 + np.abs(scores[1:]))).all(), "best first"


@settings(max_examples=100, deadline=None)
@given(width=st.integers(1, 6), **CASES)
def test_beam_equals_a_plain_beam_search(width, seed, n_nodes, loss, ties, max_siblings):
    case = random_case(seed, n_nodes=n_nodes, loss=loss, ties=ties)
    for i, (labels, _) in enumerate(ranking(case, width, max_siblings)):
        assert labels == in_order(plain_search(case, i, width))


def test_a_narrow_beam_misses_labels():
    cases = [random_case(s, n_nodes=60) for s in range(5)]
    wide, narrow = ([len(r[0]) for c in cases for r in ranking(c, w)] for w in (ALL, 2))
    assert sum(narrow) < sum(wide)


@settings(max_examples=40, deadline=None)
@given(width=st.integers(1, 4), k=st.integers(1, 12), **CASES)
def test_asking_for_k_cuts_the_ranking(k, width, seed, n_nodes, loss, ties, max_siblings):
    case = random_case(seed, n_nodes=n_nodes, loss=loss, ties=ties)
    for few, many in zip(ranking(case, width, max_siblings, k), ranking(case, width), strict=True):
        assert few[0] == many[0][:k]
        shown = few[1] > 1e-29  # the floor leaves room for k ranks, so it depends on k
        np.testing.assert_array_equal(few[1][shown], many[1][:k][shown])


# ---- one document, one chunk ---------------------------------------------------------------------


def wide_case(seed, n_features, per_document, n=40, n_children=9):
    rng = np.random.default_rng(seed)
    tree = LabelTree.from_parents(np.r_[-1, np.zeros(n_children, int)], np.arange(-1, n_children))
    W = rng.normal(size=(n_children + 1, n_features))
    W *= (rng.random(n_features) < 0.7) * (rng.random(W.shape) < 0.6)
    X = np.zeros((n, n_features))
    for row in X:
        row[rng.choice(n_features, per_document, replace=False)] = rng.normal(size=per_document)
    bias = rng.normal(size=n_children + 1)
    return Case(tree, W.astype("f4"), bias.astype("f4"), as_csr(X, "X"), n_children, 0)


@pytest.mark.parametrize("per_document", [0, 1, 3, 30, 80])
@pytest.mark.parametrize(("n_children", "max_siblings"), [(9, 1024), (9, 4), (2, 1024), (50, 40)])
def test_searching_and_looking_up_give_the_same_bits(per_document, n_children, max_siblings):
    case = wide_case(per_document, 80, per_document, n_children=n_children)
    # Every third feature speaks for one child only: rows of both kinds in wide chunks.
    case.W[2:, ::3] = 0
    chunks, rows = linear_tree(case, max_siblings).arrays, Rows(*for_kernel(case.X))
    scratch, kinds = np.zeros(80, np.int32), set()
    for c in range(len(chunks.first_child)):
        first = chunks.first_child[c]
        nodes = range(first, min(first + max_siblings, n_children + 1))
        table = chunk.opened(chunks, c, len(nodes), scratch)
        kinds |= set(np.sign(scratch).tolist())
        for i in range(case.X.shape[0]):
            searched, looked_up = (case.bias[list(nodes)].copy() for _ in range(2))
            alone.search_row(rows, i, chunks, c, searched)
            if len(nodes) > 2:
                chunk.table_row(rows, i, chunks, c, chunk.Table(*table), looked_up)
            else:
                chunk.pair_row(rows, i, chunk.Table(*table), looked_up)
            np.testing.assert_array_equal(searched, looked_up)
            assert searched.tolist() == [margin(case, i, v) for v in nodes]
        chunk.closed(chunks, c, chunk.Table(*table))
        assert not scratch.any(), "the scratch comes back as it was"
    assert kinds == ({-1, 0, 1} if n_children == 50 else {0, 1})


@pytest.mark.parametrize("per_document", [0, 1, 3, 30, 80])
@pytest.mark.parametrize(("n_children", "max_siblings"), [(9, 1024), (9, 4), (2, 1024), (50, 40)])
@pytest.mark.parametrize("n_features", [80, 3000])
def test_an_index_gives_the_same_bits(per_document, n_children, max_siblings, n_features):
    case = wide_case(per_document, 80, per_document, n_children=n_children)
    far = np.sort(np.random.default_rng(1).choice(n_features, 80, replace=False))
    W = np.zeros((n_children + 1, n_features), np.float32)
    W[:, far] = case.W
    if n_features == 80:  # all weights are there
        W[1:] = np.random.default_rng(2).normal(size=(n_children, 80))
    X = csr_array((case.X.data, far[case.X.indices], case.X.indptr), (40, n_features))
    case = case._replace(W=W, X=as_csr(X, "X"))
    linear, rows = linear_tree(case, max_siblings), Rows(*for_kernel(case.X))
    chunks = linear.indexed
    spread = chunks.rows_index.spread_at >= 0
    assert spread.any() == (n_features == 80), "where features are many, only the index is left"
    assert (chunks.rows_index.shift == 0).all() == (n_features == 80)
    for c in range(len(chunks.first_child)):
        first = chunks.first_child[c]
        nodes = list(range(first, min(first + max_siblings, n_children + 1)))
        for i in range(case.X.shape[0]):
            found = [case.bias[nodes].copy() for _ in range(4)]
            alone.search_row(rows, i, chunks, c, found[0])
            alone.alone(rows, i, chunks, c, n_features, found[1])  # spread out, if that pays
            if chunks.rows_index.shift[c]:
                alone.indexed_row(rows, i, chunks, c, found[2])
                alone.fetched_row(rows, i, chunks, c, found[3])
            else:
                alone.direct_row(rows, i, chunks, c, found[2])
                found.pop()
            for other in found[1:]:
                np.testing.assert_array_equal(found[0], other)


def test_documents_one_by_one_get_an_index_and_the_same_answers():
    case = random_case(5, n_nodes=60, n=30)
    linear = linear_tree(case)
    together = rank([linear], case.X, Search(7, 3), n_labels=60, pool=POOL)
    assert "indexed" not in vars(linear)
    for i in range(30):
        alone = rank([linear], as_csr(case.X[[i]], "X"), Search(7, 3), n_labels=60, pool=POOL)
        assert (alone != together[[i]]).nnz == 0
    assert "indexed" in vars(linear)


@pytest.mark.parametrize("loss", [0, 1])
@pytest.mark.parametrize("max_siblings", [1024, 2])
def test_alone_equals_in_a_batch_bit_by_bit(loss, max_siblings):
    case = wide_case(1, 200, 4, n=150)._replace(loss=loss)
    linear = linear_tree(case, max_siblings)
    # One document searches the chunk, the batch fills the table: both ways are compared.
    n_rows = np.diff(linear.weights.chunk_ptr)
    assert (2 * n_rows > 8 * 4).any()
    assert (2 * n_rows < 8 * 4 * 150).all()
    rows = Rows(*for_kernel(case.X))
    table = np.zeros(200, np.int32)
    batch = beam.beam_search(rows, linear.arrays, 3, table)
    assert not table.any(), "the scratch comes back as it was"
    for i in range(150):
        one = Rows(*for_kernel(as_csr(case.X[[i]], "X")))
        alone = beam.beam_search(one, linear.arrays, 3, table)
        mine = slice(batch.ptr[i], batch.ptr[i + 1])
        assert alone.ptr.tolist() == [0, mine.stop - mine.start]
        for part in ("label", "log_score", "certainty"):
            np.testing.assert_array_equal(getattr(alone, part), getattr(batch, part)[mine])


@settings(max_examples=40, deadline=None)
@given(width=st.integers(1, 4), **CASES)
def test_a_deep_search_does_not_depend_on_the_batch(width, seed, n_nodes, loss, ties, max_siblings):
    case = random_case(seed, n_nodes=n_nodes, loss=loss, ties=ties, n=20, n_features=30)
    together = ranking(case, width, max_siblings, k=7)
    for i in (0, 7, 19):
        alone = ranking(case._replace(X=as_csr(case.X[[i]], "X")), width, max_siblings, k=7)[0]
        assert alone[0] == together[i][0]
        np.testing.assert_array_equal(alone[1], together[i][1])


def test_a_document_without_features_gets_the_biases():
    case = wide_case(2, 20, 3, n=2)
    case = case._replace(X=as_csr(case.X.multiply([[0], [1]]), "X"))
    labels, values = ranking(case)[0]
    expected = np.exp(-(np.maximum(0, 1 - case.bias[1:].astype(float)) ** 2))
    assert labels == np.lexsort((np.arange(9), -case.bias[1:], -expected)).tolist()
    np.testing.assert_allclose(values, expected[labels], rtol=1e-6)


# ---- order where scores tie or vanish ------------------------------------------------------------


def by_bias(parent, label, bias, loss=0):
    """A tree whose margins are the biases: the document has no features."""
    tree = LabelTree.from_parents(parent, label)
    assert tree.parent.tolist() == list(parent), "nodes stand in breadth-first order"
    W, X = np.zeros((len(parent), 1), "f4"), as_csr(np.zeros((1, 1)), "X")
    return Case(tree, W, np.array(bias, "f4"), X, max(label) + 1, loss)


def test_scores_that_saturate_rank_by_margin_then_by_label():
    case = by_bias([-1, 0, 0, 0, 0, 0], [-1, 4, 1, 3, 0, 2], [0, 1.5, 1.5, 3, 1, 0.999])
    labels, values = ranking(case)[0]
    assert labels == [3, 1, 4, 0, 2]
    assert values[0] == 1
    assert (np.diff(values) < 0).all()
    assert values[3] > 1 - 1e-6 > values[4] * (1 - 2e-7), "the ties are one by a hair"


def test_equal_nodes_enter_the_beam_by_margin_then_by_number():
    parent, label = [-1, 0, 0, 0, 1, 2, 3], [-1, -1, -1, -1, 2, 1, 0]
    assert ranking(by_bias(parent, label, [0, 2, 2, 2, 0, 0, 0]), 1)[0][0] == [2]
    assert ranking(by_bias(parent, label, [0, 2, 2, 5, 0, 0, 0]), 1)[0][0] == [0]
    assert ranking(by_bias(parent, label, [0, 2, 2, 5, 0, 0, 0]), 2)[0][0] == [0, 2]
    assert ranking(by_bias(parent, label, [0, 0.5, 0.75, 0.5, 0, 0, 0]), 1)[0][0] == [1]


@pytest.mark.parametrize("loss", [0, 1])
@pytest.mark.parametrize("below", [1.01, 5.0, 2000.0, np.inf])
def test_a_label_never_ranks_above_its_ancestors(below, loss):
    """Both scores may be 1: whatever the child's margin and number, its parent comes first."""
    case = by_bias([-1, 0, 0, 1, 3], [-1, 3, 2, 1, 0], [0, 1.01, -1, below, below], loss)
    order = ranking(case)[0][0]
    assert order.index(3) < order.index(1) < order.index(0)


def test_certainty_rises_with_the_margin_and_falls_along_paths():
    margins = [-np.inf, -5, 0, 1, 1.5, 7, 999, 1e6, np.inf]
    for function in (transform.certainty, transform.certainty.py_func):
        values = [function(np.float32(m)) for m in margins]
        assert (np.diff(values) >= 0).all()
        assert values[3] < values[4] < values[5] < values[6]
        assert max(values) < 0
        assert np.float32(-20 + max(values)) < -20, "seen in float32 below twenty levels"


def test_order_survives_underflow():
    """exp(-2000) is 0: one tree ranks by the logarithm."""
    case = by_bias([-1, 0, 1, 1, 1], [-1, -1, 0, 1, 2], [0, -43.7, -3, -2, -4])
    assert exhaustive(case).max() < -2000
    labels, values = ranking(case)[0]
    assert labels == [1, 0, 2]
    assert (values > 0).all()
    assert (values < 1e-29).all()
    assert (np.diff(values) < 0).all()


def test_far_paths_do_not_overflow():
    case = by_bias([-1, 0, 0, 1], [-1, 0, 1, 2], [0, -3e38, 3e38, -3e38])
    labels, values = ranking(case)[0]
    assert labels == [1, 0, 2]
    assert np.isfinite(values).all()
    for m in (-3e38, 3e38):
        assert np.isfinite(transform.log_transform(np.float32(m), 1))


def test_log_transform_values():
    for function in (transform.log_transform, transform.log_transform.py_func):
        for m, expected in [(-1, 0.018316), (0, 0.367879), (0.5, 0.778801), (1, 1), (7, 1)]:
            assert np.exp(function(np.float32(m), 0)) == pytest.approx(expected, abs=1e-6)
        for m in (-30, -1, 0, 0.25, 30):
            expected = -np.logaddexp(0, -m)
            assert function(np.float32(m), 1) == pytest.approx(expected, rel=2e-7, abs=1e-15)
        for loss in (0, 1):
            with np.errstate(over="ignore"):
                assert function(np.float32(-np.inf), loss) == -np.inf
                assert function(np.float32(np.inf), loss) == 0


def test_children_never_right_are_not_found_and_those_always_right_keep_the_score():
    case = by_bias(
        [-1, 0, 0, 1, 1, 2], [-1, -1, -1, 0, 1, 2], [0, 0.5, -np.inf, np.inf, -np.inf, 3]
    )
    labels, values = ranking(case)[0]
    assert labels == [0]
    assert values[0] == pytest.approx(np.exp(-0.25))


# ---- copies and several trees --------------------------------------------------------------------


def test_copies_of_a_label_combine_by_maximum():
    case = by_bias([-1, 0, 0, 1, 2, 2], [-1, -1, -1, 0, 0, 1], [0, 0.5, 0.9, 0.4, -1, 0.1])
    labels, values = ranking(case)[0]
    assert labels == [0, 1]
    np.testing.assert_allclose(values, np.exp([-0.25 - 0.36, -0.01 - 0.81]), rtol=1e-6)


def test_trees_vote_and_a_label_not_found_counts_as_nothing():
    parent, label = [-1, 0, 0, 1, 2], [-1, -1, -1, 0, 1]
    first = by_bias(parent, label, [0, 2, 0, 0.5, 0.9])
    second = by_bias(parent, label, [0, 0.5, 0.9, 0.25, 0.75])
    S = rank(
        [linear_tree(first), linear_tree(second)], first.X, Search(5, 1), n_labels=2, pool=POOL
    ).toarray()
    np.testing.assert_allclose(
        S[0], np.array([np.exp(-0.25), np.exp(-0.01 - 0.0625)]) / 2, rtol=1e-6
    )


@settings(max_examples=40, deadline=None)
@given(width=st.integers(1, 4), seed=st.integers(0, 10**6), ties=st.booleans())
def test_three_trees_equal_the_mean_of_plain_searches(width, seed, ties):
    first = random_case(seed, ties=ties)
    cases = [first] + [random_case(seed + t, ties=ties)._replace(X=first.X) for t in (1, 2)]
    S = rank([linear_tree(c) for c in cases], first.X, Search(30, width), n_labels=30, pool=POOL)
    labels, values = top_k(S, 30)
    for i in range(first.X.shape[0]):
        found = [plain_search(c, i, width) for c in cases]
        total = {}
        for label in {x for f in found for x in f}:
            mine = [f[label] for f in found if label in f]
            score = 0.0
            for s, _ in mine:
                score += max(np.exp(s) / 3, 1e-300)
            total[label] = (score, max(c for _, c in mine))
        expected = in_order(total)
        assert labels[i, : len(expected)].tolist() == expected
        assert (labels[i, len(expected) :] == -1).all()
        scores = np.array([total[label][0] for label in expected])
        np.testing.assert_allclose(values[i, : len(expected)], np.maximum(scores, 1e-30), rtol=1e-4)


# ---- the pieces ----------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(0, 40), size=st.integers(1, 12))
def test_the_heap_keeps_the_best_in_order(seed, n, size):
    rng = np.random.default_rng(seed)
    entries = [
        (float(rng.integers(3)), np.float32(rng.integers(3)), int(k)) for k in rng.permutation(n)
    ]
    expected = sorted(entries, key=lambda e: (-e[0], -e[1], e[2]))[:size]
    score, sure, key = np.zeros(size), np.zeros(size, np.float32), np.zeros(size, np.int32)
    kept = 0
    for entry in entries:
        kept = heap.push(score, sure, key, kept, entry)
    heap.sort_heap(score, sure, key, kept)
    assert kept == len(expected)
    assert list(zip(score.tolist(), sure.tolist(), key.tolist(), strict=True))[:kept] == expected


@pytest.mark.parametrize("better", [heap.better, heap.better.py_func])
def test_better(better):
    low, high = np.float32(1), np.float32(2)
    assert better(2.0, low, 9, 1.0, high, 1)
    assert not better(1.0, high, 1, 2.0, low, 9)
    assert better(1.0, high, 9, 1.0, low, 1)
    assert better(1.0, low, 1, 1.0, low, 9)
    assert not better(1.0, low, 9, 1.0, low, 9)


@pytest.mark.parametrize("node", [[3], [5, 3, 5, 3, 9], [4, 4, 4]])
def test_grouped_is_a_stable_sort(node):
    node = np.array(node, np.int32)
    low, high = int(node.min()), int(node.max())
    for function in (beam.grouped, beam.grouped.py_func):
        order, ptr = function(node, low, high)
        assert order.tolist() == np.argsort(node, kind="stable").tolist()
        for v in range(low, high + 1):
            assert (node[order[ptr[v - low] : ptr[v - low + 1]]] == v).all()
        assert ptr[high - low + 1] == len(node)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10**6), k=st.integers(1, 8), power=st.sampled_from([1, 30, 300]))
def test_rows_of_scores_equal_those_of_the_plain_way(seed, k, power):
    rng = np.random.default_rng(seed)
    scores = -np.sort(-((rng.integers(0, 5, (6, k)) / 4 * rng.choice([1, 1.5])) ** power))
    labels = np.array([rng.permutation(20)[:k] for _ in range(6)], np.int32)
    labels[np.arange(k) >= rng.integers(0, k + 1, (6, 1))] = -1
    indptr, indices, data = as_rows(labels, scores, FLOOR)
    expected = from_ranking(labels, scores, 20)
    assert indptr.tolist() == expected.indptr.tolist()
    np.testing.assert_array_equal(indices, expected.indices)
    np.testing.assert_array_equal(data, expected.data)


def test_best_labels_hands_its_scratch_back():
    case = random_case(3, copies=0.6)
    found = linear_tree(case).search(Rows(*for_kernel(case.X)), Search(5, 4))
    used = ballot(30)
    empty = [a.copy() for a in used]
    labels, _ = best_labels(found, case.X.shape[0], 6, used)
    assert (labels >= 0).any()
    for before, after in zip(empty, used, strict=True):
        np.testing.assert_array_equal(before, after)
