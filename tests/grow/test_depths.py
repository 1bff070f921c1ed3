"""Depths under removals, against walking the tree."""

import numpy as np
import pytest

from labeltree.grow.depths import Depths


def random_tree(rng, n):
    parent = [-1] + [int(rng.integers(0, v)) for v in range(1, n)]
    children = [[] for _ in range(n)]
    for v in range(1, n):
        children[parent[v]].append(v)
    return parent, children


@pytest.mark.parametrize("seed", range(10))
def test_lifted_leaves(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 40))
    parent, children = random_tree(rng, n)
    depths = Depths(parent, children, 0)
    lifted = np.zeros(n, int)

    def depth(leaf):
        found, v = 0, leaf
        while v > 0:
            found, v = found + 1 - lifted[v], parent[v]
        return found

    def deepest(v):
        return depth(v) if not children[v] else max(map(deepest, children[v]))

    inner = [v for v in range(1, n) if children[v]]
    for v in rng.permutation(inner):
        assert [depths.deepest(u) for u in range(n)] == [deepest(u) for u in range(n)]
        depths.lift(v)
        lifted[v] = 1
    assert depths.deepest() == deepest(0)


def test_a_chain_is_no_recursion():
    n = 5000
    depths = Depths([-1, *range(n - 1)], [[v + 1] for v in range(n - 1)] + [[]], 0)
    assert depths.deepest() == n - 1
