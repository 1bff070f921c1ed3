"""The best entries seen so far, in a heap whose root is the worst of them."""

from __future__ import annotations

import numpy as np

from labeltree.kernels.compile import kernel
from labeltree.kernels.types import F32, F64, I32


@kernel
def better(
    score: float, sure: np.float32, key: int, score2: float, sure2: np.float32, key2: int
) -> bool:
    """Rank by score, then by certainty (scores saturate at 1), then by the lower number."""
    if score != score2:
        return score > score2
    if sure != sure2:
        return bool(sure > sure2)
    return key < key2


@kernel
def sift_down(score: F64, sure: F32, key: I32, n: int, at: int) -> None:
    """Restore a heap whose root is its worst entry, below position `at`."""
    while True:
        worst, child = at, 2 * at + 1
        for c in (child, child + 1):
            if c < n and better(score[worst], sure[worst], key[worst], score[c], sure[c], key[c]):
                worst = c
        if worst == at:
            return
        score[at], score[worst] = score[worst], score[at]
        sure[at], sure[worst] = sure[worst], sure[at]
        key[at], key[worst] = key[worst], key[at]
        at = worst


@kernel
def push(score: F64, sure: F32, key: I32, n: int, new: tuple[float, np.float32, int]) -> int:
    """Keep the best len(score) entries seen in a heap of n; return the new n."""
    s, m, k = new
    if n < len(score):
        score[n], sure[n], key[n] = s, m, k
        at = n
        while at > 0:
            up = (at - 1) // 2
            if not better(score[up], sure[up], key[up], score[at], sure[at], key[at]):
                break
            score[at], score[up] = score[up], score[at]
            sure[at], sure[up] = sure[up], sure[at]
            key[at], key[up] = key[up], key[at]
            at = up
        return n + 1
    if better(s, m, k, score[0], sure[0], key[0]):
        score[0], sure[0], key[0] = s, m, k
        sift_down(score, sure, key, n, 0)
    return n


@kernel
def sort_heap(score: F64, sure: F32, key: I32, n: int) -> None:
    """Sort the first n entries, a heap, best first."""
    for last in range(n - 1, 0, -1):
        score[0], score[last] = score[last], score[0]
        sure[0], sure[last] = sure[last], sure[0]
        key[0], key[last] = key[last], key[0]
        sift_down(score, sure, key, last, 0)
