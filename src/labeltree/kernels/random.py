"""A small random generator, SplitMix64 (Steele, Lea, Flood 2014), whose state is a number.

Each node owns its own, so the result does not depend on which thread trains it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labeltree.kernels.compile import kernel


@kernel
def mixed(state: np.uint64) -> np.uint64:
    """Return the random number that belongs to `state`."""
    z = state
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@kernel
def advanced(state: np.uint64) -> np.uint64:
    """Return the state that follows `state`."""
    return state + np.uint64(0x9E3779B97F4A7C15)


@kernel
def shuffle(order: NDArray[np.uint32], n: int, state: np.uint64) -> np.uint64:
    """Shuffle the first n entries in place (Fisher-Yates); return the new state."""
    for i in range(n - 1, 0, -1):
        state = advanced(state)
        # The high 32 bits of a 32 x 32 product: uniform up to 2^-32, without a division.
        j = ((mixed(state) >> np.uint64(32)) * np.uint64(i + 1)) >> np.uint64(32)
        kept = order[i]
        order[i] = order[j]
        order[j] = kept
    return state
