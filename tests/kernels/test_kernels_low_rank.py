"""Some entries of a product against the whole product."""

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from labeltree.kernels.low_rank import entries_of_product


@pytest.mark.parametrize("function", [entries_of_product, entries_of_product.py_func])
def test_equals_the_dense_product(function):
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(12, 5)), rng.normal(size=(9, 5))
    pattern = csr_array(random_array((12, 9), density=0.3, rng=rng))
    found = function(pattern.indptr.astype("i8"), pattern.indices.astype("i4"), A, B)
    rows = np.repeat(np.arange(12), np.diff(pattern.indptr))
    np.testing.assert_allclose(found, (A @ B.T)[rows, pattern.indices], atol=1e-12)


def test_no_entries():
    nothing = np.zeros(0, np.int32)
    assert not len(
        entries_of_product(np.zeros(3, np.int64), nothing, np.ones((2, 4)), np.ones((5, 4)))
    )
