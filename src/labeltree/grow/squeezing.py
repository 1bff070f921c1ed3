"""Trees made less deep: the inner nodes that cost least are removed.

The second phase of building a `coding_tree`. Without node a entropy rises by

    (edges that leave its children - edges that leave a) / vol(G) log2(vol(parent of a) / vol(a))

which grows as parents and children are removed: a price of before is too low, so that it is looked
at again when its turn comes, and not each time something changes.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from math import log2

from labeltree.grow.depths import Depths
from labeltree.grow.merging import MergeTree


def squeezed(tree: MergeTree, n: int, height: int) -> list[int]:
    """Return the parent of each node once no vertex is deeper than `height`; -1: root or removed.

    Parameters
    ----------
    n
        Vertices, which stay.
    """
    depths = Depths(tree.parent, tree.children, tree.root)
    left = _Left(tree, [*tree.parent], bytearray(len(tree.parent)))
    within = {v: sum(tree.leaving[c] for c in tree.children[v]) for v in range(n, tree.root)}
    heap = [(left.price(v, edges), v) for v, edges in within.items()]
    heapq.heapify(heap)
    while heap and depths.deepest() > height:
        price, a = heapq.heappop(heap)
        if depths.deepest(a) <= height:
            continue  # and never deeper again
        now = left.price(a, within[a])
        if now > price:
            heapq.heappush(heap, (now, a))
            continue
        depths.lift(a)
        parent = left.above(a)
        left.gone[a] = True
        if parent != tree.root:
            within[parent] += within[a] - tree.leaving[a]
    return [
        -1 if left.gone[v] or v == tree.root else left.above(v) for v in range(len(tree.parent))
    ]


@dataclass(eq=False)
class _Left:
    """What is left of a tree."""

    tree: MergeTree
    up: list[int]
    """A node on the way to the parent."""
    gone: bytearray

    def above(self, v: int) -> int:
        """Return the parent of a node: the first above it that is not gone."""
        found = self.up[v]
        while self.gone[found]:
            found = self.up[found]
        while self.up[v] != found:
            self.up[v], v = found, self.up[v]
        return found

    def price(self, a: int, within: float) -> float:
        """Return by how much entropy rises without node a; `within` is what leaves its children."""
        tree, own = self.tree, self.tree.volume[a]
        if not own:
            return 0.0
        return (within - tree.leaving[a]) / tree.total * log2(tree.volume[self.above(a)] / own)
