import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array, coo_matrix, csc_array, csr_array, csr_matrix

from labeltree.core.arrays import (
    as_binary,
    as_csr,
    binarised_product,
    entries_of,
    for_kernel,
    from_parts,
    from_rows,
    ranges,
    row_of_entry,
)
from labeltree.core.errors import DataError


def raw(data, indices, indptr, shape):
    """Return a CSR array as it is given, however wrong."""
    csr = csr_array(shape, dtype=np.asarray(data).dtype)
    csr.data, csr.indices, csr.indptr = (np.array(a) for a in (data, indices, indptr))
    return csr


DENSE = np.array([[0, 2, 0], [1, 0, 3.5]])


@pytest.mark.parametrize(
    "matrix",
    [
        DENSE,
        DENSE.tolist(),
        csr_array(DENSE),
        csr_matrix(DENSE),
        csc_array(DENSE),
        coo_matrix(DENSE),
        csr_array(DENSE.astype(np.float32)),
    ],
)
def test_every_kind_of_matrix_becomes_the_same(matrix):
    csr = as_csr(matrix, "X")
    assert type(csr) is csr_array
    assert (csr.dtype, csr.indices.dtype, csr.indptr.dtype) == (np.float32, np.int32, np.int32)
    assert csr.indices.tolist() == [1, 0, 2]
    assert csr.indptr.tolist() == [0, 1, 3]
    assert csr.data.tolist() == [2, 1, 3.5]
    assert csr.has_canonical_format


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint64, np.int64, np.float16, np.float64])
def test_every_number_becomes_float32(dtype):
    dense = np.array([[0, 1], [1, 0]], dtype)
    for matrix in (dense, *([csr_array(dense)] if dtype is not np.float16 else [])):
        assert as_csr(matrix, "X").dtype == np.float32
        np.testing.assert_array_equal(as_csr(matrix, "X").toarray(), dense)


def test_duplicates_are_summed_zeros_dropped_and_columns_sorted():
    csr = as_csr(raw([1.0, 2, 3, 0, 5, -5], [2, 0, 2, 1, 1, 1], [0, 4, 6], (2, 3)), "X")
    assert csr.indices.tolist() == [0, 2]
    assert csr.data.tolist() == [2, 4]
    assert csr.indptr.tolist() == [0, 2, 2]


def test_the_caller_keeps_his_arrays():
    given_matrix = raw(np.float32([1, 2, 0]), np.int32([2, 0, 1]), np.int32([0, 3]), (1, 3))
    as_csr(given_matrix, "X").data[:] = 7
    as_binary(given_matrix, "X").data[:] = 7
    assert given_matrix.data.tolist() == [1, 2, 0]
    assert given_matrix.indices.tolist() == [2, 0, 1]


def test_memory_is_shared_where_the_layout_is_right():
    csr = csr_array(DENSE.astype(np.float32))
    same = as_csr(csr, "X")
    assert np.shares_memory(same.data, csr.data)
    assert np.shares_memory(same.indices, csr.indices)


ROWS = {
    "sound": ([1, 2], [0, 2]),
    "empty": ([], []),
    "unsorted": ([1, 2], [2, 0]),
    "twice": ([1, 2, 3], [1, 1, 2]),
    "zero": ([1, 0], [0, 1]),
    "large": ([3e38, 3e38], [0, 1]),
    "nan": ([1, np.nan], [0, 1]),
    "infinite": ([np.inf], [1]),
    "beyond": ([1], [3]),
    "before": ([1, 1], [-1, 2]),
    "doubled to infinity": ([3e38, 3e38], [1, 1]),
}


@pytest.mark.parametrize("case", ROWS)
def test_one_row_is_judged_as_many_are(case):
    """Documents that come one by one are looked at in a quicker way."""
    data, indices = (np.array(part, t) for part, t in zip(ROWS[case], ("f4", "i4"), strict=True))

    def outcome(n_rows):
        indptr = np.arange(n_rows + 1, dtype=np.int32) * len(data)
        row = np.tile(data, n_rows), np.tile(indices, n_rows), indptr
        try:
            csr = as_csr(raw(*row, (n_rows, 3)), "X")[[0]]
        except DataError as error:
            return str(error).split(" (")[0]
        return csr.indices.tolist(), csr.data.tolist()

    assert outcome(1) == outcome(3)


