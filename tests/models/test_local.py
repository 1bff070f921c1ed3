"""Local classifiers along a taxonomy."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.linear.solver import SIGMOID, SOFTMAX
from labeltree.models.local import Local

IDS = ("animal", "plant", "cat", "dog", "rose", "oak")
EDGES = [("animal", "cat"), ("animal", "dog"), ("plant", "rose"), ("plant", "oak")]


def corpus(n=200, closed=True, seed=0):
    """One leaf a document, its ancestor too if closed."""
    rng = np.random.default_rng(seed)
    leaf = rng.integers(2, 6, n)
    X = np.eye(6)[leaf] + 0.4 * rng.random((n, 6))
    Y = np.eye(6)[leaf]
    if closed:
        Y[np.arange(n), (leaf >= 4).astype(int)] = 1
    labels = Labels(IDS, hierarchy=Hierarchy.from_edges(EDGES, label_ids=IDS))
    return csr_array(X), csr_array(Y), labels


def test_exclusive_children_are_distributions_at_every_node():
    X, Y, labels = corpus()
    model = Local().fit(X, Y, labels=labels)
    (linear,) = model.trees_
    assert (linear.transform[linear.tree.inner] == SOFTMAX).all()
    S = model.predict(X, k=6).toarray()
    np.testing.assert_allclose(S[:, :2].sum(axis=1), 1, atol=1e-3)
    np.testing.assert_allclose(S[:, 2:4].sum(axis=1), S[:, 0], atol=1e-3)
    np.testing.assert_allclose(S[:, 4:].sum(axis=1), S[:, 1], atol=1e-3)


def test_a_document_that_stops_at_an_inner_node():
    """Closed: its children are no longer exclusive. Explicit: its own leaf joins them."""
    X, Y, labels = corpus()
    Y = Y.toarray()
    Y[0] = [1, 0, 0, 0, 0, 0]
    linear = Local().fit(X, csr_array(Y), labels=labels).trees_[0]
    by_label = {int(linear.tree.label[v]): v for v in range(linear.tree.n_nodes)}
    assert linear.transform[by_label[0]] == SIGMOID
    assert linear.transform[[0, by_label[1]]].tolist() == [SOFTMAX, SOFTMAX]
    X, Y, labels = corpus(closed=False)
    Y = Y.toarray()
    Y[0] = [1, 0, 0, 0, 0, 0]
    linear = Local().fit(X, csr_array(Y), labels=labels).trees_[0]
    assert (linear.transform[linear.tree.inner] == SOFTMAX).all()
    assert 3 in linear.tree.fan_out


def test_several_labels_a_document_are_independent_decisions():
    X, Y, labels = corpus()
    both = np.maximum(Y.toarray(), np.roll(Y.toarray(), 1, axis=0))
    linear = Local().fit(X, csr_array(both), labels=labels).trees_[0]
    assert (linear.transform[linear.tree.inner] == SIGMOID).all()
    model = Local(exclusive=False).fit(X, Y, labels=labels)
    assert (model.trees_[0].transform == SIGMOID).all()


def test_a_child_never_scores_above_its_parent():
    X, Y, labels = corpus()
    S = Local().fit(X, Y, labels=labels).predict(X, k=6).toarray()
    for parent, child in [(0, 2), (0, 3), (1, 4), (1, 5)]:
        assert (S[:, child] <= S[:, parent]).all()


def test_without_a_taxonomy_a_tree_is_grown():
    X, Y, _ = corpus()
    model = Local().fit(X, Y)
    assert model.labels_.hierarchy is None
    assert model.score(X, Y) > 0.9


@pytest.mark.parametrize("exclusive", [True, False])
def test_finds_the_right_leaf(exclusive):
    X, Y, labels = corpus()
    model = Local(exclusive=exclusive).fit(X, Y, labels=labels)
    S = model.predict(X, k=6).toarray()
    assert (S[:, 2:].argmax(axis=1) == Y.toarray()[:, 2:].argmax(axis=1)).mean() > 0.95
