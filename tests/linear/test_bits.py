"""Labels as bits: the code, and why a bit is on."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from labeltree.core.arrays import for_kernel
from labeltree.core.errors import DataError
from labeltree.grow.pifa import unit_rows
from labeltree.kernels.sparse import Rows
from labeltree.linear.bits import Code, values
from labeltree.models.bloom import Bloom
from labeltree.models.mach import Mach


@pytest.fixture(scope="module")
def documents():
    rng = np.random.default_rng(0)
    Y = (rng.random((200, 15)) < 0.15).astype(float)
    X = Y @ (rng.random((15, 25)) < 0.2) + (rng.random((200, 25)) < 0.1)
    Y[:, 6] = 0
    return csr_array(X, dtype=np.float32), csr_array(Y)


def test_the_matrix_of_a_code():
    code = Code(np.array([2, 5], np.int32), np.array([[0, 3], [1, 1]], np.int32), 4)
    assert code.matrix().toarray().tolist() == [[1, 0, 0, 1], [0, 1, 0, 0]]
    assert code.of(5).tolist() == [1, 1]
    indptr, indices, _ = code.carriers
    assert indptr.tolist() == [0, 1, 2, 2, 3]
    assert indices.tolist() == [0, 1, 0]


@pytest.mark.parametrize("model", [Mach(n_buckets=6, n_hashes=4), Bloom(max_cluster=4)])
def test_words_and_bias_add_up_to_the_margin(model, documents):
    X, Y = documents
    model.fit(X, Y)
    for i, column in ((3, 0), (40, 14)):
        found = model.evidence(X[[i]], column)
        assert len(found) == model.code_.bits.shape[1]
        for bit, one in zip(model.code_.of(column), found, strict=True):
            margin = one.bias + one.part.sum()
            assert one.value == pytest.approx(1 / (1 + np.exp(-margin)), abs=1e-5)
            assert set(one.feature.tolist()) <= set(X[[i]].indices.tolist())
            assert column in one.carriers
            assert (model.code_.bits[model.code_.column == one.carriers[0]] == bit).any()


def test_the_mean_of_the_bits_is_the_score(documents):
    X, Y = documents
    model = Mach(n_buckets=6, n_hashes=4).fit(X, Y)
    S = model.predict(X[[7]], 3)
    for column, score in zip(S.indices, S.data, strict=True):
        found = model.evidence(X[[7]], int(column))
        assert np.mean([one.value for one in found]) == pytest.approx(score, abs=1e-6)


def test_a_label_without_documents_has_no_bits(documents):
    X, Y = documents
    with pytest.raises(DataError, match="no training documents"):
        Mach().fit(X, Y).evidence(X[[0]], 6)


def test_a_bit_without_labels_is_never_on(documents):
    X, Y = documents
    model = Mach(n_buckets=40, n_hashes=2).fit(X, Y)
    idle = np.setdiff1d(np.arange(80), model.code_.bits)
    assert len(idle)
    value = values(model.bits_, Rows(*for_kernel(unit_rows(X))))
    assert value.shape == (200, 80)
    assert not value[:, idle].any()


@pytest.mark.parametrize("model", [Mach(), Bloom(), Bloom(code="hashed")])
def test_blocks_and_threads_change_nothing(model, documents, monkeypatch):
    X, Y = documents
    model.fit(X, Y)
    together = model.predict(X, 4)
    monkeypatch.setattr("labeltree.linear.bits.BITS_IN_FLIGHT", 1)
    model.n_jobs = 3
    assert (model.predict(X, 4) != together).nnz == 0
