"""Parabel: numbers by hand on the seven-node tree, and the checks that tell it from a toy."""

import numpy as np
import pytest
from scipy.sparse import csr_array

import labeltree
from labeltree.core.labels import Labels
from labeltree.core.tree import LabelTree
from labeltree.grow import Random
from labeltree.linear.solver import SquaredHinge
from labeltree.linear.tree import LinearTree
from labeltree.linear.weights import Chunks, Piece
from labeltree.models.parabel import Parabel


@pytest.fixture
def by_hand(seven_nodes):
    """A tree whose margins are known: feature f of a document is the margin of node f + 1."""

    def piece(first):
        return Piece(
            np.array([first, first + 1], np.uint32), np.array([0, 1, 2], np.uint32),
            np.array([0, 1], np.uint16), np.ones(2, np.float32), np.zeros(2, np.float32),
        )  # fmt: skip

    weights = Chunks.joined(
        [piece(0), piece(2), piece(4)], np.array([0, 1, 2], np.int32),
        np.array([1, 3, 5], np.int32), 7,
    )  # fmt: skip
    model = Parabel(n_trees=1, beam=10)
    model.trees_ = [LinearTree(seven_nodes, weights, np.zeros(7, np.int8), 6)]
    model.labels_ = Labels.numbered(4)
    return model


def test_score_is_the_product_of_the_path(by_hand):
    # A row of length 1, so that normalisation leaves the margins alone.
    x = np.array([[0.6, 0.0, 0.8, 0.0, 0.0, 0.0]])
    S = by_hand.predict(x, k=4).toarray()[0]
    # exp(-(1 - f)^2) along the path: eq. 1 with the squared hinge.
    left, right = np.exp(-(0.4**2)), np.exp(-1)
    expected = [left * np.exp(-(0.2**2)), left * np.exp(-1), right * np.exp(-1), right * np.exp(-1)]
    np.testing.assert_allclose(S, expected, rtol=1e-6)


def test_a_beam_of_one_follows_one_branch(by_hand):
    x = np.array([[0.6, 0.0, 0.8, 0.0, 0.0, 0.0]])
    by_hand.beam = 1
    S = by_hand.predict(x, k=4)
    assert S.indices.tolist() == [0, 1]


def test_a_missing_label_counts_as_zero_in_the_vote(by_hand):
    x = np.array([[0.6, 0.0, 0.8, 0.0, 0.0, 0.0]])
    alone = by_hand.predict(x, k=4).toarray()[0]
    dead = Chunks(
        **{
            f: getattr(by_hand.trees_[0].weights, f)
            for f in Chunks.__dataclass_fields__
            if f != "bias"
        },
        bias=np.full(7, -np.inf, np.float32),
    )
    by_hand.trees_ = [
        *by_hand.trees_,
        LinearTree(by_hand.trees_[0].tree, dead, np.zeros(7, np.int8), 6),
    ]
    np.testing.assert_allclose(by_hand.predict(x, k=4).toarray()[0], alone / 2, rtol=1e-6)


def planted(n_labels=200, n_documents=3000, n_words=400, seed=0):
    """Documents whose words come in groups: labels of a group share words."""
    rng = np.random.default_rng(seed)
    group = np.arange(n_labels) // 20
    label = rng.integers(0, n_labels, (n_documents, 2))
    X = np.zeros((n_documents, n_words), np.float32)
    for i, labels in enumerate(label):
        for one in labels:
            X[i, 200 + (np.arange(4) * 37 + one) % 200] += 1  # the label's own words
            X[i, group[one] * 20 + rng.integers(0, 20, 6)] += 1  # the group's words
    Y = np.zeros((n_documents, n_labels))
    Y[np.arange(n_documents)[:, None], label] = 1
    return csr_array(X), csr_array(Y)


def test_pruning_at_the_published_threshold_costs_nothing():
    X, Y = planted()
    full = Parabel(n_trees=1, solver=SquaredHinge(threshold=0.0)).fit(X[:2000], Y[:2000])
    pruned = Parabel(n_trees=1).fit(X[:2000], Y[:2000])
    assert abs(full.score(X[2000:], Y[2000:]) - pruned.score(X[2000:], Y[2000:])) < 0.01
    assert pruned.trees_[0].weights.n_bytes < 0.8 * full.trees_[0].weights.n_bytes


def test_more_trees_are_no_worse_and_differ():
    X, Y = planted()
    one = Parabel(n_trees=1).fit(X[:2000], Y[:2000])
    three = Parabel(n_trees=3).fit(X[:2000], Y[:2000])
    assert three.score(X[2000:], Y[2000:]) >= one.score(X[2000:], Y[2000:]) - 0.005
    trees = [t.tree.label.tolist() for t in three.trees_]
    assert trees[0] != trees[1] != trees[2]


def test_clustering_puts_related_labels_together():
    X, Y = planted()

    def purity(model):
        tree: LabelTree = model.trees_[0].tree
        group = tree.label // 20
        pairs = [
            np.mean(group[a:b, None] == group[None, a:b])
            for a, b in zip(tree.child_ptr, tree.child_ptr[1:], strict=False)
            if b > a and tree.label[a] >= 0
        ]
        return np.mean(pairs)

    def grown(tree):
        model = Parabel(n_trees=1)
        if tree:
            model.set_params(tree=tree)
        else:
            model.set_params(tree__clusterer__max_leaf=25)
        return model.fit(X, Y)

    assert purity(grown(None)) > 2 * purity(grown(Random(max_leaf=25)))


def test_defaults_are_the_papers():
    model = labeltree.find("parabel")()
    assert (model.n_trees, model.beam, model.tree.clusterer.max_leaf) == (3, 10, 100)
    assert (model.solver.C, model.solver.eps, model.solver.max_iter) == (1, 0.1, 20)
    assert model.solver.threshold == 0.1


@pytest.mark.slow
def test_real_data_reaches_what_is_published_for_linear_trees(data_root):
    splits = labeltree.read(data_root / "bibtex")
    model = Parabel(n_trees=3).fit(splits.train.X, splits.train.Y, labels=splits.labels)
    metrics = labeltree.evaluate(model, splits.test).metrics
    # omikuji 0.5.2 with one tree reaches 63.0 / 38.3 / 27.9 on these features.
    assert metrics["P@1"] > 0.625
    assert metrics["P@3"] > 0.38
    assert metrics["P@5"] > 0.275
