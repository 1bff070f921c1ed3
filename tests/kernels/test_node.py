import numpy as np
import pytest
from scipy.sparse import csc_array, random_array

from labeltree.core.arrays import as_csr, for_kernel
from labeltree.grow.pifa import unit_rows
from labeltree.kernels import node
from labeltree.kernels.hinge import SquaredHingeProblem
from labeltree.kernels.logistic import LogisticProblem
from labeltree.kernels.sparse import Rows

N, N_FEATURES, N_CHILDREN = 90, 60, 20
NO_COST = np.zeros(0, np.float32)


def documents(seed):
    rng = np.random.default_rng(seed)
    return unit_rows(as_csr(random_array((N, N_FEATURES), density=0.15, rng=rng), "X"))


def children(seed, n, n_children=N_CHILDREN):
    """Return (n, n_children) bool; child 2 has no positives, child 5 no negatives."""
    positive = np.random.default_rng(seed).random((n, n_children)) < 0.25
    positive[:, 2] = False
    positive[:, 5] = True
    return positive


def solve(X, rows, positive, *, loss=0, C=1.0, eps=1e-6, max_iter=3000, threshold=0.0):
    """Run the kernel; returns the chunk, after checking its form."""
    columns = csc_array(positive)
    columns.sort_indices()
    seen = np.zeros(X.shape[1], np.int32)
    reached = node.Node(
        np.asarray(rows, np.int32), columns.indptr.astype(np.int64), columns.indices.astype("i4")
    )
    problem = (SquaredHingeProblem, LogisticProblem)[loss](float(C), float(eps), max_iter)
    chunk = node.solve_node(
        Rows(*for_kernel(X)), reached, NO_COST, problem, threshold, seen, np.uint64(11)
    )
    feature, row_ptr, child, value, bias = chunk
    assert not seen.any(), "the scratch comes back as it was"
    assert (feature.dtype, row_ptr.dtype, child.dtype, value.dtype, bias.dtype) == (
        "u4", "u4", "u2", "f4", "f4",
    )  # fmt: skip
    assert (np.diff(feature.astype(int)) > 0).all(), "features ascend"
    assert len(row_ptr) == len(feature) + 1
    assert row_ptr[0] == 0
    assert row_ptr[-1] == len(child) == len(value)
    assert (np.diff(row_ptr.astype(int)) > 0).all(), "no empty rows"
    assert len(bias) == positive.shape[1]
    return chunk


def dense(chunk, n_features=N_FEATURES):
    """Return (n_features + 1, n_children), the bias last."""
    feature, row_ptr, child, value, bias = chunk
    W = np.zeros((n_features + 1, len(bias)))
    W[np.repeat(feature, np.diff(row_ptr)), child] = value
    W[-1] = bias
    return W


def optimum(X, rows, positive, loss, C):
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    A = np.hstack([X.toarray()[rows], np.ones((len(rows), 1))])
    common = {"C": C, "dual": True, "fit_intercept": False, "tol": 1e-9, "max_iter": 100_000}
    model = (
        LinearSVC(loss="squared_hinge", **common)
        if loss == 0
        else LogisticRegression(solver="liblinear", **common)
    )
    return model.fit(A, np.where(positive, 1, -1)).coef_[0]


@pytest.mark.parametrize(("loss", "C"), [(0, 1.0), (0, 5.0), (1, 10.0)])
def test_weights_are_those_of_liblinear_on_the_rows_of_the_node(loss, C):
    X = documents(0)
    rows = np.flatnonzero(np.random.default_rng(1).random(N) < 0.6)
    positive = children(2, len(rows), 8)
    W = dense(solve(X, rows, positive, loss=loss, C=C))
    unused = np.setdiff1d(np.arange(N_FEATURES), X[rows].indices)
    assert not W[unused].any(), "features of other documents have no weight"
    for k in (0, 1, 3, 7):
        expected = optimum(X, rows, positive[:, k], loss, C)
        np.testing.assert_allclose(W[:, k], expected, atol=2e-4)


def test_children_without_a_side_are_not_trained():
    positive = children(2, N)
    chunk = solve(documents(0), np.arange(N), positive)
    W = dense(chunk)
    assert W[-1, 2] == -np.inf, "no positives: never right"
    assert W[-1, 5] == np.inf, "no negatives: always right"
    assert not {2, 5} & set(chunk[2].tolist())
    assert np.isfinite(np.delete(W[-1], [2, 5])).all()


