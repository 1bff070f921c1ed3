import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import random_array

from labeltree.core.arrays import as_csr
from labeltree.grow.pifa import pifa, pruned, unit_rows

X = unit_rows(as_csr(np.array([[1, 0, 2], [0, 1, 0], [1, 1, 0.0]]), "X"))
Y = as_csr(np.array([[1, 1, 0], [0, 1, 0], [0, 1, 1]]), "Y")


def test_known_answer():
    expected = [[0.447214, 0, 0.894427], [0.513835, 0.759903, 0.398146], [0.707107, 0.707107, 0]]
    np.testing.assert_allclose(pifa(X, Y).toarray(), expected, atol=1e-6)


def test_known_answer_where_labels_share_a_document():
    Z = pifa(X, Y, per_document=True).toarray()
    expected = [[0.447214, 0, 0.894427], [0.448218, 0.823700, 0.347302], [0.707107, 0.707107, 0]]
    np.testing.assert_allclose(Z, expected, atol=1e-6)


@pytest.mark.parametrize("per_document", [False, True])
def test_rows_have_length_one_and_those_without_documents_are_empty(per_document):
    rng = np.random.default_rng(0)
    features = as_csr(random_array((40, 25), density=0.2, rng=rng), "X")
    truth = rng.random((40, 9)) < 0.2
    truth[:, 4] = False
    Z = pifa(features, as_csr(truth.astype(float), "Y"), per_document=per_document)
    assert Z.shape == (9, 25)
    assert Z.dtype == np.float32
    lengths = np.linalg.norm(Z.toarray(), axis=1)
    np.testing.assert_allclose(lengths, np.arange(9) != 4, atol=1e-6)
    assert not (Z.data == 0).any()


def test_documents_without_labels_and_without_features_take_no_part():
    more = as_csr(np.vstack([X.toarray(), [[0, 0, 1], [0, 0, 0]]]), "X")
    truth = as_csr(np.vstack([Y.toarray(), [[0, 0, 0], [1, 1, 1]]]), "Y")
    np.testing.assert_allclose(pifa(more, truth).toarray(), pifa(X, Y).toarray(), atol=1e-6)


def test_threshold_drops_small_entries_only():
    full, cut = pifa(X, Y).toarray(), pruned(pifa(X, Y), 0.45)
    np.testing.assert_array_equal(cut.toarray(), np.where(full > 0.45, full, 0))
    assert cut.nnz == 5
    signed = pruned(pifa(as_csr(-X, "X"), Y), 0.45)
    np.testing.assert_array_equal(signed.toarray(), -cut.toarray())


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), scale=st.sampled_from([1e-12, 1e-3, 1.0, 1e12]))
def test_unit_rows(seed, scale):
    rng = np.random.default_rng(seed)
    matrix = as_csr(random_array((7, 5), density=0.4, rng=rng) * scale - 0, "X")
    matrix.data *= np.where(rng.random(matrix.nnz) < 0.5, -1, 1).astype(np.float32)
    before = matrix.toarray()
    unit = unit_rows(matrix)
    np.testing.assert_array_equal(matrix.toarray(), before)
    lengths = np.linalg.norm(before.astype(float), axis=1, keepdims=True)
    expected = np.divide(before, lengths, out=np.zeros(before.shape), where=lengths > 0)
    np.testing.assert_allclose(unit.toarray(), expected, atol=1e-6)
    assert unit.dtype == np.float32


def test_unit_rows_of_such_a_matrix_is_that_matrix():
    assert unit_rows(X) is X
    empty = as_csr(np.zeros((3, 4)), "X")
    assert unit_rows(empty) is empty
    nearly = as_csr(X * 1.001, "X")
    assert unit_rows(nearly) is not nearly
