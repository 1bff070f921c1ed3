import tracemalloc
from dataclasses import fields, replace

import numpy as np
import pytest
from scipy.sparse import random_array

from labeltree.core.arrays import as_csr
from labeltree.core.errors import ParameterError
from labeltree.core.labels import Labels
from labeltree.core.pool import ThreadPool
from labeltree.core.scores import top_k
from labeltree.core.tree import LabelTree
from labeltree.grow import Random, Star
from labeltree.grow.pifa import unit_rows
from labeltree.linear import train as training
from labeltree.linear import tree as linear
from labeltree.linear.solver import Logistic, SquaredHinge
from labeltree.linear.train import Recipe, fit_linear_tree
from labeltree.linear.tree import Search, rank
from labeltree.linear.weights import Chunks

ONE, TWO = ThreadPool(1), ThreadPool(2)
EXACT = SquaredHinge(eps=1e-6, max_iter=3000, threshold=0)


def corpus(seed=0, n=200, n_labels=24, n_features=80):
    """Documents of length 1 whose words tell their labels; every tenth has no label."""
    rng = np.random.default_rng(seed)
    Y = rng.random((n, n_labels)) < 0.08
    Y[::10] = False
    profile = random_array((n_labels, n_features), density=0.15, rng=rng).toarray()
    X = Y @ profile + random_array((n, n_features), density=0.05, rng=rng).toarray()
    X[5] = 0  # no features
    return unit_rows(as_csr(X, "X")), as_csr(Y.astype(float), "Y")


def random_tree(n_labels=24, branching=3, max_leaf=4):
    Y = as_csr(np.ones((1, n_labels)), "Y")
    source = Random(branching=branching, max_leaf=max_leaf)
    return source.build(Y, Y, Labels.numbered(n_labels), seed=1, pool=ONE)


def fit(X, Y, tree, solver=None, seed=0, pool=ONE):
    return fit_linear_tree(X, Y, tree, Recipe(solver or SquaredHinge()), seed=seed, pool=pool)


def scores(model, X, k=5, width=10, n_labels=24, pool=ONE):
    trees = model if isinstance(model, list) else [model]
    return rank(trees, X, Search(k, width), n_labels=n_labels, pool=pool)


def same_bits(first, second):
    return all(
        getattr(first.weights, f.name).tobytes() == getattr(second.weights, f.name).tobytes()
        for f in fields(Chunks)
    )


# ---- training ------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", [EXACT, Logistic(eps=1e-6, max_iter=3000, threshold=0)])
def test_each_classifier_is_the_optimum_on_the_documents_below_its_parent(solver):
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    X, Y = corpus()
    tree = random_tree()
    model = fit(X, Y, tree, solver)
    at_or_below = tree.node_targets(Y).toarray() > 0
    A = np.hstack([X.toarray(), np.ones((X.shape[0], 1))])
    common = {"C": solver.C, "dual": True, "fit_intercept": False, "tol": 1e-9, "max_iter": 10**5}
    for v in (1, 2, 5, int(tree.inner[-1]), tree.n_nodes - 1):
        up = int(tree.parent[v])
        # Documents without a label take part at the root, as negatives.
        rows = at_or_below[:, up] if up else np.ones(len(A), bool)
        oracle = (
            LinearSVC(loss="squared_hinge", **common)
            if isinstance(solver, SquaredHinge)
            else LogisticRegression(solver="liblinear", **common)
        )
        expected = oracle.fit(A[rows], at_or_below[rows, v]).coef_[0]
        found = np.zeros(X.shape[1] + 1)
        features, weights = model.weights.of_child(v, up)
        found[features] = weights
        found[-1] = model.weights.bias[v]
        np.testing.assert_allclose(found, expected, atol=3e-4)


