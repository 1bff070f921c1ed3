"""Seeds of parts of a computation, so that results do not depend on who computes them when."""

from __future__ import annotations

from operator import index

import numpy as np

_MASK = (1 << 64) - 1


def derived(seed: int, *numbers: int) -> np.uint64:
    """Return a 64-bit seed that depends on `seed` and on which part it is for.

    Each number passes through SplitMix64's finaliser (Steele, Lea, Flood 2014).
    """
    state = index(seed) & _MASK  # numpy's integers would overflow
    for number in numbers:
        state = (state + 0x9E3779B97F4A7C15 * (index(number) + 1)) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        state ^= state >> 31
    return np.uint64(state)
