import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeltree.core.errors import ParameterError
from labeltree.core.tree import LabelTree
from labeltree.grow.segmentation import depth_first_leaves, segments


def random_tree(seed, n_nodes, back=8):
    rng = np.random.default_rng(seed)
    parent = np.r_[-1, [rng.integers(max(0, v - back), v) for v in range(1, n_nodes)]].astype(int)
    return LabelTree.from_parents(parent, np.arange(-1, n_nodes - 1))


def by_the_sheet(tree, limit):
    """Label-trees sheet, section 9: greedy over the paths in depth-first order."""

    def paths(v, up):
        children = range(tree.child_ptr[v], tree.child_ptr[v + 1])
        here = [*up, v] if v else []
        return [p for c in children for p in paths(c, here)] if len(children) else [here]

    pieces, piece = [], set()
    for path in paths(0, []):
        new = set(path) - piece
        if piece and len(piece) + len(new) > limit:
            pieces.append(piece)
            piece = set(path)
        else:
            piece |= new
    return [*pieces, piece]


@given(seed=st.integers(0, 10**6), n_nodes=st.integers(2, 80), spare=st.integers(0, 12))
def test_equals_the_plain_procedure(seed, n_nodes, spare):
    tree = random_tree(seed, n_nodes)
    limit = tree.depth + spare
    found = segments(tree, limit)
    assert [set(p.tolist()) for p in found] == by_the_sheet(tree, limit)


@given(seed=st.integers(0, 10**6), n_nodes=st.integers(2, 120), spare=st.integers(0, 20))
def test_pieces_are_trees_that_share_no_leaf(seed, n_nodes, spare):
    tree = random_tree(seed, n_nodes)
    pieces = segments(tree, tree.depth + spare)
    leaf = set(np.setdiff1d(np.arange(1, n_nodes), tree.inner).tolist())
    held = [v for p in pieces for v in p.tolist() if v in leaf]
    assert sorted(held) == sorted(leaf)
    for p in pieces:
        assert len(p) <= tree.depth + spare
        assert (np.diff(p) > 0).all()
        up = tree.parent[p]
        assert np.isin(up[up > 0], p).all()
    assert set(np.concatenate(pieces).tolist()) == set(range(1, n_nodes))


def test_leaves_come_depth_first():
    tree = LabelTree.from_parents([-1, 0, 0, 1, 1, 2, 3, 3], [-1] * 8)
    assert depth_first_leaves(tree).tolist() == [6, 7, 4, 5]


def test_a_path_longer_than_the_limit():
    chain = LabelTree.from_parents(np.arange(-1, 6), np.arange(-1, 6))
    with pytest.raises(ParameterError, match="alone has 6"):
        segments(chain, 5)
    assert [p.tolist() for p in segments(chain, 6)] == [[1, 2, 3, 4, 5, 6]]


def test_the_size_of_wiki10_takes_no_time():
    """35,000 nodes in pieces of 500: the limit of a language model's input."""
    n = 35_000
    parent = np.r_[-1, np.zeros(40, int), np.arange(41, n) // 8]
    tree = LabelTree.from_parents(parent, np.arange(-1, n - 1))
    pieces = segments(tree, 500)
    assert max(map(len, pieces)) <= 500
    assert len(pieces) < 1.2 * n / 500
