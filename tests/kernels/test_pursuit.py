"""Orthogonal matching pursuit against scikit-learn's, and against plain Python."""

import numpy as np
import pytest

from labeltree.kernels import pursuit
from labeltree.kernels.products import side_by_side
from labeltree.kernels.pursuit import SHARING, solved, with_row


def pursue(points, items, n_chosen):
    return pursuit.pursue(points, items, side_by_side(items.astype(np.float32)), n_chosen)


def pursued_in_python(points, items, n_chosen):
    item, weight = np.full((len(points), n_chosen), -1), np.zeros((len(points), n_chosen))
    for i, point in enumerate(points):
        residual = point
        for t in range(n_chosen):
            size = np.abs(items @ residual)
            size[item[i, :t]] = -1
            item[i, t] = size.argmax()
            weight[i, : t + 1] = np.linalg.lstsq(items[item[i, : t + 1]].T, point)[0]
            residual = point - weight[i, : t + 1] @ items[item[i, : t + 1]]
    return item, weight


def problem(seed, n=12, dim=20, n_items=45):
    rng = np.random.default_rng(seed)
    items = rng.normal(size=(n_items, dim))
    return rng.normal(size=(n, dim)), items / np.linalg.norm(items, axis=1, keepdims=True)


@pytest.mark.parametrize("n_chosen", [1, 3, 8])
def test_equals_scikit_learn(n_chosen):
    from sklearn.linear_model import orthogonal_mp

    points, items = problem(0)
    item, weight = pursue(points, items, n_chosen)
    expected = orthogonal_mp(items.T, points.T, n_nonzero_coefs=n_chosen).reshape(45, -1).T
    found = np.zeros_like(expected)
    np.put_along_axis(found, item, weight, axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-8)


def test_a_point_of_few_items_needs_no_more():
    _, items = problem(1)
    points = np.stack([2 * items[3] - items[7], np.zeros(20)])
    item, weight = pursue(points, items, 6)
    assert sorted(item[0, :2]) == [3, 7]
    assert (item[0, 2:] == -1).all()
    np.testing.assert_allclose(np.sort(weight[0]), [-1, 0, 0, 0, 0, 2], atol=1e-9)
    assert (item[1] == -1).all()
    assert not weight[1].any()


def test_copies_of_an_item_are_not_chosen_twice():
    points, items = problem(2, n=5, n_items=6)
    doubled = np.vstack([items, items])
    item, weight = pursue(points, doubled, 8)
    assert (item < 6).all()
    assert np.isfinite(weight).all()
    once, _ = pursue(points, items, 6)
    np.testing.assert_array_equal(item[:, :6], once)


def test_compiled_equals_python():
    points, items = problem(3, n=3, dim=6, n_items=10)
    for compiled, plain in zip(
        pursue(points, items, 4), pursued_in_python(points, items, 4), strict=True
    ):
        np.testing.assert_allclose(compiled, plain, atol=1e-10)


def test_a_point_does_not_know_who_stands_beside_it():
    points, items = problem(3, n=2 * SHARING + 5, dim=6, n_items=30)
    item, weight = pursue(points, items, 4)
    for i in (0, SHARING - 1, SHARING, len(points) - 1):
        alone = pursue(points[i : i + 1], items, 4)
        np.testing.assert_array_equal(alone[0][0], item[i])
        np.testing.assert_array_equal(alone[1][0], weight[i])


def test_no_points_and_no_items():
    points, items = problem(3)
    assert pursue(points[:0], items, 4)[0].shape == (0, 4)
    assert (pursue(points, items[:0], 4)[0] == -1).all()


def test_the_factor_is_that_of_cholesky():
    _, items = problem(4)
    factor, chosen = np.zeros((5, 5)), np.array([9, 2, 30, 4, 11], np.int32)
    for t in range(5):
        assert with_row(factor, items, chosen[:t], int(chosen[t]))
    gram = items[chosen] @ items[chosen].T
    np.testing.assert_allclose(factor, np.linalg.cholesky(gram), atol=1e-10)
    right, out = np.arange(5.0), np.zeros(5)
    solved(factor, right, out)
    np.testing.assert_allclose(out, np.linalg.solve(gram, right), atol=1e-8)
