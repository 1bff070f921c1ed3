import numpy as np
import pytest

from labeltree.kernels import random

MASK = (1 << 64) - 1


def test_splitmix_known_numbers():
    state, found = np.uint64(1234567), []
    for _ in range(5):
        state = np.uint64(random.advanced(state))
        found.append(int(random.mixed(state)))
    assert found == [
        6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431,
        16408922859458223821,
    ]  # fmt: skip


@pytest.mark.parametrize("state", [0, 1, 2**63, MASK])
def test_compiled_equals_python(state):
    with np.errstate(over="ignore"):  # numpy says that it wraps around, which is meant
        for function in (random.mixed, random.advanced):
            assert int(function(np.uint64(state))) == int(function.py_func(np.uint64(state)))


def test_shuffle_equals_its_python(monkeypatch):
    compiled, plain = np.arange(50, dtype=np.uint32), np.arange(50, dtype=np.uint32)
    states = [int(random.shuffle(compiled, 50, np.uint64(7)))]
    for name in ("mixed", "advanced"):  # compiled, they would hand back signed numbers
        monkeypatch.setattr(random, name, getattr(random, name).py_func)
    with np.errstate(over="ignore"):
        states.append(int(random.shuffle.py_func(plain, 50, np.uint64(7))))
    assert states[0] == states[1] == (7 + 49 * 0x9E3779B97F4A7C15) & MASK
    np.testing.assert_array_equal(compiled, plain)
    assert (compiled != np.arange(50)).any()


@pytest.mark.parametrize("n", [0, 1, 2, 9])
def test_shuffle_permutes_the_first_n_only(n):
    order = np.arange(10, 20, dtype=np.uint32)
    random.shuffle(order, n, np.uint64(3))
    assert sorted(order[:n]) == list(range(10, 10 + n))
    assert order[n:].tolist() == list(range(10 + n, 20))


def test_every_order_is_equally_likely():
    counts, state = {}, np.uint64(11)
    for _ in range(12_000):
        order = np.arange(4, dtype=np.uint32)
        state = np.uint64(random.shuffle(order, 4, state))
        counts[tuple(order.tolist())] = counts.get(tuple(order.tolist()), 0) + 1
    assert len(counts) == 24
    # Chi-square with 23 degrees of freedom: above 50 once in a thousand.
    assert sum((c - 500) ** 2 / 500 for c in counts.values()) < 50
