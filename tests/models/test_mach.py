"""MACH: hashes, what buckets say together, and one-vs-rest as its limit."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from labeltree.core.arrays import for_kernel
from labeltree.core.errors import ParameterError
from labeltree.core.scores import top_k
from labeltree.grow.pifa import unit_rows
from labeltree.kernels.sparse import Rows
from labeltree.linear.bits import Code, values
from labeltree.linear.sketch import signed_sums
from labeltree.linear.solver import Logistic
from labeltree.linear.tree import blocks_of
from labeltree.models import load
from labeltree.models.mach import Mach
from labeltree.models.one_vs_rest import OneVsRest


def planted(n=1500, L=60, d=90, seed=0):
    """Each label has words of its own, among others'."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, L, (n, 2))
    X = (rng.random((n, d)) < 0.05).astype(float)
    for words in (0, 29):
        np.put_along_axis(X, (label + words) % d, 2.0, axis=1)
    Y = np.zeros((n, L))
    np.put_along_axis(Y, label, 1, axis=1)
    return csr_array(X), csr_array(Y)


def with_values(value, bits, **params):
    """Return a model whose buckets have known values."""
    model = Mach(**params)
    model.code_ = Code(np.arange(len(bits), dtype=np.int32), np.array(bits, np.int32), 6)
    return model.best(np.array(value, np.float32), 3)


@pytest.mark.parametrize(
    ("combine", "label", "score"),
    [
        # 0.9 + 0.8 + 0.4, 0.1 + 0.2 + 0.7 and 0.1 + 0.8 + 0.4
        ("mean", [0, 2, 1], [2.1 / 3, 1.3 / 3, 1.0 / 3]),
        ("unbiased", [0, 2, 1], [2 * 2.1 / 3 - 1, 2 * 1.3 / 3 - 1, 2 * 1.0 / 3 - 1]),
        ("min", [0, 1, 2], [0.4, 0.1, 0.1]),
        ("median", [0, 2, 1], [0.8, 0.4, 0.2]),
    ],
)
def test_three_hashes_of_two_buckets_by_hand(combine, label, score):
    value = [[0.9, 0.1, 0.8, 0.2, 0.4, 0.7]]
    bits = [[0, 2, 4], [1, 3, 5], [1, 2, 4]]
    found = with_values(value, bits, n_buckets=2, n_hashes=3, combine=combine)
    assert found[0].tolist() == [label]
    np.testing.assert_allclose(found[1][0], score, atol=1e-6)


def test_the_unbiased_estimate_undoes_collisions():
    """One label a document, buckets always right: others share a bucket with it once in B."""
    rng = np.random.default_rng(0)
    L, B, R = 50, 5, 4000
    buckets = rng.integers(0, B, (L, R))
    bits = (buckets + B * np.arange(R)).astype(np.int32)
    value = np.zeros((1, B * R), np.float32)
    value[0, bits[7]] = 1
    model = Mach(n_buckets=B, n_hashes=R, combine="unbiased")
    model.code_ = Code(np.arange(L, dtype=np.int32), bits, B * R)
    label, score = model.best(value, L)
    assert label[0, 0] == 7
    assert score[0, 0] == pytest.approx(1)
    np.testing.assert_allclose(score[0, 1:], 0, atol=0.04)


def test_one_bucket_for_each_label_is_one_vs_rest():
    X, Y = planted(400)
    solver = Logistic(threshold=0.01)
    mach = Mach(n_hashes=1, n_buckets=60, hashing="balanced", solver=solver).fit(X, Y)
    assert len(np.unique(mach.code_.bits)) == 60
    flat = OneVsRest(solver=solver).fit(X, Y)
    mine, theirs = (top_k(m.predict(X, 5), 5) for m in (mach, flat))
    # The problems are the same; the solver visits documents in another order.
    assert (mine[0][:, 0] == theirs[0][:, 0]).mean() > 0.98
    tight = Logistic(threshold=0, eps=1e-5, max_iter=2000)
    mach = Mach(n_hashes=1, n_buckets=64, hashing="balanced", solver=tight).fit(X, Y)
    flat = OneVsRest(solver=tight).fit(X, Y)
    mine, theirs = (m.predict(X, 60).toarray() for m in (mach, flat))
    np.testing.assert_allclose(mine, theirs, atol=1e-3)


def test_more_hashes_are_better():
    X, Y = planted(2500)
    found = []
    for n_hashes in (1, 2, 4, 8):
        model = Mach(n_buckets=8, n_hashes=n_hashes).fit(X[:1500], Y[:1500])
        found.append(model.score(X[1500:], Y[1500:]))
    assert found[0] + 0.1 < found[1]
    assert found[1] + 0.1 < found[2]
    assert found[2] < found[3]


def test_a_bucket_is_on_if_one_of_its_labels_is():
    """With exclusive words, bucket classifiers learn exactly that."""
    X = csr_array(np.repeat(np.eye(12), 30, axis=0))
    model = Mach(n_buckets=4, n_hashes=3).fit(X, X)
    (_, rows), *_ = blocks_of(Rows(*for_kernel(unit_rows(csr_array(np.eye(12), dtype="f4")))), 12)
    value = values(model.bits_, rows)
    expected = np.zeros((12, 12))
    np.put_along_axis(expected, model.code_.bits.astype(int), 1, axis=1)
    assert ((value > 0.5) == (expected > 0)).all()


def test_candidates_find_what_scoring_all_labels_finds():
    X, Y = planted()
    model = Mach(n_buckets=20, n_hashes=8).fit(X, Y)
    every = model.predict(X, 2)
    model.n_top = 10
    few = model.predict(X, 2)
    assert (top_k(few, 1)[0] == top_k(every, 1)[0]).mean() > 0.97
    model.n_top = 1000
    assert (model.predict(X, 2) != every).nnz == 0


