import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

torch = pytest.importorskip("torch")

from labeltree.core.arrays import as_csr  # noqa: E402
from labeltree.nn.documents import (  # noqa: E402
    EmbeddedDocuments,
    FeatureDocuments,
    Run,
    SparseDocuments,
    TokenDocuments,
)

TOKENS = st.lists(st.lists(st.integers(1, 9), max_size=5), min_size=1, max_size=6)


def documents(tokens, pad=0, blank=7):
    ids = np.array([t for row in tokens for t in row], np.int32)
    ptr = np.cumsum([0, *map(len, tokens)]).astype(np.int64)
    return TokenDocuments.of(ids, ptr, pad, blank)


@given(TOKENS, st.randoms(use_true_random=False))
def test_batches_hold_the_tokens_and_padding(tokens, random):
    rows = [random.randrange(len(tokens)) for _ in range(4)]
    docs = documents(tokens, pad=0)
    batch = docs.batch(np.array(rows))
    wanted = [tokens[r] or [7] for r in rows]
    longest = max(2, *map(len, wanted))
    assert batch.ids.tolist() == [w + [0] * (longest - len(w)) for w in wanted]
    assert batch.mask.sum(1).tolist() == [len(w) for w in wanted]
    assert batch.features.shape == (4, 0)
    assert docs.lengths.tolist() == [len(t) or 1 for t in tokens]
    assert len(docs) == len(tokens)


def test_padding_is_the_tokenizers_own():
    assert documents([[1, 2, 3], [4]], pad=5).batch(np.array([0, 1])).ids.tolist() == [
        [1, 2, 3], [4, 5, 5],
    ]  # fmt: skip


def test_sparse_batches_hold_the_rows():
    rng = np.random.default_rng(0)
    dense = rng.random((7, 9)).astype(np.float32) * (rng.random((7, 9)) < 0.3)
    dense[2] = 0
    docs = SparseDocuments(as_csr(dense, "X"))
    rows = np.array([5, 2, 2, 0])
    ids, mask, values = docs.batch(rows)
    back = torch.zeros(4, 9).scatter_add_(1, ids, values)
    np.testing.assert_array_equal(back.numpy(), dense[rows])
    assert (values[~mask] == 0).all()
    assert docs.lengths.tolist() == np.maximum((dense > 0).sum(axis=1), 1).tolist()
    assert docs.batch(np.array([2])).ids.shape == (1, 1)


def test_features_are_dense_by_the_batch():
    dense = np.arange(12, dtype=np.float32).reshape(4, 3)
    docs = FeatureDocuments(csr_array(dense))
    batch = docs.batch(np.array([3, 1]))
    np.testing.assert_array_equal(batch.features.numpy(), dense[[3, 1]])
    assert batch.ids.shape == batch.mask.shape == (2, 0)
    assert docs.lengths.tolist() == [1] * 4


def test_embeddings_come_from_memory_and_from_a_file(tmp_path):
    vectors = np.random.default_rng(0).random((5, 3), np.float32)
    np.save(tmp_path / "v.npy", vectors)
    for held in (vectors, np.load(tmp_path / "v.npy", mmap_mode="r")):
        docs = EmbeddedDocuments(held)
        batch = docs.batch(np.array([4, 0]))
        np.testing.assert_array_equal(batch.features.numpy(), vectors[[4, 0]])
        batch.features.zero_()  # a copy: the file is not written to
        assert len(docs) == 5
        assert docs.vectors[4].any()


def test_batches_move():
    batch = documents([[1, 2]]).batch(np.array([0])).to("meta")
    assert {part.device.type for part in batch} == {"meta"}


@pytest.mark.parametrize(
    ("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)]
)
def test_precision_is_that_of_products(precision, dtype):
    x = torch.ones(2, 2)
    with Run(torch.device("cpu"), precision).autocast():
        assert (x @ x).dtype == dtype
