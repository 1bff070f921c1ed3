"""Depths of a tree's leaves while inner nodes are removed.

Leaves stand in depth-first order, so those below a node are an interval; a removal lifts an
interval by one. A segment tree answers for the deepest leaf of an interval in O(log n).
"""

from __future__ import annotations

import numpy as np

from labeltree.core.arrays import Ints


class Depths:
    """The depth of each leaf.

    Parameters
    ----------
    parent, children
        The tree as lists, by node.
    root
        Its root.
    """

    def __init__(self, parent: list[int], children: list[list[int]], root: int) -> None:
        depth = [0] * len(parent)
        leaves: list[int] = []
        self.first, self.last = [0] * len(parent), [0] * len(parent)
        stack = [(root, False)]
        while stack:
            v, left = stack.pop()
            if left:
                self.last[v] = len(leaves)
                continue
            depth[v] = depth[parent[v]] + 1 if v != root else 0
            self.first[v] = len(leaves)
            stack.append((v, True))
            if not children[v]:
                leaves.append(depth[v])
            stack.extend((c, False) for c in reversed(children[v]))
        self.size = 1 << max(0, len(leaves) - 1).bit_length()
        self.top: Ints = np.full(2 * self.size, -(1 << 30), np.int32)
        """Deepest leaf below each node of the segment tree, without the lifts above it."""
        self.top[self.size : self.size + len(leaves)] = leaves
        for at in range(self.size - 1, 0, -1):
            self.top[at] = max(self.top[2 * at], self.top[2 * at + 1])
        self.lifted: Ints = np.zeros(2 * self.size, np.int32)
        """How often the whole interval was lifted, and its ancestors not told."""

    def deepest(self, node: int | None = None) -> int:
        """Return the depth of the deepest leaf below a node, or of all."""
        if node is None:
            return int(self.top[1])
        return self._deepest(1, 0, self.size, self.first[node], self.last[node])

    def lift(self, node: int) -> None:
        """Make all leaves below a node less deep by one."""
        self._lift(1, 0, self.size, self.first[node], self.last[node])

    def _deepest(self, at: int, low: int, high: int, first: int, last: int) -> int:
        if last <= low or high <= first:
            return -(1 << 30)
        if first <= low and high <= last:
            return int(self.top[at])
        middle = (low + high) // 2
        parts = (
            self._deepest(2 * at, low, middle, first, last),
            self._deepest(2 * at + 1, middle, high, first, last),
        )
        return max(parts) - int(self.lifted[at])

    def _lift(self, at: int, low: int, high: int, first: int, last: int) -> None:
        if last <= low or high <= first:
            return
        if first <= low and high <= last:
            self.top[at] -= 1
            self.lifted[at] += 1
            return
        middle = (low + high) // 2
        self._lift(2 * at, low, middle, first, last)
        self._lift(2 * at + 1, middle, high, first, last)
        self.top[at] = max(self.top[2 * at], self.top[2 * at + 1]) - self.lifted[at]