def test_wide_indices_are_narrowed():
    csr = as_csr(raw([1.0], np.int64([1]), np.int64([0, 1]), (1, 2)), "X")
    assert csr.indices.dtype == csr.indptr.dtype == np.int32


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([1.0, 2.0], r"1 dimension\(s\)"),
        (coo_array(np.ones(3)), r"1 dimension\(s\)"),
        (np.zeros((2, 2, 2)), r"3 dimension\(s\)"),
        (None, "object"),
        ("text", "must be a matrix"),
        ([["a", "b"]], "must be a matrix of numbers"),
        ([[1, None]], "object"),
        ([[1], [2, 3]], "no matrix"),
        (np.eye(2) * 1j, "complex"),
        (csr_array(np.eye(2) * 1j), "complex"),
        (raw([1.0], [3], [0, 1], (1, 3)), "no valid sparse matrix"),
        (raw([1.0], [-1], [0, 1], (1, 3)), "no valid sparse matrix"),
        (raw([1.0, 1], [0, 1], [0, 2, 1, 2], (3, 3)), "no valid sparse matrix"),
        (csc_array((np.ones(1), np.array([9]), np.array([0, 1])), shape=(3, 1)), "indices"),
    ],
)
def test_what_is_no_matrix_of_numbers_is_refused(matrix, message):
    with pytest.raises(DataError, match=f"^X .*{message}"):
        as_csr(matrix, "X")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("make", [np.asarray, csr_array, csc_array])
def test_values_that_are_not_finite_are_refused_with_their_row(value, make):
    dense = np.ones((5, 3))
    dense[3, 1] = dense[4, 2] = value
    with pytest.raises(DataError, match=r"first in row 3 \(2 in all\)"):
        as_csr(make(dense), "X")


@pytest.mark.parametrize("make", [np.asarray, csr_array])
def test_values_too_large_for_float32_are_refused_without_a_warning(make):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DataError, match="infinity"):
            as_csr(make(np.array([[0, 1e300]])), "X")


def test_duplicates_whose_sum_is_too_large_are_refused():
    with pytest.raises(DataError, match="infinity"):
        as_csr(raw(np.float32([3e38, 3e38]), [0, 0], [0, 2], (1, 1)), "X")


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_empty_matrices_keep_their_shape(shape):
    assert as_csr(np.zeros(shape), "X").shape == shape
    assert as_binary(csr_array(shape), "Y").shape == shape


def test_binary_sets_every_value_to_one():
    csr = as_binary([[0, 0.3], [5, 0]], "Y")
    assert csr.toarray().tolist() == [[0, 1], [1, 0]]


def test_binary_refuses_negative_values():
    with pytest.raises(DataError, match="Y holds negative values"):
        as_binary([[1, -1]], "Y")


def test_rows_of_columns():
    csr = from_rows([[2, 0], [], [1, 1]], 3)
    assert csr.toarray().tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0]]
    assert from_rows([], 3).shape == (0, 3)


@pytest.mark.parametrize("column", [3, -1])
def test_rows_outside_the_columns_are_refused(column):
    with pytest.raises(DataError):
        from_rows([[0], [column]], 3)


@given(st.integers(0, 2**32 - 1))
def test_binarised_product_marks_what_is_above_zero(seed):
    rng = np.random.default_rng(seed)
    left, right = ((rng.random((4, 4)) < 0.4) * rng.integers(1, 3, (4, 4)) for _ in range(2))
    product = binarised_product(csr_array(left), csr_array(right))
    np.testing.assert_array_equal(product.toarray(), left @ right > 0)
    assert product.dtype == np.float32
    assert product.has_canonical_format


def test_zeros_stored_in_a_factor_are_zeros():
    left = raw(np.float32([0, 1]), [0, 1], [0, 1, 2], (2, 2))
    product = binarised_product(left, csr_array(np.ones((2, 2), np.float32)))
    assert product.toarray().tolist() == [[0, 0], [1, 1]]
    assert product.nnz == 2


def test_row_of_each_entry():
    assert row_of_entry(csr_array(np.array([[1, 1], [0, 0], [0, 1]]))).tolist() == [0, 0, 2]


def test_parts_have_index_arrays_of_one_type():
    csr = from_parts(np.ones(1), np.int32([1]), np.int64([0, 1]), (1, 2))
    assert csr.indptr.dtype == csr.indices.dtype == np.int32
    assert csr.toarray().tolist() == [[0, 1]]


def test_kernels_get_the_same_memory_unsigned():
    csr = as_csr(DENSE, "X")
    indptr, indices, data = for_kernel(csr)
    assert (indptr.dtype, indices.dtype, data.dtype) == (np.int64, np.uint32, np.float32)
    assert np.shares_memory(indices, csr.indices)
    assert np.shares_memory(data, csr.data)


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(0, 5)), max_size=20))
def test_ranges_follow_one_another(runs):
    start = np.array([s for s, _ in runs], np.int32)
    count = np.array([c for _, c in runs], np.int32)
    expected = [n for s, c in runs for n in range(s, s + c)]
    assert ranges(start, count).tolist() == expected
    assert ranges(start, count).dtype == np.int64


def test_entries_of_rows_in_any_order_and_beyond_the_last():
    table = from_rows([[0, 2], [], [1]], 3)
    which, column = entries_of(table, np.array([2, 0, 7, 1, 0]))
    assert which.tolist() == [0, 1, 1, 4, 4]
    assert column.tolist() == [1, 0, 2, 0, 2]
    which, column = entries_of(table, np.zeros(0, np.int64))
    assert which.tolist() == column.tolist() == []
