import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeltree.core.seeds import derived


@pytest.mark.parametrize(
    ("seed", "part", "expected"),
    [  # outputs of SplitMix64: the generator's part-th number
        (0, 0, 0xE220A8397B1DCDAF),
        (0, 1, 0x6E789E6AA1B965F4),
        (0, 2, 0x06C45D188009454F),
        (1234567, 0, 6457827717110365317),
        (1234567, 1, 3203168211198807973),
    ],
)
def test_one_number_gives_the_published_generator(seed, part, expected):
    assert derived(seed, part) == expected


def test_the_result_is_a_64_bit_number():
    assert isinstance(derived(2**200, 2**100), np.uint64)
    assert isinstance(derived(3), np.uint64)


@pytest.mark.parametrize("kind", [np.int32, np.int64, np.uint8, np.uint64])
def test_numbers_of_numpy_are_like_others(kind):
    assert derived(kind(7), kind(3), kind(200)) == derived(7, 3, 200)


def test_negative_seeds_are_seeds():
    assert derived(np.int64(-1), 5) == derived(-1, 5) != derived(1, 5)


def test_a_seed_is_a_whole_number():
    with pytest.raises(TypeError):
        derived(1.5, 0)


@given(st.integers(0, 2**64 - 1))
def test_parts_differ(seed):
    parts = {int(derived(seed, a, b)) for a in range(30) for b in range(30)}
    assert len(parts) == 900


def test_bits_are_even():
    numbers = np.array([derived(s, t) for s in range(40) for t in range(40)], np.uint64)
    bits = np.unpackbits(numbers.view(np.uint8)).reshape(len(numbers), 64)
    assert (abs(bits.mean(axis=0) - 0.5) < 0.08).all()  # 6 standard deviations