@pytest.mark.parametrize("max_siblings", [1024, 2])
def test_negatives_are_documents_of_the_siblings_only(monkeypatch, max_siblings):
    """Teacher forcing: every node is trained on the documents of its parent, none other."""
    X, Y = corpus()
    tree, seen = random_tree(), []
    solve = training.solve_node

    def spy(documents, node, *rest):
        seen.append(tuple(part.copy() for part in node))
        return solve(documents, node, *rest)

    monkeypatch.setattr(training, "solve_node", spy)
    monkeypatch.setattr(training, "MAX_SIBLINGS", max_siblings)
    fit(X, Y, tree)
    at_or_below = tree.node_targets(Y).toarray() > 0
    expected = []
    for v in tree.inner:
        rows = np.flatnonzero(at_or_below[:, v]) if v else np.arange(X.shape[0])
        for first in range(tree.child_ptr[v], tree.child_ptr[v + 1], max_siblings):
            last = min(first + max_siblings, tree.child_ptr[v + 1])
            right = [tuple(np.flatnonzero(at_or_below[:, c])) for c in range(first, last)]
            expected.append((tuple(rows), tuple(right)))
    found = []
    for rows, ptr, positive in seen:
        right = [tuple(rows[positive[a:b]]) for a, b in zip(ptr[:-1], ptr[1:], strict=True)]
        found.append((tuple(rows), tuple(right)))
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("solver", [SquaredHinge(), Logistic()])
@pytest.mark.parametrize("max_siblings", [1024, 2])
def test_weights_repeat_bit_by_bit_for_any_number_of_threads(monkeypatch, solver, max_siblings):
    monkeypatch.setattr(training, "MAX_SIBLINGS", max_siblings)
    X, Y = corpus()
    tree = random_tree()
    first = fit(X, Y, tree, solver)
    assert same_bits(first, fit(X, Y, tree, solver))
    assert same_bits(first, fit(X, Y, tree, solver, pool=TWO))
    assert not same_bits(first, fit(X, Y, tree, solver, seed=1)), "the seed shuffles"


def test_big_nodes_are_trained_first():
    """A pool that works in the order given must not end on the biggest node."""
    X, Y = corpus()
    tree, sizes = random_tree(), []

    class Noting(ThreadPool):
        def map(self, fn, items, *, what=""):
            if what == "training nodes":
                rows = tree.node_targets(Y).sum(axis=0)
                sizes.extend(rows[t.node] * len(t.children) for t in items)
            return super().map(fn, items, what=what)

    fit(X, Y, tree, pool=Noting(1))
    assert sizes == sorted(sizes, reverse=True)
    assert len(sizes) == len(tree.inner)


def test_a_wide_node_in_several_chunks_has_the_same_weights(monkeypatch):
    X, Y = corpus()
    tree = Star().build(X, Y, Labels.numbered(24), seed=0, pool=ONE)
    whole = fit(X, Y, tree, EXACT)
    monkeypatch.setattr(training, "MAX_SIBLINGS", 5)
    cut = fit(X, Y, tree, EXACT)
    assert np.diff(whole.weights.chunk_of).tolist()[0] == 1
    assert np.diff(cut.weights.chunk_of).tolist()[0] == 5
    assert cut.weights.first_child.tolist() == [1, 6, 11, 16, 21]
    for v in range(1, 25):
        one, other = np.zeros((2, X.shape[1]))
        one[whole.weights.of_child(v, 0)[0]] = whole.weights.of_child(v, 0)[1]
        other[cut.weights.of_child(v, 0)[0]] = cut.weights.of_child(v, 0)[1]
        np.testing.assert_allclose(one, other, atol=3e-4)
    np.testing.assert_allclose(whole.weights.bias, cut.weights.bias, atol=3e-4)
    np.testing.assert_allclose(scores(whole, X).toarray(), scores(cut, X).toarray(), atol=1e-3)


def test_pruned_weights_are_above_the_threshold():
    X, Y = corpus()
    values = fit(X, Y, random_tree(), SquaredHinge(threshold=0.3)).weights.value
    assert np.abs(values).min() > 0.3
    assert np.abs(fit(X, Y, random_tree(), SquaredHinge(threshold=0)).weights.value).min() < 0.1


