import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import random_array

from labeltree.core.arrays import as_csr, for_kernel
from labeltree.kernels.sparse import Rows, gather, gather_columns


def cut(X, rows, function=gather):
    """Return (dense cut with columns spread to features, features), checking the scratch."""
    seen = np.zeros(X.shape[1], np.int32)
    rows = np.array(rows, np.int32)
    (ptr, columns, values), features = function(Rows(*for_kernel(X)), rows, seen)
    assert not seen.any(), "the scratch comes back as it was"
    assert (ptr.dtype, columns.dtype, values.dtype, features.dtype) == ("i8", "u4", "f4", "u4")
    dense = np.zeros((len(rows), X.shape[1]), np.float32)
    for r in range(len(rows)):
        entries = slice(ptr[r], ptr[r + 1])
        dense[r, features[columns[entries]]] = values[entries]
    return dense, features, columns


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 12), n_features=st.integers(1, 15))
def test_gather_equals_fancy_indexing(seed, n, n_features):
    rng = np.random.default_rng(seed)
    X = as_csr(random_array((n, n_features), density=0.3, rng=rng), "X")
    rows = rng.integers(0, n, rng.integers(0, 2 * n))
    dense, features, columns = cut(X, rows)
    np.testing.assert_array_equal(dense, X.toarray()[rows])
    used = np.flatnonzero((X.toarray()[rows] != 0).any(axis=0))
    assert sorted(features) == used.tolist(), "each feature in use, once"
    assert columns.max(initial=0) < max(1, len(features))


def test_columns_are_numbered_in_order_of_first_use():
    X = as_csr(np.array([[0, 0, 5.0, 6], [1, 0, 0, 2], [0, 3, 0, 0]]), "X")
    _, features, columns = cut(X, [1, 0])
    assert features.tolist() == [0, 3, 2]
    assert columns.tolist() == [0, 1, 2, 1]


@pytest.mark.parametrize("rows", [[], [0], [2, 1, 2]])
def test_compiled_equals_python(rows):
    X = as_csr(np.array([[0, 0, 0], [1.0, 0, 2], [0, -3, 0]]), "X")
    for compiled, plain in zip(cut(X, rows), cut(X, rows, gather.py_func), strict=True):
        np.testing.assert_array_equal(compiled, plain)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 12), n_features=st.integers(1, 15))
def test_gathered_columns_are_the_transpose_with_a_constant(seed, n, n_features):
    rng = np.random.default_rng(seed)
    X = as_csr(random_array((n, n_features), density=0.3, rng=rng), "X")
    rows = rng.integers(0, n, rng.integers(0, 2 * n)).astype(np.int32)
    seen = np.zeros(n_features, np.int32)
    (ptr, row, value), features = gather_columns(Rows(*for_kernel(X)), rows, seen, 0.5)
    assert not seen.any(), "the scratch comes back as it was"
    dense = np.zeros((len(rows), n_features))
    for c, feature in enumerate(features):
        entries = slice(ptr[c], ptr[c + 1])
        assert ptr[c + 1] > ptr[c]
        assert (np.diff(row[entries].astype(int)) > 0).all()
        dense[row[entries], feature] = value[entries]
    np.testing.assert_array_equal(dense, X.toarray()[rows])
    assert row[ptr[len(features)] :].tolist() == list(range(len(rows)))
    assert (value[ptr[len(features)] :] == 0.5).all()