@pytest.mark.parametrize("threshold", [0.05, 0.3, 2.0])
def test_threshold_drops_exactly_the_small_weights(threshold):
    X, positive = documents(3), children(4, N)
    settings = {"eps": 0.1, "max_iter": 20}
    full = dense(solve(X, np.arange(N), positive, **settings))
    pruned = dense(solve(X, np.arange(N), positive, threshold=threshold, **settings))
    np.testing.assert_array_equal(pruned, np.where(np.abs(full) > threshold, full, 0))
    finite = full[-1][np.isfinite(full[-1])]
    assert (np.abs(finite) <= 0.3).any(), "some biases fall to the threshold too"
    assert ((full != 0) & (pruned == 0)).any()


@pytest.mark.parametrize("loss", [0, 1])
def test_any_block_width_gives_the_same_weights(loss):
    X, positive = documents(5), children(6, N, 53)  # 51 open: a block of 32, one of 16 + 3 idle
    together = dense(solve(X, np.arange(N), positive, loss=loss, eps=1e-5))
    for part in (slice(0, 2), slice(0, 14), slice(20, 50), slice(52, 53)):
        alone = dense(solve(X, np.arange(N), positive[:, part], loss=loss, eps=1e-5))
        finite = np.isfinite(alone)
        np.testing.assert_array_equal(np.isfinite(together[:, part]), finite)
        np.testing.assert_allclose(alone[finite], together[:, part][finite], atol=2e-4)


def test_rows_may_be_any_subset_in_order():
    X = documents(7)
    rows = np.array([3, 4, 50, 89])
    positive = np.array([[1, 0], [0, 0], [1, 1], [0, 1]], bool)
    direct = dense(solve(X, rows, positive))
    cut = dense(solve(as_csr(X[rows], "X"), np.arange(4), positive))
    np.testing.assert_array_equal(direct, cut)
    assert direct.any()


def test_no_documents():
    feature, row_ptr, child, value, bias = solve(documents(0), [], np.zeros((0, 3), bool))
    assert (len(feature), len(child), len(value)) == (0, 0, 0)
    assert row_ptr.tolist() == [0]
    assert bias.tolist() == [-np.inf] * 3


def test_documents_without_features_train_the_bias_only():
    X = as_csr(np.zeros((4, N_FEATURES)), "X")
    chunk = solve(X, np.arange(4), np.array([[1], [1], [1], [0]], bool))
    assert len(chunk[0]) == 0
    # b = 2 (3 (1 - b) - (1 + b))
    assert chunk[4][0] == pytest.approx(4 / 9, abs=1e-5)


def test_signs_and_count_above():
    ptr, positive = np.array([0, 2, 2, 3]), np.array([0, 3, 1], np.int32)
    four = node.Node(np.arange(4, dtype=np.int32), ptr, positive)
    expected = [[-1, 1, -1], [1, -1, -1], [-1, -1, -1], [-1, 1, -1]]  # the last lane is idle
    for function in (node.signs, node.signs.py_func):
        assert function(four, np.array([2, 0]), 3).tolist() == expected
    W = np.array([[0.5, -0.2, 0.2], [-0.7, 0.1, 0]], np.float32)
    for function in (node.count_above, node.count_above.py_func):
        assert function(W, 0.15) == 4
        assert function(W, 0.5) == 1, "0.5 itself is not above"


def test_by_feature_sorts_stably():
    column = np.array([2, 0, 2, 1, 0], np.uint32)
    features = np.array([30, 10, 20, 99], np.uint32)  # the last is in no entry
    for function in (node.by_feature, node.by_feature.py_func):
        used, row_ptr, order = function(column, features)
        assert used.tolist() == [10, 20, 30]
        assert row_ptr.tolist() == [0, 1, 3, 5]
        assert order.tolist() == [3, 0, 2, 1, 4]


def test_grown_keeps_what_is_there():
    for function in (node.grown, node.grown.py_func):
        longer = function(np.array([4, 5, 6], np.uint16), 2, 9)
        assert longer.dtype == np.uint16
        assert len(longer) == 9
        assert longer[:2].tolist() == [4, 5]