def test_labels_without_documents_are_never_right():
    X, Y = corpus()
    seen = Y.toarray()
    seen[:, [3, 17]] = 0
    tree = random_tree()
    model = fit(X, as_csr(seen, "Y"), tree)
    silent = np.isin(tree.label, [3, 17])
    np.testing.assert_array_equal(model.weights.bias[silent], -np.inf)
    S = scores(model, X, k=24, width=100)
    assert not {3, 17} & set(S.indices.tolist())
    assert len(set(S.indices.tolist())) == 22


def test_a_child_that_all_documents_go_to_keeps_the_score():
    X, Y = corpus()
    tree = LabelTree.from_parents([-1, 0, 0, 1, 3], [-1, -1, 1, -1, 0])
    model = fit(X, as_csr(Y[:, :2], "Y"), tree)
    np.testing.assert_array_equal(model.weights.bias[[3, 4]], np.inf)
    first = scores(model, X, n_labels=2).toarray()[:, 0]
    margins = X @ dense_weights(model, 1) + model.weights.bias[1]
    expected = np.exp(-(np.maximum(0, 1 - margins) ** 2))
    np.testing.assert_allclose(first, expected, rtol=1e-4, atol=2e-6)


def dense_weights(model, node):
    w = np.zeros(model.n_features)
    features, weights = model.weights.of_child(node, int(model.tree.parent[node]))
    w[features] = weights
    return w


# ---- prediction ----------------------------------------------------------------------------------


