"""Compressed sensing: sparse label sets come back from their codes."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from labeltree.grow.pifa import unit_rows
from labeltree.linear.decoder import Decoder
from labeltree.linear.embedding import Centred
from labeltree.models.compressed_sensing import CompressedSensing


def codes(matrix, n_labels, dim, seed=0):
    model = CompressedSensing(dim=dim, matrix=matrix, seed=seed)
    return model.codes(None, Centred(csr_array((1, n_labels)), np.zeros(n_labels)))


@pytest.mark.parametrize("matrix", ["gaussian", "bernoulli", "hadamard"])
def test_entries_have_mean_zero_and_variance_one_over_dim(matrix):
    A = codes(matrix, 300, 128)
    assert A.shape == (300, 128)
    norms = (A**2).sum(axis=1)
    np.testing.assert_allclose(norms.mean(), 1, atol=0.03)
    if matrix != "gaussian":
        np.testing.assert_allclose(np.abs(A), 1 / np.sqrt(128))
    # The first column of a Hadamard matrix is all ones.
    assert abs(A[1:].mean()) < 0.003


def test_rows_of_a_hadamard_matrix_are_orthogonal():
    A = codes("hadamard", 64, 64)
    np.testing.assert_allclose(A @ A.T, np.eye(64), atol=1e-12)


@pytest.mark.parametrize("matrix", ["gaussian", "bernoulli", "hadamard"])
def test_sparse_sets_come_back_from_their_codes(matrix):
    """m = 4 k log(L / k) measurements: at least 99 % of 1,000 draws."""
    n_labels, k, n = 256, 4, 1000
    dim = int(np.ceil(4 * k * np.log(n_labels / k)))
    A = codes(matrix, n_labels, dim)
    rng = np.random.default_rng(1)
    truth = np.stack([np.sort(rng.choice(n_labels, k, replace=False)) for _ in range(n)])
    Z = A[truth].sum(axis=1).astype(np.float32)
    model = CompressedSensing(sparsity=k)
    model.decoder_ = Decoder(
        np.arange(n_labels, dtype=np.int32), A.astype("f4"), np.zeros(n_labels, "f4")
    )
    label, score = model.decoded(Z, k)
    right = (np.sort(label, axis=1) == truth).all(axis=1)
    assert right.mean() >= 0.99
    np.testing.assert_allclose(score[right], 1, atol=1e-3)


def test_only_decoded_labels_are_ranked():
    X = np.eye(6)
    model = CompressedSensing(dim=20, sparsity=2).fit(X, X)
    S = model.predict(X, 6)
    assert (np.diff(S.indptr) <= 2).all()
    assert (S.toarray().argmax(axis=1) == np.arange(6)).all()


def test_evidence_names_the_labels_chosen_beside():
    rng = np.random.default_rng(0)
    X = csr_array((rng.random((80, 12)) < 0.3).astype("f4"))
    Y = csr_array((X @ (rng.random((12, 9)) < 0.2) > 0).astype(float))
    model = CompressedSensing(dim=30, sparsity=3).fit(X, Y)
    x = csr_array(X[[5]])
    chosen = model.decoder_.column[model._pursued(model.regressor_(unit_rows(x)))[0][0]]
    S = model.predict(x, 9)
    for column in range(9):
        found = model.evidence(x, column)
        assert found.beside.tolist() == sorted(set(chosen.tolist()) - {column})
        score = S[0, column]
        if 0.01 < score < 0.999:
            assert found.part.sum() + found.rest == pytest.approx(score, abs=1e-5)
        # As if it came last: the coefficient of least squares over it and the chosen ones.
        columns = np.r_[column, found.beside]
        A, z = model.decoder_.vector[columns].T, model.regressor_(unit_rows(x))[0]
        expected = np.linalg.lstsq(A, z, rcond=None)[0][0]
        assert found.part.sum() + found.rest == pytest.approx(expected, abs=1e-4)


def test_label_sets_are_not_centred():
    model = CompressedSensing(dim=20).fit(np.eye(6), np.eye(6))
    assert not model.decoder_.offset.any()
