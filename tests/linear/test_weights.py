import numpy as np
import pytest

from labeltree.linear.weights import Chunks, Piece


def piece(W, bias):
    """Return the chunk of dense weights (n_features, n_children)."""
    feature, child = np.nonzero(W)
    used, counts = np.unique(feature, return_counts=True)
    return Piece(
        used.astype("u4"), np.r_[0, np.cumsum(counts)].astype("u4"), child.astype("u2"),
        W[feature, child].astype("f4"), np.array(bias, "f4"),
    )  # fmt: skip


def three_chunks():
    """Node 0 has children 1, 2, 3 in two chunks; node 2 has children 4, 5; returns (chunks, W)."""
    W = np.zeros((6, 5))
    W[1, [0, 3]] = 1, 2
    W[2, [3, 4]] = 3, 4
    W[3, 1] = 5
    W[5, [0, 1, 4]] = 6, 7, 8
    pieces = [piece(W[1:3].T, [0.1, 0.2]), piece(W[3:4].T, [0.3]), piece(W[4:6].T, [-np.inf, 0.5])]
    node, first = np.array([0, 0, 2], np.int32), np.array([1, 3, 4], np.int32)
    return Chunks.joined(pieces, node, first, 6), W


def test_joined():
    chunks, _ = three_chunks()
    assert chunks.chunk_of.tolist() == [0, 2, 2, 3, 3, 3, 3]
    assert chunks.first_child.tolist() == [1, 3, 4]
    assert chunks.chunk_ptr.tolist() == [0, 3, 4, 7]
    assert chunks.entry_ptr.tolist() == [0, 4, 5, 8]
    assert chunks.feature.tolist() == [0, 3, 4, 1, 0, 1, 4]
    assert chunks.row_size.tolist() == [1, 2, 1, 1, 1, 1, 1]
    assert chunks.row_ptr.tolist() == [0, 1, 3, 4, 0, 1, 0, 1, 2, 3]
    assert chunks.child.tolist() == [0, 0, 1, 1, 0, 1, 1, 1]
    assert chunks.value.tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    np.testing.assert_array_equal(
        chunks.bias, np.array([np.inf, 0.1, 0.2, 0.3, -np.inf, 0.5], np.float32)
    )
    assert [getattr(chunks, f).dtype for f in Chunks.__dataclass_fields__] == [
        "i4", "i4", "i8", "i8", "u4", "u1", "u1", "f4", "f4",
    ]  # fmt: skip


@pytest.mark.parametrize(("n", "size"), [(255, "u1"), (256, "u2")])
def test_bytes_serve_as_long_as_they_can(n, size):
    """A row may hold a weight for every child: its size must fit too."""
    W = np.ones((2, n), np.float32)
    root, first = np.zeros(1, np.int32), np.ones(1, np.int32)
    chunks = Chunks.joined([piece(W, np.zeros(n))], root, first, n + 1)
    assert chunks.child.dtype == chunks.row_size.dtype == size
    assert chunks.child.tolist() == [*range(n)] * 2
    assert chunks.row_size.tolist() == [n, n]


@pytest.mark.parametrize(("node", "parent"), [(1, 0), (2, 0), (3, 0), (4, 2), (5, 2)])
def test_weights_of_one_child(node, parent):
    chunks, W = three_chunks()
    features, weights = chunks.of_child(node, parent)
    assert features.tolist() == np.flatnonzero(W[node]).tolist()
    assert weights.tolist() == W[node][W[node] != 0].tolist()


def test_bytes_count_every_array():
    chunks, _ = three_chunks()
    assert chunks.n_bytes == 7 * 4 + 3 * 4 + 4 * 8 + 4 * 8 + 7 * 4 + 7 * 1 + 8 * 1 + 8 * 4 + 6 * 4


def test_nothing_at_all():
    none = np.zeros(0, np.int32)
    chunks = Chunks.joined([], none, none, 1)
    assert chunks.chunk_of.tolist() == [0, 0]
    assert chunks.chunk_ptr.tolist() == [0]
    assert len(chunks.value) == 0
