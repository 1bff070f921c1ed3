"""Bloom filters of label sets: what comes back from bits, also where some are wrong."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from labeltree.core.errors import ParameterError
from labeltree.core.scores import above, from_ranking
from labeltree.linear.bits import Code
from labeltree.models.bloom import Bloom


def blocks(n=400, n_groups=9, size=4, seed=0):
    """Label sets inside one group each, with labels 0 and 1, which come with all of them."""
    rng = np.random.default_rng(seed)
    Y = np.zeros((n, 2 + n_groups * size))
    group = rng.integers(0, n_groups, n)
    for i in range(n):
        chosen = rng.choice(size, rng.integers(1, size + 1), replace=False)
        Y[i, 2 + group[i] * size + chosen] = 1
    Y[:, :2] = rng.random((n, 2)) < 0.5
    return csr_array(Y)


def coded(Y, **params):
    """Return a model with its code, and no classifiers."""
    model = Bloom(**params)
    model.code_ = model.coded(Y, np.arange(Y.shape[1], dtype=np.int32))
    return model


def decoded(model, bits):
    """Return the label sets of documents with these bits."""
    label, score = model.best(bits.astype(np.float32), len(model.code_.column))
    return above(from_ranking(label, score, len(model.code_.column)), np.float32(0.5001)).toarray()


@pytest.mark.parametrize("n_parts", [1, 2, 3, 4, 5, 7])
def test_label_sets_of_one_cluster_and_hubs_come_back(n_parts):
    Y = blocks()
    model = coded(Y, n_parts=n_parts, max_cluster=4, hubs=2 / 38)
    assert (model.code_.cluster[:2] == -1).all()
    bits = (Y @ model.code_.matrix()).toarray() > 0
    np.testing.assert_array_equal(decoded(model, bits), Y.toarray())


@pytest.mark.parametrize("n_parts", [3, 4, 5, 7])
@pytest.mark.parametrize("seed", range(3))
def test_they_come_back_where_bits_of_each_label_are_lost(n_parts, seed):
    """(K - 1) // 2 bits of each label are off; one more is too many."""
    Y, rng = blocks(seed=seed), np.random.default_rng(seed)
    model = coded(Y, n_parts=n_parts, max_cluster=4, hubs=2 / 38)
    in_cluster = Y.toarray().copy()
    in_cluster[:, :2] = 0  # the bit of a hub is its only one

    def spoiled(n_lost):
        bits = (Y @ model.code_.matrix()).toarray() > 0
        for i, label in zip(*np.nonzero(in_cluster), strict=True):
            bits[i, rng.choice(model.code_.bits[label], n_lost, replace=False)] = False
        return bits

    found = decoded(model, spoiled((n_parts - 1) // 2))
    np.testing.assert_array_equal(found, Y.toarray())
    found = decoded(model, spoiled((n_parts + 1) // 2))
    assert (found != Y.toarray()).any()


def test_bits_are_saved_by_sharing_them():
    Y = blocks()
    n_bits = [coded(Y, n_parts=K, max_cluster=4, hubs=2 / 38).code_.n_bits for K in (1, 2)]
    assert n_bits == [9 * 4 + 2, 5 * 4 + 2]  # 9 clusters: 9 single positions, or 9 pairs of 5


def test_the_first_cluster_decides_which_of_two_labels_is_meant():
    """Label 1 of cluster {0, 1} and label 3 of {2, 3} share a bit; cluster 0 has more bits on."""
    model = Bloom()
    bits = np.array([[0, 1], [3, 4], [0, 2], [3, 5]], np.int32)
    cluster = np.array([0, 0, 1, 1], np.int32)
    model.code_ = Code(np.arange(4, dtype=np.int32), bits, 6, cluster)
    value = np.array([[0.9, 0.8, 0.1, 0.6, 0.55, 0.99]], np.float32)
    label, score = model.best(value, 4)
    assert label.tolist() == [[0, 1, -1, -1]]
    np.testing.assert_allclose(score[0, :2], [0.85, 0.575], rtol=1e-6)
    model.followed = 2
    assert model.best(value, 4)[0].tolist() == [[0, 3, 1, 2]]


def test_plain_filters_need_all_bits():
    model = Bloom(code="hashed", n_parts=2)
    model.code_ = Code(np.arange(3, dtype=np.int32), np.array([[0, 1], [1, 2], [3, 3]], "i4"), 4)
    label, score = model.best(np.array([[0.9, 0.4, 0.8, 0.7]], np.float32), 3)
    assert label.tolist() == [[2, 0, 1]]
    np.testing.assert_allclose(score, [[0.7, 0.4, 0.4]], rtol=1e-6)


def test_plain_filters_may_find_labels_that_are_not_there_but_lose_none():
    Y = blocks()
    model = coded(Y, code="hashed", n_parts=2, bits_per_label=0.5)
    assert model.code_.n_bits == 19
    assert model.code_.cluster is None
    bits = (Y @ model.code_.matrix()).toarray() > 0
    found = decoded(model, bits)
    assert (found >= Y.toarray()).all()
    assert found.sum() > Y.sum()


@pytest.mark.parametrize("params", [{}, {"n_parts": 3}, {"code": "hashed", "bits_per_label": 2.0}])
def test_learns_from_documents(params):
    """A word for each label: all that is asked is to undo the code."""
    Y = blocks(900)
    rng = np.random.default_rng(1)
    X = Y.toarray() + (rng.random(Y.shape) < 0.01)
    model = Bloom(max_cluster=4, hubs=2 / 38, **params).fit(X[:600], Y[:600])
    found = above(model.predict(X[600:], 38), np.float32(0.5)).toarray()
    truth = Y[600:].toarray()
    assert 2 * (found * truth).sum() / (found.sum() + truth.sum()) > 0.9
    if params.get("code") != "hashed":
        assert model.code_.n_bits <= 38


def test_labels_of_other_clusters_are_not_ranked():
    Y = blocks(600)
    model = Bloom(max_cluster=4, hubs=2 / 38).fit(Y, Y)
    S = model.predict(Y, 38)
    assert (np.diff(S.indptr) == 6).all()
    model.followed = 3
    assert (np.diff(model.predict(Y, 38).indptr) == 14).all()


def test_shares_out_of_range():
    with pytest.raises(ParameterError, match="hubs"):
        Bloom(hubs=1.5)
    with pytest.raises(ParameterError, match="robust, hashed"):
        Bloom(code="plain")
