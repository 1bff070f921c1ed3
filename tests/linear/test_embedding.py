"""What PLST, CPLST and OCCA share, on the sheet's small case, and the order of their errors."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from labeltree.core.errors import DataError
from labeltree.core.pool import ThreadPool
from labeltree.linear.embedding import Centred
from labeltree.linear.ridge import Gram
from labeltree.models.compressed_sensing import CompressedSensing
from labeltree.models.cplst import Cplst
from labeltree.models.leml import Leml
from labeltree.models.occa import Occa
from labeltree.models.plst import Plst


def random_problem(seed, n=50, d=12, L=9):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) * (rng.random((n, d)) < 0.5)
    Y = (X @ rng.normal(size=(d, L)) + rng.normal(size=(n, L)) > 1).astype(float)
    Y[:L] = np.maximum(Y[:L], np.eye(L))
    return csr_array(X, dtype=np.float32), csr_array(Y)


def test_centring_without_forming_the_matrix():
    _, Y = random_problem(0)
    centred = Centred(Y, np.asarray(Y.mean(axis=0)).ravel())
    dense = Y.toarray() - Y.toarray().mean(axis=0)
    rng = np.random.default_rng(1)
    A, B = rng.normal(size=(9, 3)), rng.normal(size=(50, 3))
    np.testing.assert_allclose(centred.dot(A), dense @ A, atol=1e-12)
    np.testing.assert_allclose(centred.transposed_dot(B), dense.T @ B, atol=1e-12)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("dim", [1, 3, 6])
def test_the_order_of_errors(seed, dim):
    """Encoding PLST <= CPLST <= OCCA, prediction the other way round, the sum least for CPLST."""
    X, Y = random_problem(seed)
    centred = Centred(Y, np.asarray(Y.mean(axis=0)).ravel())
    dense = Y.toarray() - centred.mean
    gram = Gram(X, 0.7, ThreadPool(1))
    encoding, prediction = [], []
    for model in (Plst, Cplst, Occa):
        V = model(dim=dim, l2=0.7).codes(X, centred)
        np.testing.assert_allclose(V.T @ V, np.eye(dim), atol=1e-10)
        codes = dense @ V
        encoding.append((dense**2).sum() - (codes**2).sum())
        prediction.append(np.vdot(codes, codes - gram.hat(codes)))
    plst, cplst, occa = np.array([encoding, prediction]).T
    assert plst[0] < cplst[0] < occa[0]
    assert occa[1] < cplst[1] < plst[1]
    assert cplst.sum() < min(plst.sum(), occa.sum())


EXPLAINED = [
    Plst(dim=4), Cplst(dim=4), Occa(dim=4), Leml(dim=4), CompressedSensing(dim=40, sparsity=5),
]  # fmt: skip


@pytest.mark.parametrize("model", EXPLAINED)
def test_words_and_the_rest_add_up_to_the_score(model):
    X, Y = random_problem(0)
    X.data = np.abs(X.data)
    model.fit(X, Y)
    found = 0
    for i in (3, 20, 44):
        S = model.predict(X[[i]], 9)
        for column, score in zip(S.indices, S.data, strict=True):
            feature, part, rest, _ = model.evidence(X[[i]], int(column))
            assert feature.tolist() == sorted(X[[i]].indices.tolist())
            if 0.01 < score < 0.999:
                assert part.sum() + rest == pytest.approx(score, abs=1e-5)
                assert np.abs(part).max() > 0
                found += 1
    assert found > 10


def test_a_label_without_documents_has_no_evidence():
    X, Y = random_problem(0)
    Y = csr_array(Y.toarray() * (np.arange(9) != 4))
    with pytest.raises(DataError, match="no training documents"):
        Plst(dim=2).fit(X, Y).evidence(X[[0]], 4)
    with pytest.raises(DataError, match="no training documents"):
        CompressedSensing(dim=9).fit(X, Y).evidence(X[[0]], 4)