def test_scores_are_products_along_paths():
    X, Y = corpus()
    tree = random_tree()
    for solver in (SquaredHinge(), Logistic()):
        model = fit(X, Y, tree, solver)
        margins = np.stack([X @ dense_weights(model, v) for v in range(1, tree.n_nodes)], axis=1)
        margins = np.hstack([np.zeros((len(margins), 1)), margins]) + model.weights.bias
        step = (
            np.exp(-(np.maximum(0, 1 - margins) ** 2))
            if isinstance(solver, SquaredHinge)
            else 1 / (1 + np.exp(-np.maximum(margins, -700)))
        )
        step[:, model.weights.bias == -np.inf] = 0
        S = scores(model, X, k=24, width=100).toarray()
        for v in np.flatnonzero(tree.label >= 0):
            expected = step[:, tree.path(int(v))].prod(axis=1)
            np.testing.assert_allclose(S[:, tree.label[v]], expected, rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("in_flight", [1, 700])
@pytest.mark.parametrize("n_trees", [1, 3])
def test_blocks_give_what_one_block_gives(monkeypatch, in_flight, n_trees):
    X, Y = corpus()
    model = [fit(X, Y, random_tree(), seed=s) for s in range(n_trees)]
    whole = scores(model, X)
    starts = []
    divided = linear.blocks_of
    monkeypatch.setattr(linear, "CANDIDATES_IN_FLIGHT", in_flight)

    def spy(rows, size):
        for start, block in divided(rows, size):
            starts.append((start, start + len(block.indptr) - 1))
            yield start, block

    monkeypatch.setattr(linear, "blocks_of", spy)
    for pool in (ONE, TWO):
        starts.clear()
        cut = scores(model, X, pool=pool)
        assert len(starts) >= X.shape[0] // 50
        assert sorted(starts)[-1][1] == X.shape[0]
        for part in ("data", "indices", "indptr"):
            np.testing.assert_array_equal(getattr(whole, part), getattr(cut, part))
    assert cut.dtype == np.float32
    assert cut.has_canonical_format


def test_candidates_bound_what_a_level_can_meet():
    # Fan-outs by level: 3 | 2 0 4 | 1 2 ...
    tree = LabelTree.from_parents(
        [-1, 0, 0, 0, 1, 1, 3, 3, 3, 3, 4, 5, 5], [-1, -1, 0, -1, -1, -1, 1, 2, 3, 4, 5, 6, 7]
    )
    X, Y = corpus(n_labels=8)
    model = fit(X, Y, tree)
    assert [model.candidates(width) for width in (1, 2, 100)] == [4, 6, 6]


@pytest.mark.parametrize("k", [5, 3000])
def test_memory_does_not_grow_with_documents_times_labels(monkeypatch, k):
    n, n_labels, in_flight = 600, 3000, 30_000
    rng = np.random.default_rng(0)
    X = unit_rows(as_csr(random_array((n, 50), density=0.1, rng=rng), "X"))
    Y = as_csr(random_array((n, n_labels), density=2e-4, rng=rng) > 0, "Y")
    tree = Random(max_leaf=40).build(X, Y, Labels.numbered(n_labels), seed=0, pool=ONE)
    model = fit(X, Y, tree)
    largest = []

    def watched(function):
        def call(*arguments):
            result = function(*arguments)
            for array in (*arguments[0], *result):
                largest.append(array.size)
            return result

        return call

    monkeypatch.setattr(linear, "CANDIDATES_IN_FLIGHT", in_flight)
    monkeypatch.setattr(linear, "beam_best", watched(linear.beam_best))
    monkeypatch.setattr(linear, "beam_search", watched(linear.beam_search))
    monkeypatch.setattr(linear, "best_labels", watched(linear.best_labels))
    scores(model, X[:5], k=k, n_labels=n_labels)  # scratch arrays are made once a thread
    tracemalloc.start()
    S = scores(model, X, k=k, n_labels=n_labels)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert max(largest) <= 4 * in_flight < n * n_labels / 10
    assert peak < n * n_labels * 4 / 4
    assert S.nnz < n * 10 * 40 * 8


@pytest.mark.parametrize("n_trees", [1, 2])
def test_no_documents(n_trees):
    X, Y = corpus()
    S = scores([fit(X, Y, random_tree())] * n_trees, as_csr(X[:0], "X"))
    assert S.shape == (0, 24)
    assert S.dtype == np.float32


@pytest.mark.parametrize("k", [0, -1])
def test_k_must_be_positive(k):
    X, Y = corpus()
    with pytest.raises(ParameterError, match="k must be"):
        scores(fit(X, Y, random_tree()), X, k=k)


def test_k_may_exceed_the_labels():
    X, Y = corpus()
    model = fit(X, Y, random_tree())
    few, many = scores(model, X, k=24, width=100), scores(model, X, k=10**6, width=100)
    assert (few != many).nnz == 0
    assert np.diff(many.indptr).max() == 24


def test_scores_fall_strictly_within_a_row():
    X, Y = corpus()
    _, values = top_k(scores([fit(X, Y, random_tree(), seed=s) for s in (0, 1)], X, k=12), 12)
    assert (values <= 1).all()
    assert ((np.diff(values, axis=1) < 0) | (values[:, 1:] == 0)).all()


def test_one_label_one_document():
    X = as_csr(np.array([[0.6, 0.8]]), "X")
    Y = as_csr(np.array([[1.0]]), "Y")
    tree = Star().build(X, Y, Labels.numbered(1), seed=0, pool=ONE)
    S = scores(fit(X, Y, tree), X, n_labels=1)
    assert S.toarray().tolist() == [[1]]


def test_documents_without_features_are_ranked_by_the_biases():
    X, Y = corpus()
    model = fit(X, Y, random_tree())
    empty = as_csr(np.zeros((3, 80)), "X")
    S = scores(model, empty, width=100, k=24).toarray()
    assert (S[0] == S[1]).all()
    assert (S[0] > 0).any()
    trained_on_nothing = fit(as_csr(np.zeros((200, 80)), "X"), Y, random_tree())
    assert len(trained_on_nothing.weights.value) == 0
    assert scores(trained_on_nothing, X).nnz


def test_arrays_read_from_a_file_may_be_read_only():
    X, Y = corpus()
    model = fit(X, Y, random_tree())
    frozen = {}
    for f in fields(Chunks):
        frozen[f.name] = getattr(model.weights, f.name).copy()
        frozen[f.name].flags.writeable = False
    parent, label = model.tree.parent.copy(), model.tree.label.copy()
    parent.flags.writeable = label.flags.writeable = False
    again = replace(model, tree=LabelTree(parent, label), weights=Chunks(**frozen))
    assert (scores(again, X) != scores(model, X)).nnz == 0
