"""Best-first search equals scoring everything."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from labeltree.core.arrays import as_csr, for_kernel
from labeltree.core.pool import ThreadPool
from labeltree.core.scores import top_k
from labeltree.core.tree import LabelTree
from labeltree.kernels import transform
from labeltree.kernels.best_first import best_first
from labeltree.kernels.sparse import Rows
from labeltree.linear.tree import LinearTree, Search, rank
from labeltree.linear.weights import Chunks, Piece

POOL = ThreadPool(1)


def linear_tree(seed, n_nodes, transform, *, ties=False, copies=0.0, n_features=10):
    """A ragged random tree with dense weights; some inner nodes are labels, some never right."""
    rng = np.random.default_rng(seed)
    parent = np.r_[-1, [rng.integers(max(0, v - 8), v) for v in range(1, n_nodes)]].astype(int)
    is_label = ~np.isin(np.arange(n_nodes), parent) | (rng.random(n_nodes) < 0.3)
    is_label[0] = False
    number = rng.permutation(n_nodes)
    twins = number[rng.integers(0, n_nodes, n_nodes)]
    number = np.where(rng.random(n_nodes) < copies, twins, number)
    tree = LabelTree.from_parents(parent, np.where(is_label, number, -1))
    W = rng.normal(size=(n_nodes, n_features)) * 1.5
    bias = rng.normal(size=n_nodes)
    if ties:
        W, bias = np.round(W), np.round(bias)
    bias[rng.random(n_nodes) < 0.05] = -np.inf
    W[~np.isfinite(bias)] = 0
    W, bias = W.astype("f4"), bias.astype("f4")
    pieces = []
    for v in tree.inner:
        columns = csr_array(W[tree.child_ptr[v] : tree.child_ptr[v + 1]].T)
        columns.sort_indices()
        counts = np.diff(columns.indptr)
        pieces.append(
            Piece(
                np.flatnonzero(counts).astype("u4"),
                np.r_[0, np.cumsum(counts[counts > 0])].astype("u4"),
                columns.indices.astype("u2"), columns.data,
                bias[tree.child_ptr[v] : tree.child_ptr[v + 1]],
            )
        )  # fmt: skip
    first = tree.child_ptr[tree.inner].astype(np.int32)
    weights = Chunks.joined(pieces, tree.inner, first, tree.n_nodes)
    codes = np.full(tree.n_nodes, transform, np.int8)
    if transform == 3:  # every other node, so that both kinds meet on a path
        codes[::2] = 1
    return LinearTree(tree, weights, codes, n_features)


def documents(seed, n=12, n_features=10, ties=False):
    X = np.random.default_rng(seed).normal(size=(n, n_features))
    return as_csr(np.round(X) if ties else X, "X")


CASES = {
    "seed": st.integers(0, 10**6), "n_nodes": st.integers(2, 70),
    "transform": st.sampled_from([0, 1, 2, 3]), "k": st.integers(1, 9),
}  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(ties=st.booleans(), **CASES)
def test_equals_a_beam_without_limit(seed, n_nodes, transform, k, ties):
    linear, X = linear_tree(seed, n_nodes, transform, ties=ties), documents(seed, ties=ties)
    exact = rank([linear], X, Search(k, exact=True), n_labels=n_nodes, pool=POOL)
    wide = rank([linear], X, Search(k, beam=10**6), n_labels=n_nodes, pool=POOL)
    for a, b in zip(top_k(exact, k), top_k(wide, k), strict=True):
        np.testing.assert_array_equal(a, b)


@settings(max_examples=40, deadline=None)
@given(copies=st.floats(0.1, 0.9), **CASES)
def test_copies_of_a_label_count_once_with_their_best_score(seed, n_nodes, transform, k, copies):
    linear, X = linear_tree(seed, n_nodes, transform, copies=copies), documents(seed)
    exact = rank([linear], X, Search(k, exact=True), n_labels=n_nodes, pool=POOL)
    wide = rank([linear], X, Search(k, beam=10**6), n_labels=n_nodes, pool=POOL)
    np.testing.assert_allclose(top_k(exact, k)[1], top_k(wide, k)[1], rtol=1e-5)


def test_finds_what_a_narrow_beam_misses():
    better = 0
    for seed in range(20):
        linear, X = linear_tree(seed, 60, 1), documents(seed)
        exact = rank([linear], X, Search(1, exact=True), n_labels=60, pool=POOL)
        narrow = rank([linear], X, Search(1, beam=1), n_labels=60, pool=POOL)
        _, best = top_k(exact, 1)
        _, found = top_k(narrow, 1)
        assert (best >= found - 1e-6).all()
        better += int((best > found + 1e-6).sum())
    assert better > 0


def test_labels_come_best_first_and_the_scratch_is_clean():
    linear, X = linear_tree(4, 50, 0, copies=0.5), documents(4)
    table = np.zeros(10, np.int32)
    found = best_first(Rows(*for_kernel(X)), linear.arrays, 5, table)
    assert not table.any()
    assert found.ptr[-1] == len(found.label) == len(found.log_score)
    for i in range(len(found.ptr) - 1):
        mine = slice(found.ptr[i], found.ptr[i + 1])
        assert (np.diff(found.log_score[mine]) <= 0).all()
        assert len(np.unique(found.label[mine])) == mine.stop - mine.start


def test_the_queue_grows():
    """A root wider than the queue's first room."""
    n = 5000
    tree = LabelTree.from_parents(np.r_[-1, np.zeros(n, int)], np.arange(-1, n))
    bias = np.linspace(-1, 1, n).astype("f4")
    pieces, firsts = [], list(range(0, n, 1000))
    for first in firsts:
        none = (np.zeros(0, "u4"), np.zeros(1, "u4"), np.zeros(0, "u2"), np.zeros(0, "f4"))
        pieces.append(Piece(*none, bias[first : first + 1000]))
    node, first_child = np.zeros(5, np.int32), np.array(firsts, np.int32) + 1
    weights = Chunks.joined(pieces, node, first_child, n + 1)
    linear = LinearTree(tree, weights, np.zeros(n + 1, np.int8), 3)
    found = best_first(Rows(*for_kernel(as_csr(np.ones((2, 3)), "X"))), linear.arrays, 3,
                       np.zeros(3, np.int32))  # fmt: skip
    assert found.label.tolist() == [n - 1, n - 2, n - 3] * 2


@pytest.mark.parametrize("function", [transform.log_softmax, transform.log_softmax.py_func])
def test_log_softmax(function):
    f = np.array([1.0, -np.inf, 3.0, 200.0], np.float32)
    function(f)
    np.testing.assert_allclose(f, [-199, -np.inf, -197, 0], atol=1e-4)
    never = np.full(2, -np.inf, np.float32)
    function(never)
    assert (never == -np.inf).all()
