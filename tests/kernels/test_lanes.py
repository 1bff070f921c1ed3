"""Each instruction against numpy, at every width; only compiled code can call them."""

import numba
import numpy as np
import pytest

from labeltree.kernels import lanes
from labeltree.kernels.lanes import highest, load, prefetch, splat, store, where_above
from labeltree.kernels.lockstep import lanes_for, zeros

MAKERS = {2: lanes.pair, 16: lanes.line, 32: lanes.widest}


def ran(width, body, *arrays):
    """Run `body(like, out, *arrays)` compiled; returns out (4, width + 3), whose last three columns
    nobody may touch."""
    make, compiled = MAKERS[width], numba.njit(body)
    out = np.full((4, width + 3), 7, np.float32)
    numba.njit(lambda out, *arrays: compiled(make(), out, *arrays))(out, *arrays)
    assert (out[:, width:] == 7).all()
    return out[:, :width]


@pytest.fixture(params=MAKERS)
def width(request):
    return request.param


@pytest.fixture
def rows(width):
    return np.random.default_rng(width).normal(size=(5, width + 4)).astype(np.float32)


def test_arithmetic(width, rows):
    def body(like, out, rows):
        a, b = load(rows, 1, 0, like), load(rows, 3, 4, like)
        store(out, 0, 0, a + b)
        store(out, 1, 0, a - b)
        store(out, 2, 0, a * b)
        store(out, 3, 0, a / b)

    a, b = rows[1, :width], rows[3, 4:]
    np.testing.assert_allclose(ran(width, body, rows), [a + b, a - b, a * b, a / b], rtol=1e-6)


def test_choice_and_splat(width, rows):
    def body(like, out, rows):
        a, b = load(rows, 0, 2, like), load(rows, 4, 1, like)
        store(out, 0, 0, where_above(a, b, a, b))
        store(out, 1, 0, where_above(a, splat(0, like), splat(3, like), splat(-0.5, like)))
        store(out, 2, 0, splat(np.inf, like))
        store(out, 3, 0, where_above(a, a, b, a))  # equal is not above

    a, b = rows[0, 2 : width + 2], rows[4, 1 : width + 1]
    expected = [np.maximum(a, b), np.where(a > 0, 3, -0.5), np.full(width, np.inf), a]
    np.testing.assert_array_equal(ran(width, body, rows), np.float32(expected))


def test_highest_and_width(width, rows):
    def body(like, out, rows):
        for i in range(3):
            out[i, 0] = highest(load(rows, i, 0, like))
        out[3, 0] = lanes.width(like)

    found = ran(width, body, rows)[:, 0]
    np.testing.assert_array_equal(found, np.float32([*rows[:3, :width].max(axis=1), width]))


def test_signs_become_numbers(width):
    signs = np.where(np.arange(3 * width).reshape(3, width) % 3, 1, -1).astype(np.int8)

    def body(like, out, signs):
        store(out, 0, 0, load(signs, 2, 0, like))

    np.testing.assert_array_equal(ran(width, body, signs)[0], signs[2])


def test_fetching_ahead_changes_nothing(width, rows):
    before = rows.copy()

    def body(like, out, flat):
        prefetch(flat, np.uint32(3))
        store(out, 0, 0, splat(1, like))

    assert (ran(width, body, rows.ravel())[0] == 1).all()
    np.testing.assert_array_equal(rows, before)


def test_blocks_of_siblings_fit_a_width():
    assert [lanes_for(n) for n in (1, 2, 3, 16, 17, 31, 32, 33, 500)] == [
        2, 2, 16, 16, 32, 32, 32, 32, 32,
    ]  # fmt: skip


@pytest.mark.parametrize("shape", [(1, 2), (5, 16), (1000, 32), (7, 48)])
def test_zeros_begin_at_a_cache_line(shape):
    made = [zeros(*shape) for _ in range(5)]
    for matrix in made:
        assert matrix.shape == shape
        assert matrix.dtype == np.float32
        assert not matrix.any()
        assert matrix.ctypes.data % 64 == 0
        matrix[:] = 1
