import numpy as np
import pytest

from labeltree.kernels.products import BLOCK, best_products, side_by_side


def best(queries, items, offset, k):
    queries, items, offset = (np.asarray(a, np.float32) for a in (queries, items, offset))
    return best_products(queries, side_by_side(items), offset, k)


def drawn(seed, n, n_items, dim):
    """Return small whole numbers: products are exact, and ties many."""
    rng = np.random.default_rng(seed)
    draw = lambda *shape: rng.integers(-3, 4, shape)  # noqa: E731
    return draw(n, dim), draw(n_items, dim), draw(n_items)


@pytest.mark.parametrize("k", [1, 3, 40])
@pytest.mark.parametrize("n_items", [1, 31, 32, 33, 100])
@pytest.mark.parametrize(("n", "dim"), [(1, 1), (4, 3), (7, 8), (10, 5)])
def test_equals_a_stable_sort(n, dim, n_items, k):
    queries, items, offset = drawn(n * dim, n, n_items, dim)
    item, product = best(queries, items, offset, k)
    dense = queries @ items.T + offset
    for i, row in enumerate(dense):
        order = np.argsort(-row, kind="stable")[:k]
        np.testing.assert_array_equal(item[i, : len(order)], order)
        np.testing.assert_array_equal(product[i, : len(order)], row[order])
        assert (item[i, len(order) :] == -1).all()
        assert (product[i, len(order) :] == -np.inf).all()


def test_a_query_does_not_depend_on_its_company():
    rng = np.random.default_rng(5)
    queries, items = rng.standard_normal((11, 50)), rng.standard_normal((300, 50))
    item, product = best(queries, items, np.zeros(300), 9)
    for i, query in enumerate(queries):
        alone = best(query[None], items, np.zeros(300), 9)
        np.testing.assert_array_equal(item[i], alone[0][0])
        np.testing.assert_array_equal(product[i], alone[1][0])
    np.testing.assert_allclose(product, -np.sort(-(queries @ items.T))[:, :9], atol=1e-5)


def test_blocks_hold_the_items_side_by_side():
    items = np.arange(2 * (BLOCK + 3), dtype=np.float32).reshape(-1, 2)
    blocks = side_by_side(items)
    assert blocks.shape == (4, BLOCK)
    np.testing.assert_array_equal(blocks[:2].T, items[:BLOCK])
    np.testing.assert_array_equal(blocks[2:, :3].T, items[BLOCK:])
    assert not blocks[2:, 3:].any()


def test_no_item_is_hidden_by_the_bound_of_its_block():
    """With k for all items no bound applies: fewer must be the first of these."""
    rng = np.random.default_rng(8)
    queries, items = rng.standard_normal((40, 6)), rng.standard_normal((2000, 6))
    offset = 1e4 + rng.standard_normal(2000)  # sums are rounded to a thousandth: many ties
    few, every = (best(queries, items, offset, k) for k in (7, 2000))
    np.testing.assert_array_equal(few[0], every[0][:, :7])
    np.testing.assert_array_equal(few[1], every[1][:, :7])
    tied = np.diff(every[1]) == 0
    assert tied.any()
    assert (np.diff(every[0])[tied] > 0).all()