@pytest.mark.parametrize("combine", ["mean", "min", "median", "unbiased"])
def test_labels_in_the_same_buckets_keep_the_contract(combine):
    X, Y = planted(200)
    S = Mach(n_buckets=2, n_hashes=2, combine=combine).fit(X, Y).predict(X, 60)
    assert (S.data > 0).all()
    assert (S.data <= 1).all()
    assert (np.diff(S.indptr) == 60).all()


def test_labels_without_documents_have_no_bucket():
    X, Y = planted(300)
    Y = Y.tolil()
    Y[:, [3, 8]] = 0
    model = Mach().fit(X, csr_array(Y))
    assert not np.isin([3, 8], model.code_.column).any()
    assert model.predict(X, 60)[:, [3, 8]].nnz == 0


def test_one_bucket_has_no_unbiased_estimate():
    with pytest.raises(ParameterError, match="n_buckets of 2 or more"):
        Mach(n_buckets=1, combine="unbiased")


def counted(Y, **params):
    """Return a count sketch without training, and what its buckets hold of Y: the exact sums."""
    model = Mach(signed=True, **params)
    model.code_ = model.coded(Y, np.arange(Y.shape[1], dtype=np.int32))
    S = signed_sums(Y, model.code_.bits, model.n_buckets).toarray()
    S = S.reshape(len(S), model.n_hashes, model.n_buckets)
    return model, np.concatenate([S, -S], axis=2).reshape(len(S), -1).astype(np.float32)


@pytest.mark.parametrize("hashing", ["universal", "balanced"])
def test_a_count_sketch_is_unbiased(hashing):
    """Over seeds, the mean of all hashes is the truth, and the median is near it."""
    y, n_seeds = np.zeros((1, 40)), 150
    y[0, [3, 17, 30]] = 1
    total, right = np.zeros(40), 0
    for seed in range(n_seeds):
        params = {"n_buckets": 8, "n_hashes": 20, "hashing": hashing, "seed": seed}
        model, value = counted(csr_array(y), combine="mean", **params)
        label, score = model.best(value, 40)
        total[label[0]] += score[0]
        label, score = counted(csr_array(y), combine="median", **params)[0].best(value, 3)
        right += set(label[0].tolist()) == {3, 17, 30}
    # Three others at most, in a bucket once in eight: a variance of 3 / 8 for each hash.
    np.testing.assert_allclose(total / n_seeds, y[0], atol=5 * np.sqrt(3 / 8 / 20 / n_seeds))
    assert right > 0.95 * n_seeds


def test_without_signs_the_mean_is_biased():
    y = np.zeros((1, 40), np.float32)
    y[0, [3, 17, 30]] = 1
    model = Mach(n_buckets=8, n_hashes=200)
    code = model.code_ = model.coded(csr_array(y), np.arange(40, dtype=np.int32))
    label, score = model.best(np.asarray(csr_array(y) @ code.matrix().toarray()), 40)
    assert score[0][~np.isin(label[0], [3, 17, 30])].mean() > 0.25


@pytest.mark.parametrize("combine", ["mean", "median"])
def test_a_count_sketch_learns(combine):
    X, Y = planted(2500)
    model = Mach(n_buckets=30, n_hashes=12, signed=True, combine=combine)
    model.fit(X[:1500], Y[:1500])
    assert model.score(X[1500:], Y[1500:]) > 0.8
    every = model.predict(X[1500:], 2)
    model.n_top = 60
    assert (model.predict(X[1500:], 2) != every).nnz == 0
    model.n_top = 15
    few = model.predict(X[1500:], 2)
    assert (top_k(few, 1)[0] == top_k(every, 1)[0]).mean() > 0.9


def test_a_count_sketch_keeps_the_contract(tmp_path, monkeypatch):
    X, Y = planted(300)
    model = Mach(n_buckets=6, n_hashes=5, signed=True, n_jobs=1).fit(X, Y)
    S = model.predict(X, 60)
    assert (S.data > 0).all()
    assert (S.data <= 1).all()
    model.save(tmp_path / "m")
    again = load(tmp_path / "m")
    again.n_jobs = 3
    monkeypatch.setattr("labeltree.linear.bits.BITS_IN_FLIGHT", 1)
    assert (again.predict(X, 60) != S).nnz == 0


@pytest.mark.parametrize("combine", ["mean", "median"])
def test_evidence_of_a_count_sketch_makes_the_score(combine):
    X, Y = planted(300)
    model = Mach(n_buckets=6, n_hashes=5, signed=True, combine=combine).fit(X, Y)
    S = model.predict(X[[4]], 5)
    for column, score in zip(S.indices, S.data, strict=True):
        found = model.evidence(X[[4]], int(column))
        for one in found:
            assert one.part.sum() + one.bias == pytest.approx(one.value, abs=1e-5)
            assert column in one.carriers
        together = model.together(np.array([one.value for one in found]))
        if together < 1:
            assert together == pytest.approx(score, abs=1e-5)
    bucket = model.code_.bits[:, 0] % 6  # of the first hash, whatever the sign
    expected = np.flatnonzero(bucket == model.code_.of(int(S.indices[0]))[0] % 6)
    np.testing.assert_array_equal(model.evidence(X[[4]], int(S.indices[0]))[0].carriers, expected)


@pytest.mark.parametrize("combine", ["min", "unbiased"])
def test_count_sketches_combine_by_mean_or_median(combine):
    with pytest.raises(ParameterError, match="combine=mean or combine=median"):
        Mach(signed=True, combine=combine)
