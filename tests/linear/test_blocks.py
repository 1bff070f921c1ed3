import numpy as np
import pytest
from scipy.sparse import csr_array

from labeltree.core.pool import ThreadPool
from labeltree.linear.blocks import ranked_in_blocks

X = csr_array(np.diag(np.arange(1, 8, dtype=np.float32)))


def best(block):
    """Each document has the label of its only feature."""
    return block.indices[:, None].astype(np.int32), np.full((block.shape[0], 1), 0.5)


@pytest.mark.parametrize("size", [1, 3, 7, 100, None])
def test_rows_stay_in_order(size):
    S = ranked_in_blocks(X, best, 7, ThreadPool(2), size)
    np.testing.assert_array_equal(S.toarray(), np.eye(7, dtype=np.float32) / 2)


def test_no_documents():
    assert ranked_in_blocks(X[:0], best, 7, ThreadPool(1)).shape == (0, 7)
