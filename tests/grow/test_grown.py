import numpy as np
import pytest
from scipy.sparse import random_array

from labeltree.core.arrays import as_csr
from labeltree.core.errors import ParameterError
from labeltree.core.labels import Labels
from labeltree.core.pool import ThreadPool
from labeltree.grow import CoOccurrence, Grown, Joint, Pifa, Random, TwoMeans
from labeltree.grow.pifa import unit_rows


def corpus(n_labels=60, n_topics=4, n=600, seed=0, n_unseen=0):
    """Labels whose documents share the words of the label's topic; the last ones have none."""
    rng = np.random.default_rng(seed)
    topic = np.arange(n_labels) % n_topics
    label = rng.integers(0, n_labels - n_unseen, n)
    words = random_array((n, 20 * n_topics), density=0.15, rng=rng).toarray()
    words *= np.arange(20 * n_topics) // 20 == topic[label][:, None]
    words += random_array((n, 20 * n_topics), density=0.02, rng=rng).toarray() * 0.2
    Y = np.zeros((n, n_labels))
    Y[np.arange(n), label] = 1
    return unit_rows(as_csr(words, "X")), as_csr(Y, "Y"), topic


def build(source, X, Y, seed=0, n_jobs=1):
    labels = Labels.numbered(Y.shape[1])
    return source.build(X, Y, labels, seed=seed, pool=ThreadPool(n_jobs))


@pytest.mark.parametrize("max_leaf", [1, 4, 25])
@pytest.mark.parametrize("features", [Pifa(), Pifa(per_document=True), CoOccurrence(), Joint()])
def test_holds_every_label_once_in_balanced_leaves(max_leaf, features):
    X, Y, _ = corpus()
    Y = as_csr(np.maximum(Y.toarray(), np.roll(Y.toarray(), 1, axis=0)), "Y")  # two labels each
    tree = build(Grown(TwoMeans(max_leaf=max_leaf), features), X, Y)
    assert sorted(tree.label[tree.label >= 0]) == list(range(60))
    below = tree.label_nodes.sum(axis=0)
    for v in tree.inner:
        first, last = tree.child_ptr[v], tree.child_ptr[v + 1]
        if tree.label[first] >= 0:
            assert last - first <= max_leaf
            assert (tree.label[first:last] >= 0).all()
        else:
            assert last - first == 2
            assert abs(below[first] - below[first + 1]) <= 1
            assert below[v] > max_leaf


def test_labels_that_look_alike_stand_together():
    X, Y, topic = corpus()
    tree = build(Grown(clusterer=TwoMeans(max_leaf=15)), X, Y)
    leaves = [
        topic[tree.label[tree.parent == v]]
        for v in tree.inner
        if tree.label[tree.child_ptr[v]] >= 0
    ]
    assert len(leaves) == 4
    pure = np.mean([np.bincount(leaf).max() / len(leaf) for leaf in leaves])
    chance = build(Random(max_leaf=15), X, Y)
    mixed = np.mean(
        [
            np.bincount(topic[chance.label[chance.parent == v]]).max() / 15
            for v in chance.inner
            if chance.label[chance.child_ptr[v]] >= 0
        ]
    )
    assert pure > 0.9 > 0.7 > mixed


@pytest.mark.parametrize("max_leaf", [2, 100])
def test_same_tree_for_any_number_of_threads(max_leaf):
    X, Y, _ = corpus(seed=1)
    source = Grown(clusterer=TwoMeans(max_leaf=max_leaf))
    trees = [build(source, X, Y, seed=4, n_jobs=n) for n in (1, 2, 4)]
    for tree in trees[1:]:
        np.testing.assert_array_equal(tree.parent, trees[0].parent)
        np.testing.assert_array_equal(tree.label, trees[0].label)
    if max_leaf == 2:
        assert (build(source, X, Y, seed=5).label != trees[0].label).any(), "the seed matters"


def test_labels_without_documents_are_spread():
    X, Y, _ = corpus(n_unseen=13)
    tree = build(Grown(clusterer=TwoMeans(max_leaf=8)), X, Y)
    assert sorted(tree.label[tree.label >= 0]) == list(range(60))
    counts = [
        (tree.label[tree.parent == v] >= 47).sum()
        for v in tree.inner
        if tree.label[tree.child_ptr[v]] >= 0
    ]
    assert sum(counts) == 13
    assert max(counts) - min(counts) <= 1


def test_weights_at_most_min_weight_are_forgotten():
    X, Y, _ = corpus()
    trees = [
        build(Grown(clusterer=TwoMeans(max_leaf=4), min_weight=w), X, Y) for w in (0.0, 0.3, 10.0)
    ]
    assert (trees[0].label != trees[1].label).any()
    assert trees[2].level_sizes == [1, 60], "nothing is known about any label"


@pytest.mark.parametrize("features", [Pifa(), Pifa(per_document=True), CoOccurrence(), Joint()])
def test_no_document_has_a_feature(features):
    _, Y, _ = corpus()
    tree = build(Grown(features=features), as_csr(np.zeros((600, 5)), "X"), Y)
    assert sorted(tree.label) == list(range(-1, 60))


@pytest.mark.parametrize("collapse", [1, 2])
def test_collapse_takes_levels_out(collapse):
    X, Y, _ = corpus()
    binary, wide = (build(Grown(TwoMeans(max_leaf=4), collapse=c), X, Y) for c in (0, collapse))
    assert binary.level_sizes == [1, 2, 4, 8, 16, 60]
    assert wide.level_sizes == {1: [1, 4, 16, 60], 2: [1, 8, 16, 60]}[collapse]

    def leaves(tree):
        return sorted(
            tuple(sorted(tree.label[tree.parent == v]))
            for v in tree.inner
            if tree.label[tree.child_ptr[v]] >= 0
        )

    assert leaves(wide) == leaves(binary), "the last clusters stay"


def test_one_label():
    X, Y, _ = corpus()
    tree = build(Grown(clusterer=TwoMeans(max_leaf=1)), X, as_csr(Y[:, :1], "Y"))
    assert tree.label.tolist() == [-1, 0]


def test_parameters_are_checked():
    with pytest.raises(ParameterError, match="collapse"):
        Grown(collapse=-1)
    with pytest.raises(ParameterError, match="max_leaf"):
        TwoMeans(max_leaf=0)
