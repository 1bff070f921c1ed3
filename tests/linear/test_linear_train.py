"""Which documents train which node, what they cost, and siblings that exclude each other."""

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array
from sklearn.linear_model import LogisticRegression

from labeltree.core.arrays import as_csr
from labeltree.core.labels import Labels
from labeltree.core.pool import ThreadPool
from labeltree.core.tree import LabelTree
from labeltree.grow import Random
from labeltree.grow.pifa import unit_rows
from labeltree.linear import train as training
from labeltree.linear.solver import SIGMOID, SOFTMAX, Logistic, SquaredHinge
from labeltree.linear.train import Recipe, fit_linear_tree, relevance
from labeltree.linear.tree import Search, rank

ONE, TWO = ThreadPool(1), ThreadPool(2)


def corpus(seed=0, n=200, n_labels=24, n_features=80, share=0.08):
    rng = np.random.default_rng(seed)
    Y = rng.random((n, n_labels)) < share
    Y[::10] = False
    profile = random_array((n_labels, n_features), density=0.15, rng=rng).toarray()
    X = Y @ profile + random_array((n, n_features), density=0.05, rng=rng).toarray()
    return unit_rows(as_csr(X, "X")), as_csr(Y.astype(float), "Y")


def random_tree(n_labels=24, branching=3, max_leaf=4):
    Y = as_csr(np.ones((1, n_labels)), "Y")
    source = Random(branching=branching, max_leaf=max_leaf)
    return source.build(Y, Y, Labels.numbered(n_labels), seed=1, pool=ONE)


def bits(model):
    return [getattr(model.weights, f).tobytes() for f in model.weights.__dataclass_fields__]


def seen_by_nodes(monkeypatch, X, Y, tree, recipe, pool=ONE):
    """Return the model, and {node: (documents, [documents of each child])} as it was trained."""
    found, solve = {}, training._train_siblings

    def spy(lesson, task, rows):
        ptr, at = lesson.targets.indptr, lesson.targets.indices
        right = [set(at[ptr[c] : ptr[c + 1]]) for c in task.children]
        assert (np.diff(rows) > 0).all()
        found[task.node] = (set(rows.tolist()), right)
        return solve(lesson, task, rows)

    monkeypatch.setattr(training, "_train_siblings", spy)
    model = fit_linear_tree(X, Y, tree, recipe, seed=0, pool=pool)
    monkeypatch.undo()
    return model, found


@pytest.mark.parametrize("matched", [1, 3])
def test_matched_documents_join_those_of_the_truth(monkeypatch, matched):
    """Nodes see what teacher forcing shows them and what the beam brings there, nothing else."""
    X, Y = corpus()
    tree, solver = random_tree(), SquaredHinge()
    _, forced = seen_by_nodes(monkeypatch, X, Y, tree, Recipe(solver))
    model, both = seen_by_nodes(monkeypatch, X, Y, tree, Recipe(solver, matched=matched))
    assert forced.keys() == both.keys()
    more = 0
    for node, (rows, right) in both.items():
        assert rows >= forced[node][0]
        assert right == forced[node][1], "who is right does not change"
        if node:
            brought = beam_at(model, X, node, matched)
            assert rows == forced[node][0] | brought
            more += len(rows - forced[node][0])
    assert more > 0


def beam_at(model, X, node, width):
    """The documents that a beam search over the finished tree brings to a node."""
    from labeltree.core.arrays import for_kernel
    from labeltree.kernels import beam
    from labeltree.kernels.sparse import Rows

    rows, table = Rows(*for_kernel(X)), np.zeros(X.shape[1], np.int32)
    pairs = beam.at_root(X.shape[0])
    for _ in range(int(model.tree.level[node])):
        pairs, _ = beam.descend(rows, model.arrays, pairs, width, table)
    return set(pairs.doc[pairs.key == node].tolist())


def test_matched_negatives_change_the_weights_and_repeat():
    X, Y = corpus()
    tree = random_tree()
    forced, first, second, third = (
        fit_linear_tree(X, Y, tree, Recipe(SquaredHinge(), matched=m), seed=0, pool=pool)
        for m, pool in ((0, ONE), (5, ONE), (5, TWO), (5, ONE))
    )
    assert bits(first) != bits(forced)
    assert bits(first) == bits(second) == bits(third)


