import gzip

import numpy as np
import pytest

from labeltree.core.errors import DataError, ParameterError
from labeltree.nn import word_vectors as module
from labeltree.nn.word_vectors import (
    SMOOTHING,
    WINDOW,
    company,
    mutual_information,
    trained_vectors,
    vectors_from,
)
from labeltree.nn.words import FIRST, PADDING, UNKNOWN

# ---- files --------------------------------------------------------------------------------------

GLOVE = "cat 1 2 3\ndog 4 5 6\nold -1 0 1e-1\n"


def from_file(tmp_path, content, words=("cat", "old", "moss"), name="vectors.txt"):
    raw, file = content.encode("utf8"), tmp_path / name
    file.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    return vectors_from(str(file), words, seed=0)


def test_vectors_are_read(tmp_path):
    plain = from_file(tmp_path, GLOVE)
    assert plain.shape == (FIRST + 3, 3)
    assert plain.dtype == np.float32
    np.testing.assert_allclose(plain[FIRST : FIRST + 2], [[1, 2, 3], [-1, 0, 0.1]])
    assert not plain[PADDING].any()
    assert plain[FIRST + 2].all()
    assert plain[UNKNOWN].all()
    for content, name in (("3 3\n" + GLOVE, "w2v.txt"), (GLOVE, "v.txt.gz")):
        np.testing.assert_array_equal(from_file(tmp_path, content, name=name), plain)


def test_words_with_blanks_and_other_scripts(tmp_path):
    content = GLOVE + "at home 7 8 9\nStraße 1 1 1\n"
    found = from_file(tmp_path, content, ("Straße", "cat"))
    np.testing.assert_array_equal(found[FIRST], [1, 1, 1])


@pytest.mark.parametrize(
    ("content", "where", "what"),
    [
        ("cat 1 2 3\ndog 4 5\n", ":2: ", "2 numbers, where 3"),
        ("cat 1 2 3\nold 4 5 6 7\n", ":2: ", "4 numbers, where 3"),
        ("cat 1 2 3\n\nold 4 5 6\n", ":2: ", "where 3"),
        ("cat 1 x 3\n", ":1: ", "no number"),
        ("cat 1 nan 3\n", ":1: ", "no number"),
        ("cat\n", ":1: ", "0 numbers"),
        ("4 3\n" + GLOVE, ": ", "ends after 3 of 4"),
        ("moth 1 2 3\n", ": ", "None of the 3 words"),
        ("", ": ", "None of the 3 words"),
    ],
)
def test_damaged_files_are_refused_with_the_line(tmp_path, content, where, what):
    with pytest.raises(DataError, match=what) as caught:
        from_file(tmp_path, content)
    assert f"vectors.txt{where}" in str(caught.value)


def test_missing_and_broken_files(tmp_path):
    with pytest.raises(ParameterError, match="random, trained, or a file"):
        vectors_from(str(tmp_path / "none.txt"), ("cat",), 0)
    with pytest.raises(ParameterError, match="cannot be read"):
        vectors_from(str(tmp_path), ("cat",), 0)
    packed = tmp_path / "v.gz"
    packed.write_bytes(gzip.compress(GLOVE.encode() * 50)[:-20])
    with pytest.raises(DataError, match="damaged or cut off"):
        vectors_from(str(packed), ("cat",), 0)
    packed.write_bytes(b"no archive")
    with pytest.raises(DataError, match="damaged or cut off"):
        vectors_from(str(packed), ("cat",), 0)


# ---- trained vectors ----------------------------------------------------------------------------


def random_texts(n_ids=9, seed=0):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 12, 30)
    ids = rng.integers(UNKNOWN, n_ids, lengths.sum()).astype(np.int32)
    return ids, np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)


def test_company_is_counted_within_texts():
    ids, ptr = random_texts()
    expected = np.zeros((9, 9))
    for a, b in zip(ptr, ptr[1:], strict=False):
        text = ids[a:b]
        for i, w in enumerate(text):
            for j, c in enumerate(text):
                apart = abs(i - j)
                if 0 < apart <= WINDOW and min(w, c) >= FIRST:
                    expected[w, c] += (WINDOW + 1 - apart) / WINDOW
    np.testing.assert_allclose(company(ids, ptr, 9).toarray(), expected, rtol=1e-5)


def test_mutual_information_follows_its_formula():
    counts = company(*random_texts(), 9)
    C = counts.toarray().astype(float)
    word, context = C.sum(axis=1) / C.sum(), C.sum(axis=1) ** SMOOTHING
    context /= context.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = np.log(C / C.sum() / np.outer(word, context))
    expected = np.where(C > 0, np.maximum(expected, 0), 0)
    np.testing.assert_allclose(mutual_information(counts).toarray(), expected, atol=1e-5)


def test_words_with_the_same_company_are_alike():
    rng = np.random.default_rng(1)
    animals, stones = range(2, 6), range(6, 10)  # 10 to 19 stand near animals, 20 to 29 stones
    texts = []
    for _ in range(300):
        group, near = (animals, 10) if rng.random() < 0.5 else (stones, 20)
        texts.append([rng.choice(group), *(near + rng.integers(0, 10, 3))])
    ids = np.concatenate(texts).astype(np.int32)
    ptr = np.arange(0, len(ids) + 1, 4)
    vectors = trained_vectors(ids, ptr, 30, 8, seed=0)
    unit = vectors[2:10] / np.linalg.norm(vectors[2:10], axis=1, keepdims=True)
    cosine = unit @ unit.T
    within = [cosine[:4, :4], cosine[4:, 4:]]
    assert min(block[~np.eye(4, dtype=bool)].min() for block in within) > cosine[:4, 4:].max()
    np.testing.assert_array_equal(vectors, trained_vectors(ids, ptr, 30, 8, seed=0))
    assert not vectors[PADDING].any()
    assert vectors[UNKNOWN].any()


def test_both_decompositions_agree(monkeypatch):
    ids, ptr = random_texts(60, seed=3)
    dense = trained_vectors(ids, ptr, 60, 5, seed=0)
    monkeypatch.setattr(module, "EXACT", 0)
    sparse = trained_vectors(ids, ptr, 60, 5, seed=0)
    known = np.diff(mutual_information(company(ids, ptr, 60)).indptr) > 0
    assert known.sum() > 40
    np.testing.assert_allclose(
        dense[known] @ dense[known].T, sparse[known] @ sparse[known].T, atol=1e-4
    )


def test_texts_without_company_get_random_vectors():
    vectors = trained_vectors(np.array([2, 3], np.int32), np.array([0, 1, 2]), 4, 6, seed=0)
    assert vectors.shape == (4, 6)
    assert vectors[2:].all()


def test_few_words_are_narrower_than_their_vectors():
    ids, ptr = random_texts(5)
    vectors = trained_vectors(ids, ptr, 5, 12, seed=0)
    assert vectors.shape == (5, 12)
    assert np.isfinite(vectors).all()
