"""How trees over documents are put together: ragged rows, nodes, leaves, partitions."""

import numpy as np

from labeltree.core.arrays import as_csr, for_kernel
from labeltree.kernels.instance_tree import (
    finished,
    in_order,
    leaf_labels,
    no_ragged,
    only_root,
    partition,
    put,
    with_children,
    with_room,
)
from labeltree.kernels.sparse import Rows, gather

NOTHING = np.zeros(0, np.uint32), np.zeros(0, np.float32)


def rows(dense):
    return Rows(*for_kernel(as_csr(np.asarray(dense, float), "rows")))


def test_ragged_rows_grow_and_keep_what_was_put():
    rng, ragged, expected = np.random.default_rng(0), no_ragged(1), []
    for row in range(50):
        expected.append(rng.integers(0, 99, rng.integers(0, 200)).astype(np.uint32))
        ragged = put(ragged, row, expected[-1], expected[-1].astype(np.float32))
    for row, columns in enumerate(expected):
        part = slice(ragged.ptr[row], ragged.ptr[row + 1])
        np.testing.assert_array_equal(ragged.column[part], columns)
        np.testing.assert_array_equal(ragged.value[part], columns)


def test_with_room_copies_only_if_it_must():
    array = np.arange(4)
    assert with_room(array, 4) is array or np.shares_memory(with_room(array, 4), array)
    longer = with_room(array, 5)
    assert len(longer) == 8
    np.testing.assert_array_equal(longer[:4], array)


def test_partition_sorts_by_group_and_keeps_the_order_within():
    members = np.array([7, 3, 9, 1, 4], np.int32)
    ends = partition(members, np.array([1, 0, 2, 1, 0], np.int32), 4)
    assert members.tolist() == [3, 4, 7, 1, 9]
    assert ends.tolist() == [2, 4, 5, 5]


def test_children_share_their_parents_documents():
    nodes = with_children(only_root(5), 1, 0, np.array([2, 4, 5]))
    assert nodes.child[0] == 1
    assert nodes.n_children[0] == 3
    assert list(zip(nodes.start[1:4], nodes.end[1:4], strict=True)) == [(0, 2), (2, 4), (4, 5)]
    nodes = with_children(nodes, 4, 2, np.array([1, 2]))
    assert list(zip(nodes.start[4:6], nodes.end[4:6], strict=True)) == [(2, 3), (3, 4)]
    vectors, leaves = no_ragged(1), no_ragged(1)
    for v in range(6):
        vectors = put(vectors, v, *NOTHING)
        leaves = put(leaves, v, np.array([v], np.uint32), np.ones(1, np.float32))
    tree = finished(nodes, 6, vectors, np.zeros(6, np.float32), leaves)
    assert tree.child.tolist() == [1, -1, 4, -1, -1, -1]
    assert tree.label.tolist() == list(range(6))
    assert tree.ptr.tolist() == [0] * 7


def test_in_order_sorts_columns_by_what_they_stand_for():
    matrix = rows([[0, 0, 5, 1], [2, 0, 0, 3]])
    gathered, used = gather(matrix, np.array([0, 1], np.int32), np.zeros(4, np.int32))
    gathered, used = in_order(gathered, used)
    assert used.tolist() == [0, 2, 3]
    found = {(int(used[c]), float(x)) for c, x in zip(gathered.indices, gathered.data, strict=True)}
    assert found == {(2, 5.0), (3, 1.0), (0, 2.0), (3, 3.0)}


def test_a_leaf_keeps_its_most_frequent_labels_lower_numbers_first():
    Y = rows([[1, 0, 1, 0], [0, 0, 1, 1], [0, 1, 0, 0], [1, 1, 1, 1]])
    seen = np.zeros(4, np.int32)
    label, share = leaf_labels(Y, np.array([0, 1, 2], np.int32), 3, seen)
    assert label.tolist() == [2, 0, 1]
    np.testing.assert_allclose(share, [2 / 3, 1 / 3, 1 / 3], rtol=1e-6)
    assert not seen.any()