def test_matched_search_in_blocks_gives_the_same(monkeypatch):
    X, Y = corpus()
    whole = fit_linear_tree(X, Y, random_tree(), Recipe(SquaredHinge(), 5), seed=0, pool=ONE)
    cut = training.blocks_of
    monkeypatch.setattr(training, "blocks_of", lambda rows, size: cut(rows, 7))
    parts = fit_linear_tree(X, Y, random_tree(), Recipe(SquaredHinge(), 5), seed=0, pool=ONE)
    assert bits(whole) == bits(parts)


# ---- relevance -----------------------------------------------------------------------------------


def test_relevance_counts_labels_below_and_normalises_levels(seven_nodes):
    """Labels 0, 1 below node 1 and 2, 3 below node 2; documents {0, 1, 2} and {3}."""
    Y = csr_array(np.array([[1, 1, 1, 0], [0, 0, 0, 1.0]]))
    targets = seven_nodes.node_targets(Y).tocsc()
    targets.sort_indices()

    def dense(norm):
        values = relevance(Y, seven_nodes, targets, norm)
        out = np.zeros(targets.shape)
        columns = np.repeat(np.arange(7), np.diff(targets.indptr))
        out[targets.indices, columns] = values
        return out

    np.testing.assert_array_equal(dense("counts"), [[3, 2, 1, 1, 1, 1, 0], [1, 0, 1, 0, 0, 0, 1]])
    third, half = 1 / 3, 2 / 3
    np.testing.assert_allclose(
        dense("l1"), [[1, half, third, third, third, third, 0], [1, 0, 1, 0, 0, 0, 1]], rtol=1e-6
    )
    np.testing.assert_allclose(dense("max")[0], [1, 1, 0.5, 1, 1, 1, 0])
    root5, root3 = np.sqrt(5), np.sqrt(3)
    np.testing.assert_allclose(
        dense("l2")[0], [1, 2 / root5, 1 / root5, 1 / root3, 1 / root3, 1 / root3, 0], rtol=1e-6
    )


def test_relevance_weighs_positives_only():
    """A node with relevance r is the node with its positives repeated r times."""
    X, Y = corpus(n_labels=4, share=0.4)
    tree = LabelTree.from_parents([-1, 0, 0, 1, 1, 2, 2], [-1, -1, -1, 0, 1, 2, 3])
    # So soft a margin that every document lies within it, those with two labels too.
    solver = SquaredHinge(C=0.05, eps=1e-6, max_iter=3000, threshold=0)
    weighed = fit_linear_tree(X, Y, tree, Recipe(solver, relevance="counts"), seed=0, pool=ONE)
    both = np.asarray(Y[:, [0, 1]].sum(axis=1)).ravel()
    rows = np.repeat(np.arange(X.shape[0]), np.maximum(1, both).astype(int))
    star = LabelTree.from_parents([-1, 0, 0], [-1, 0, 1])
    other = np.asarray(Y[:, [2, 3]].sum(axis=1)).ravel() > 0
    targets = as_csr(np.c_[both > 0, other][rows].astype(float), "Y")
    repeated = fit_linear_tree(
        as_csr(X[rows], "X"), targets, star, Recipe(solver), seed=0, pool=ONE
    )

    def weights(model, node):
        features, values = model.weights.of_child(node, 0)
        out = np.zeros(X.shape[1] + 1)
        out[features], out[-1] = values, model.weights.bias[node]
        return out

    np.testing.assert_allclose(weights(weighed, 1), weights(repeated, 1), atol=2e-3)
    plain = fit_linear_tree(X, Y, tree, Recipe(solver), seed=0, pool=ONE)
    assert np.abs(weights(weighed, 1) - weights(plain, 1)).max() > 0.01


# ---- siblings that exclude each other ------------------------------------------------------------


def exclusive_corpus(n=240):
    """Nine labels, three below each of three nodes; every document has exactly one."""
    rng = np.random.default_rng(3)
    right = rng.integers(0, 9, n)
    X = unit_rows(as_csr(np.eye(9)[right] + 0.7 * rng.random((n, 9)), "X"))
    tree = LabelTree.from_parents(
        [-1, 0, 0, 0, *np.repeat([1, 2, 3], 3)], [-1, -1, -1, -1, *range(9)]
    )
    return X, as_csr(np.eye(9)[right], "Y"), tree, right


