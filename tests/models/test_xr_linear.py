"""XR-Linear: PECOS' tree, its scores, its negatives, its costs."""

import numpy as np
import pytest
from scipy.sparse import random_array

import labeltree
from labeltree.core.arrays import as_csr
from labeltree.core.errors import ParameterError
from labeltree.grow import BAry, Grown, Pifa
from labeltree.models.xr_linear import XrLinear


def corpus(seed=0, n=400, n_labels=60, n_features=50):
    rng = np.random.default_rng(seed)
    Y = rng.random((n, n_labels)) < 0.04
    Y[np.arange(n), rng.integers(0, n_labels, n)] = True
    profile = random_array((n_labels, n_features), density=0.2, rng=rng).toarray()
    X = Y @ profile + random_array((n, n_features), density=0.2, rng=rng).toarray()
    return as_csr(X, "X"), as_csr(Y.astype(float), "Y")


def small(**fields):
    tree = Grown(BAry(branching=4, max_leaf=4), Pifa(per_document=True))
    return XrLinear(tree=tree, **fields)


def test_defaults_are_those_of_pecos():
    model = XrLinear()
    assert (model.n_trees, model.beam, model.negatives, model.relevance) == (1, 20, "tfn", "none")
    assert model.tree.features.per_document
    assert (model.tree.clusterer.branching, model.tree.clusterer.max_leaf) == (16, 100)
    solver = model.solver
    assert (solver.C, solver.eps, solver.max_iter, solver.threshold) == (1, 0.1, 100, 0.1)
    assert solver.power == 3


def test_tree_is_b_ary_and_level():
    X, Y = corpus()
    tree = small().fit(X, Y).trees_[0].tree
    assert tree.level_sizes == [1, 4, 16, 60]


def test_score_is_the_product_of_cubed_hinges():
    X, Y = corpus()
    model = small(beam=100).fit(X, Y)
    (linear,) = model.trees_
    unit = X.toarray() / np.linalg.norm(X.toarray(), axis=1, keepdims=True)
    log = np.zeros((X.shape[0], linear.tree.n_nodes))
    for v in range(1, linear.tree.n_nodes):
        features, weights = linear.weights.of_child(v, int(linear.tree.parent[v]))
        margin = unit[:, features] @ weights + linear.weights.bias[v]
        log[:, v] = log[:, linear.tree.parent[v]] - np.maximum(0, 1 - margin) ** 3
    S = model.predict(X, k=60).toarray()
    for v in np.flatnonzero(linear.tree.label >= 0):
        expected = np.exp(log[:, v])
        shown = expected > 1e-20
        np.testing.assert_allclose(S[shown, linear.tree.label[v]], expected[shown], rtol=2e-3)


@pytest.mark.parametrize("fields", [{"negatives": "tfn+man"}, {"relevance": "l1"}])
def test_options_change_the_model_and_it_still_learns(fields):
    X, Y = corpus()
    plain, other = small().fit(X, Y), small(**fields).fit(X, Y)
    assert (plain.predict(X) != other.predict(X)).nnz > 0
    assert other.score(X, Y) > 0.8


def test_matched_negatives_lower_what_teacher_forcing_never_saw():
    """A wrong node's labels score lower once their classifiers have seen such documents."""
    X, Y = corpus(n=800)
    half = np.arange(800) < 500
    plain, matched = (small(negatives=n, beam=4).fit(X[half], Y[half]) for n in ("tfn", "tfn+man"))
    wrong = []
    for model in (plain, matched):
        S = model.predict(X[~half], k=60).toarray()
        wrong.append(S[(Y[~half].toarray() == 0) & (S > 0)].mean())
    assert wrong[1] < wrong[0]


def test_options_are_checked():
    with pytest.raises(ParameterError, match="negatives"):
        XrLinear(negatives="man")
    with pytest.raises(ParameterError, match="relevance"):
        XrLinear(relevance="l3")


@pytest.mark.slow
def test_real_data(data_root):
    splits = labeltree.read(data_root / "bibtex")
    model = XrLinear(seed=0).fit(splits.train.X, splits.train.Y, labels=splits.labels)
    assert model.score(splits.test.X, splits.test.Y[:, : len(splits.labels)]) > 0.6
