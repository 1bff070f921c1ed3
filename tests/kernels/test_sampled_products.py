import numpy as np
import pytest
from scipy.sparse import random_array

from labeltree.kernels.sampled_products import sampled_products


@pytest.mark.parametrize("dim", [1, 2, 7, 33])
@pytest.mark.parametrize("function", [sampled_products, sampled_products.py_func])
def test_equals_the_dense_product(dim, function):
    rng = np.random.default_rng(dim)
    pattern = random_array((17, 17), density=0.3, rng=rng, format="csr")
    Z = rng.standard_normal((17, dim)).astype(np.float32)
    out = np.full(pattern.nnz, np.nan, np.float32)
    function(pattern.indptr, pattern.indices, Z, out)
    np.testing.assert_allclose(out, (Z @ Z.T)[pattern.nonzero()], atol=1e-5)
