import numpy as np
import pytest
from scipy.sparse import random_array

from labeltree.core.arrays import as_csr
from labeltree.core.errors import DataError, ParameterError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.core.scores import top_k
from labeltree.grow import Given, Graft, Grown, Random, Star, TwoMeans
from labeltree.linear.model import LinearForest
from labeltree.linear.solver import Logistic, SquaredHinge

BRANCHES, CHILDREN = 4, 6
IDS = (
    *(f"b{b}c{c}" for b in range(BRANCHES) for c in range(CHILDREN)),
    *(f"b{b}" for b in range(BRANCHES)),
)


def taxonomy(extra=()):
    """Branches are the last columns: a lower number must not put a child before its parent."""
    edges = [(f"b{b}", f"b{b}c{c}") for b in range(BRANCHES) for c in range(CHILDREN)]
    return Labels(IDS, hierarchy=Hierarchy.from_edges([*edges, *extra], IDS))


def corpus(labels, seed=0, n=300, closing=True):
    """One or two leaf labels a document, clear words for leaf and branch."""
    rng = np.random.default_rng(seed)
    leaves = rng.integers(0, BRANCHES * CHILDREN, (n, 2))
    leaves[::2, 1] = leaves[::2, 0]
    Y = np.zeros((n, len(IDS)))
    Y[np.arange(n)[:, None], leaves] = 1
    X = np.zeros((n, 60))
    X[np.arange(n)[:, None], leaves] = 2
    X[np.arange(n)[:, None], 24 + leaves // CHILDREN] = 2
    X[:, 30:] += random_array((n, 30), density=0.1, rng=rng).toarray()
    Y = as_csr(Y, "Y")
    return as_csr(X, "X"), labels.hierarchy.close(Y) if closing else Y


def first_hits(model, X, Y):
    labels, _ = top_k(model.predict(X, k=1), 1)
    return np.mean([Y[[i], [c]][0] for i, c in enumerate(labels[:, 0])])


@pytest.mark.parametrize("closing", [True, False])
@pytest.mark.parametrize(
    "tree",
    [
        Given(),
        Grown(clusterer=TwoMeans(max_leaf=4)),
        Graft(max_children=3),
        Star(),
        Random(max_leaf=4),
    ],
)
@pytest.mark.parametrize("solver", [SquaredHinge(), Logistic()])
def test_learns_on_every_tree(tree, solver, closing):
    labels = taxonomy()
    X, Y = corpus(labels, closing=closing)
    model = LinearForest(tree=tree, solver=solver, n_jobs=1).fit(X, Y, labels=labels)
    assert first_hits(model, X, Y) > 0.97
    assert model.labels_.counts.tolist() == Y.sum(axis=0).tolist()


@pytest.mark.parametrize("n_trees", [1, 3])
@pytest.mark.parametrize("solver", [SquaredHinge(), SquaredHinge(C=30, eps=0.01), Logistic()])
@pytest.mark.parametrize("k", [3, 28])
@pytest.mark.parametrize("source", [Given(), Graft(max_children=3)])
def test_no_label_scores_above_its_parent_where_labels_are_closed(solver, n_trees, k, source):
    labels = taxonomy()
    X, Y = corpus(labels)
    model = LinearForest(tree=source, solver=solver, n_trees=n_trees, n_jobs=1)
    S = model.fit(X, Y, labels=labels).predict(X, k).toarray()
    pairs = labels.hierarchy.label_ancestors.nonzero()
    assert len(pairs[0]) == BRANCHES * CHILDREN
    saturated = 0
    for child, parent in zip(*pairs, strict=True):
        found = S[:, child] > 0
        assert (S[found, child] <= S[found, parent]).all()
        saturated += (S[found, parent] - S[found, child] < 1e-6).sum()
    if solver.C == 30:
        assert saturated > 50, "ties of saturated scores are what makes it hard"


def test_several_parents_one_prediction():
    labels = taxonomy(extra=[("b1", "b0c0"), ("b2", "b0c0"), ("b3", "b0c1")])
    X, Y = corpus(labels)
    model = LinearForest(tree=Given(), n_jobs=1).fit(X, Y, labels=labels)
    (linear,) = model.trees_
    assert (linear.tree.label == 0).sum() == 3
    S = model.predict(X, k=28)
    for i in range(S.shape[0]):
        row = S.indices[S.indptr[i] : S.indptr[i + 1]]
        assert len(set(row.tolist())) == len(row)
    both = Y[:, [0]].toarray().ravel() > 0
    assert (S[both][:, [0]].toarray() > 0.3).mean() > 0.9


def test_same_seed_same_scores_for_any_number_of_threads():
    labels = taxonomy()
    X, Y = corpus(labels, closing=False)
    predictions = [
        LinearForest(n_trees=2, seed=s, n_jobs=j, tree=Grown(clusterer=TwoMeans(max_leaf=3)))
        .fit(X, Y)
        .predict(X)
        for s, j in ((1, 1), (1, 2), (1, 1), (2, 1))
    ]
    assert (predictions[0] != predictions[1]).nnz == 0
    assert (predictions[0] != predictions[2]).nnz == 0
    assert (predictions[0] != predictions[3]).nnz


def test_each_tree_of_a_forest_is_another():
    labels = taxonomy()
    X, Y = corpus(labels, closing=False)
    model = LinearForest(n_trees=3, n_jobs=1, tree=Random(max_leaf=3)).fit(X, Y)
    orders = {tuple(linear.tree.label.tolist()) for linear in model.trees_}
    assert len(orders) == 3


def test_features_are_brought_to_length_one():
    labels = taxonomy()
    X, Y = corpus(labels)
    factors = np.random.default_rng(0).uniform(0.1, 50, X.shape[0])[:, None]
    scaled = as_csr(X.multiply(factors), "X")
    model, other = (LinearForest(n_jobs=1).fit(A, Y) for A in (X, scaled))
    np.testing.assert_allclose(
        model.predict(X).toarray(), other.predict(scaled).toarray(), atol=1e-3
    )
    np.testing.assert_allclose(
        model.predict(X).toarray(), model.predict(scaled).toarray(), atol=1e-5
    )


def test_the_input_is_left_alone():
    labels = taxonomy()
    X, Y = corpus(labels)
    before = [a.copy() for m in (X, Y) for a in (m.data, m.indices, m.indptr)]
    LinearForest(n_jobs=1).fit(X, Y).predict(X)
    after = [a for m in (X, Y) for a in (m.data, m.indices, m.indptr)]
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_wider_beam_finds_more():
    labels = taxonomy()
    X, Y = corpus(labels, closing=False)
    model = LinearForest(tree=Grown(clusterer=TwoMeans(max_leaf=1)), beam=1, n_jobs=1).fit(X, Y)
    narrow = model.predict(X, k=24)
    model.beam = 10
    wide = model.predict(X, k=24)
    assert narrow.nnz < wide.nnz
    model.beam = 1000
    assert model.predict(X, k=24).nnz >= wide.nnz


def test_one_document():
    model = LinearForest(n_jobs=1).fit(np.array([[1.0, 0]]), np.array([[1, 0, 1]]))
    assert sorted(model.predict(np.array([[1.0, 0]])).indices.tolist()) == [0, 2]


def test_nothing_to_predict_and_nothing_to_learn_from():
    labels = taxonomy()
    X, Y = corpus(labels)
    assert LinearForest(n_jobs=1).fit(X, Y).predict(X[:0]).shape == (0, 28)
    model = LinearForest(n_jobs=1).fit(as_csr(np.zeros(X.shape), "X"), Y)
    assert model.predict(X).nnz, "without a feature there are still frequencies"
    with pytest.raises(DataError, match="No document has a label"):
        LinearForest().fit(X, as_csr(np.zeros(Y.shape), "Y"))
    with pytest.raises(DataError, match="needs a taxonomy"):
        LinearForest(tree=Given()).fit(X, Y)
    with pytest.raises(ParameterError, match="beam"):
        LinearForest(beam=0)
