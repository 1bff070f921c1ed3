"""CPLST: the sheet's small case, and H = I gives PLST."""

import numpy as np
from scipy.sparse import csr_array, eye_array

from labeltree.core.pool import ThreadPool
from labeltree.linear import ridge as ridge_module
from labeltree.linear.embedding import Centred
from labeltree.linear.ridge import Gram, ridge
from labeltree.models.cplst import Cplst
from labeltree.models.plst import Plst

X = csr_array(np.array([[1, 0], [1, 1], [0, 1], [0, 2]], np.float32))
Y = csr_array(np.array([[1, 1, 0], [1, 0, 1], [0, 1, 1], [0, 0, 1.0]]))
CENTRED = Centred(Y, np.array([0.5, 0.5, 0.75]))


def test_the_first_direction_and_all_eigenvalues():
    V = Cplst(dim=3, l2=0.1).codes(X, CENTRED)
    np.testing.assert_allclose(V[:, 0], [0.79439, 0.28179, -0.53809], atol=1e-5)
    codes = CENTRED.dot(V)
    values = (codes * Gram(X, 0.1, ThreadPool(1)).hat(codes)).sum(axis=0)
    np.testing.assert_allclose(values, [1.33820, 0.09491, 0], atol=1e-5)


def test_the_decoded_scores_of_rank_one():
    V = Cplst(dim=1, l2=0.1).codes(X, CENTRED)
    regressor = ridge(X, CENTRED.dot(V), 0.1, ThreadPool(1))
    scores = regressor(X) @ V.T + CENTRED.mean
    np.testing.assert_allclose(scores[0], [1.10585, 0.71491, 0.33962], atol=1e-5)
    np.testing.assert_allclose(scores[3], [-0.11582, 0.28156, 1.16713], atol=1e-5)


def test_where_regression_keeps_everything_it_is_plst():
    rng = np.random.default_rng(0)
    Y = csr_array((rng.random((20, 6)) < 0.4).astype(float))
    centred = Centred(Y, Plst().shift(Y))
    every = eye_array(20, dtype=np.float32, format="csr")
    mine = Cplst(dim=3, l2=1e-9).codes(csr_array(every), centred)
    theirs = Plst(dim=3).codes(csr_array(every), centred)
    np.testing.assert_allclose(mine, theirs, atol=1e-6)


def test_the_directions_are_the_same_where_nothing_is_formed(monkeypatch):
    rng = np.random.default_rng(0)
    X = csr_array((rng.random((300, 400)) < 0.05).astype(np.float32))
    Y = csr_array((np.asarray(X[:, :40].todense()) @ rng.random((40, 30)) > 1).astype(float))
    centred = Centred(Y, Plst().shift(Y))
    formed = Cplst(dim=3).codes(X, centred)
    monkeypatch.setattr(ridge_module, "FACTORISED", 10)
    angles = np.linalg.svd(formed.T @ Cplst(dim=3).codes(X, centred))[1]
    assert angles.min() > 0.9999
