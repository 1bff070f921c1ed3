import numpy as np
import pytest

from labeltree.core.pool import ThreadPool
from labeltree.core.tree import LabelTree
from labeltree.grow.recursion import split_down, spread

POOL = ThreadPool(1)


def evens_and_odds(members, number):
    return [members[::2], members[1::2]]


def test_splits_until_few_are_left():
    tree = split_down(np.arange(5, dtype=np.int32), evens_and_odds, max_leaf=2, pool=POOL)
    # 0 2 4 | 1 3 below the root; 0 4 | 2 below the first.
    assert tree.parent.tolist() == [-1, 0, 0, 1, 1, 2, 2, 3, 3, 4]
    assert tree.label.tolist() == [-1, -1, -1, -1, -1, 1, 3, 0, 4, 2]


def test_few_labels_hang_below_the_root():
    tree = split_down(np.array([7, 3], np.int32), evens_and_odds, max_leaf=2, pool=POOL)
    assert tree.parent.tolist() == [-1, 0, 0]
    assert tree.label.tolist() == [-1, 7, 3]


@pytest.mark.parametrize("max_leaf", [1, 3, 10])
def test_numbers_are_distinct_and_do_not_depend_on_threads(max_leaf):
    def growing(n_jobs):
        told = {}

        def split(members, number):
            assert told.setdefault(number, tuple(members)) == tuple(members), "number used twice"
            return evens_and_odds(members, number)

        tree = split_down(
            np.arange(57, dtype=np.int32), split, max_leaf=max_leaf, pool=ThreadPool(n_jobs)
        )
        return tree, told

    (one, told), (two, told_too) = growing(1), growing(4)
    assert told == told_too
    np.testing.assert_array_equal(one.parent, two.parent)
    np.testing.assert_array_equal(one.label, two.label)
    assert sorted(one.label[one.label >= 0]) == list(range(57))


def test_a_split_may_have_any_number_of_parts():
    def parts(members, number):
        return [members[:1], members[1:2], members[2:]]

    tree = split_down(np.arange(6, dtype=np.int32), parts, max_leaf=1, pool=POOL)
    assert sorted(tree.label[tree.label >= 0]) == list(range(6))
    assert tree.fan_out.max() == 3


def test_spread_fills_the_smallest_clusters_first():
    tree = LabelTree.from_parents(
        [-1, 0, 0, 0, 1, 1, 1, 2, 3, 3], [-1, -1, -1, -1, 0, 1, 2, 3, 4, 5]
    )
    fuller = spread(tree, np.array([9, 8, 7, 6], np.int32))
    below = {int(p): fuller.label[fuller.parent == p].tolist() for p in (1, 2, 3)}
    assert below == {1: [0, 1, 2, 7], 2: [3, 9, 6], 3: [4, 5, 8]}


def test_spread_of_nothing_changes_nothing(seven_nodes):
    assert spread(seven_nodes, np.zeros(0, np.int32)) is seven_nodes


def test_spread_without_any_cluster_uses_the_root():
    root = LabelTree.from_parents([-1], [-1])
    assert spread(root, np.array([1, 0], np.int32)).label.tolist() == [-1, 1, 0]


@pytest.mark.parametrize(("max_depth", "depth"), [(1, 1), (2, 2), (3, 3), (0, 5), (9, 5)])
def test_no_label_stands_deeper_than_asked(max_depth, depth):
    labels = np.arange(16, dtype=np.int32)
    tree = split_down(labels, evens_and_odds, max_leaf=1, pool=POOL, max_depth=max_depth)
    assert tree.depth == depth
    assert sorted(tree.label[tree.label >= 0]) == list(range(16))


def test_a_cluster_that_stays_in_one_piece_is_a_last_one():
    def stubborn(members, number):
        return [members] if 0 in members and len(members) <= 4 else evens_and_odds(members, number)

    tree = split_down(np.arange(8, dtype=np.int32), stubborn, max_leaf=1, pool=POOL)
    assert sorted(tree.label[tree.label >= 0]) == list(range(8))
    home = tree.parent[tree.label == 0][0]
    assert tree.label[tree.parent == home].tolist() == [0, 2, 4, 6]
