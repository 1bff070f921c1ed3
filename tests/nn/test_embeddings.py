import logging
import os
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from labeltree.nn import embeddings  # noqa: E402
from labeltree.nn.documents import Run, TokenDocuments  # noqa: E402
from labeltree.nn.embeddings import by_length, embedded  # noqa: E402
from labeltree.nn.fusion import TextFeatures  # noqa: E402
from labeltree.nn.text_encoder import TextEncoder  # noqa: E402

CPU = Run(torch.device("cpu"), batch_size=4)


class Counting(TextEncoder):
    """Embeds a text as the sum of its tokens' vectors, and counts how many texts it was given."""

    def __init__(self, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.table, self.width, self.seen = torch.nn.Embedding(50, 3), 3, 0

    def forward(self, batch):
        self.seen += len(batch.ids)
        assert not self.training
        tokens = self.table(batch.ids) * batch.mask[..., None]
        return TextFeatures(tokens.sum(1), tokens, batch.mask)


def documents(n=20, seed=0):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 9, n)
    ids = rng.integers(0, 50, lengths.sum()).astype(np.int32)
    return TokenDocuments(ids, np.concatenate(([0], np.cumsum(lengths))).astype(np.int64), 0)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(embeddings, "WORTH", 10)
    monkeypatch.setattr(embeddings, "cache_folder", lambda: tmp_path / "kernels")
    return tmp_path / "embeddings"


def vectors(encoder, docs, run=CPU, about="sum"):
    return embedded(encoder, docs, run, about).vectors


def test_vectors_are_the_encoders_in_the_order_of_the_documents():
    encoder, docs = Counting().train(), documents()
    found = vectors(encoder, docs)
    assert encoder.training
    assert encoder.seen == 20
    table = encoder.table.weight.detach().numpy()
    sums = [table[docs.ids[a:b]].sum(axis=0) for a, b in zip(docs.ptr, docs.ptr[1:], strict=False)]
    np.testing.assert_allclose(found, sums, atol=1e-5)


def test_a_second_time_they_come_from_the_disk(folder):
    encoder, docs = Counting(), documents()
    first = vectors(encoder, docs)
    again = vectors(encoder, docs)
    np.testing.assert_array_equal(first, again)
    assert again.dtype == np.float32
    assert encoder.seen == 20
    assert [f.suffix for f in folder.iterdir()] == [".npy"]
    twin = Counting()
    np.testing.assert_array_equal(first, vectors(twin, docs))
    assert twin.seen == 0


def test_anything_else_is_computed_anew(folder):
    encoder, docs = Counting(), documents()
    vectors(encoder, docs)
    vectors(encoder, docs, CPU._replace(precision="bf16"))
    vectors(encoder, docs, about="other")
    vectors(encoder, documents(seed=1))
    ptr = docs.ptr.copy()
    ptr[1] += 1 if ptr[2] > ptr[1] + 1 else -1
    vectors(encoder, TokenDocuments(docs.ids, ptr, 0))  # the same tokens, cut elsewhere
    assert encoder.seen == 5 * 20
    vectors(encoder, docs, CPU._replace(batch_size=7))
    assert encoder.seen == 5 * 20
    vectors(Counting(seed=1), docs)
    assert len(list(folder.iterdir())) == 6


def test_few_documents_are_not_kept(folder):
    encoder, docs = Counting(), documents(9)
    np.testing.assert_array_equal(vectors(encoder, docs), vectors(encoder, docs))
    assert encoder.seen == 18
    assert not folder.exists()
    assert vectors(encoder, documents(0)).shape == (0, 3)


@pytest.mark.parametrize("damage", ["cut", "empty", "altered", "shape"])
def test_a_damaged_file_is_replaced(folder, damage):
    encoder, docs = Counting(), documents()
    first = vectors(encoder, docs).copy()
    (file,) = folder.iterdir()
    raw = file.read_bytes()
    if damage == "shape":
        np.save(file, np.zeros((3, 3), np.float32))
    else:
        file.write_bytes({"cut": raw[:-7], "empty": b"", "altered": b"x" + raw[1:]}[damage])
    np.testing.assert_array_equal(vectors(encoder, docs), first)
    assert encoder.seen == 40
    np.testing.assert_array_equal(vectors(encoder, docs), first)
    assert encoder.seen == 40


def test_a_file_of_another_user_is_read_all_the_same(folder, monkeypatch):
    encoder, docs = Counting(), documents()
    first = vectors(encoder, docs)

    def forbidden(*_):
        raise PermissionError("not the owner")

    monkeypatch.setattr(embeddings.os, "utime", forbidden)
    np.testing.assert_array_equal(vectors(encoder, docs), first)
    assert encoder.seen == 20


def test_what_killed_writers_left_is_removed_after_a_day(folder):
    encoder = Counting()
    vectors(encoder, documents())
    (whole,) = folder.iterdir()
    left, fresh = (folder / f".{whole.name}-1-{i}" for i in (1, 2))
    foreign = folder / ".somebody"
    for file, age in ((left, 25), (fresh, 23), (foreign, 99), (whole, 99)):
        file.touch()
        then = time.time() - age * 3600
        os.utime(file, (then, then))
    vectors(encoder, documents(seed=1))
    assert not left.exists()
    assert fresh.exists()
    assert foreign.exists()
    assert whole.exists()


def test_a_full_disk_costs_only_the_file(folder, monkeypatch, caplog):
    def full(out, array):
        out.write(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(embeddings.np, "save", full)
    with caplog.at_level(logging.WARNING):
        assert vectors(Counting(), documents()).shape == (20, 3)
    assert "no space left" in caplog.text
    assert not list(folder.iterdir())


def test_without_a_folder_nothing_is_kept(monkeypatch):
    monkeypatch.setattr(embeddings, "cache_folder", lambda: None)
    encoder, docs = Counting(), documents()
    np.testing.assert_array_equal(vectors(encoder, docs), vectors(encoder, docs))
    assert encoder.seen == 40


def test_files_not_used_for_longest_make_room(folder, monkeypatch):
    encoder = Counting()
    for seed in range(3):
        vectors(encoder, documents(seed=seed))
    size = max(f.stat().st_size for f in folder.iterdir())
    for age, file in enumerate(sorted(folder.iterdir())):
        os.utime(file, (1000 - age, 1000 - age))
    oldest = sorted(folder.iterdir())[1:]
    monkeypatch.setattr(embeddings, "ROOM", 2 * size)
    vectors(encoder, documents(seed=7))
    assert len(list(folder.iterdir())) == 2
    assert not any(f.exists() for f in oldest)


@given(st.lists(st.integers(1, 30), max_size=40), st.integers(1, 100))
def test_batches_hold_each_document_once_and_fit(lengths, room):
    lengths = np.array(lengths, np.int32)
    batches = by_length(lengths, room)
    rows = np.concatenate([np.empty(0, int), *batches])
    assert sorted(rows) == list(range(len(lengths)))
    assert (np.diff(lengths[rows]) <= 0).all()
    for batch in batches:
        assert len(batch) == 1 or len(batch) * lengths[batch].max() <= room