def test_exclusive_children_compete_and_are_distributions():
    X, Y, tree, right = exclusive_corpus()
    solver = Logistic(C=2.0, eps=1e-5, max_iter=2000, threshold=0)
    model = fit_linear_tree(X, Y, tree, Recipe(solver, exclusive=True), seed=0, pool=ONE)
    assert (model.transform[tree.inner] == SOFTMAX).all()
    S = rank([model], X, Search(9, beam=10), n_labels=9, pool=ONE).toarray()
    np.testing.assert_allclose(S.sum(axis=1), 1, atol=1e-4)
    A = np.hstack([X.toarray(), np.ones((X.shape[0], 1))])
    expected = np.zeros_like(S)

    def probabilities(rows, classes):
        common = {"C": 2.0, "fit_intercept": False, "tol": 1e-10, "max_iter": 10000}
        return LogisticRegression(**common).fit(A[rows], classes).predict_proba(A)

    top = probabilities(np.ones(len(right), bool), right // 3)
    for group in range(3):
        inside = right // 3 == group
        labels = slice(3 * group, 3 * group + 3)
        expected[:, labels] = top[:, [group]] * probabilities(inside, right[inside])
    np.testing.assert_allclose(S, expected, atol=3e-3)


def test_children_are_exclusive_only_where_every_document_has_exactly_one():
    X, Y, tree, _ = exclusive_corpus()
    Y = Y.toarray()
    Y[np.flatnonzero(Y[:, 0])[0], 1] = 1  # one document with two children of node 1
    recipe = Recipe(Logistic(), exclusive=True)
    model = fit_linear_tree(X, as_csr(Y, "Y"), tree, recipe, seed=0, pool=ONE)
    assert model.transform[[0, 1, 2, 3]].tolist() == [SOFTMAX, SIGMOID, SOFTMAX, SOFTMAX]
    Y[5] = 0  # a document without a label stands at the root, with none of its children
    model = fit_linear_tree(X, as_csr(Y, "Y"), tree, recipe, seed=0, pool=ONE)
    assert model.transform[0] == SIGMOID


def test_an_only_child_and_a_child_never_seen():
    X, Y, tree, right = exclusive_corpus()
    Y = Y.toarray()
    Y[right == 1] = np.eye(9)[0]
    Y[right == 2] = np.eye(9)[0]  # labels 1 and 2 are never seen: label 0 is the only choice
    Y[right == 3] = np.eye(9)[4]  # label 3 is never seen beside 4 and 5
    recipe = Recipe(Logistic(), exclusive=True)
    model = fit_linear_tree(X, as_csr(Y, "Y"), tree, recipe, seed=0, pool=ONE)
    assert model.transform[[0, 1, 2]].tolist() == [SOFTMAX, SIGMOID, SOFTMAX]
    S = rank([model], X, Search(9, beam=10), n_labels=9, pool=ONE)
    assert S[:, [1, 2, 3]].nnz == 0
    np.testing.assert_allclose(S.sum(axis=1), 1, atol=1e-3)


@pytest.mark.parametrize("power", [2, 3])
def test_the_power_of_the_hinge_score(power):
    X, Y = corpus()
    tree = random_tree()
    solver = SquaredHinge(power=power)
    model = fit_linear_tree(X, Y, tree, Recipe(solver), seed=0, pool=ONE)
    S = rank([model], X, Search(24, beam=100), n_labels=24, pool=ONE).toarray()
    W = np.zeros((tree.n_nodes, X.shape[1]))
    for v in range(1, tree.n_nodes):
        features, values = model.weights.of_child(v, int(tree.parent[v]))
        W[v, features] = values
    miss = np.maximum(0, 1 - (X @ W.T + model.weights.bias))
    for label in range(24):
        (node,) = np.flatnonzero(tree.label == label)
        path = tree.path(int(node))
        expected = np.exp(-(miss[:, path] ** power).sum(axis=1))
        shown = expected > 1e-25
        np.testing.assert_allclose(S[shown, label], expected[shown], rtol=1e-3)
