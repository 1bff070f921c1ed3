import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeltree.core.errors import DataError
from labeltree.nn.words import FIRST, FUNCTION_WORDS, UNKNOWN, Words

TEXTS = ["The old cat, the CAT", "a cat sits", "", "old tree: old"]


def learned(texts=TEXTS, lowercase=True, ignored=FUNCTION_WORDS, least=1, most=99):
    return Words.learned(texts, lowercase=lowercase, ignored=ignored, least=least, most=most)


def read(words, texts, longest=99):
    ids, ptr = words.read(texts, longest)
    return [ids[a:b].tolist() for a, b in zip(ptr, ptr[1:], strict=False)]


def test_the_most_frequent_words_come_first():
    assert learned().words == ("cat", "old", "sits", "tree")
    assert learned(most=2).words == ("cat", "old")
    assert learned(least=2).words == ("cat", "old")
    assert learned(lowercase=False).words == ("old", "cat", "CAT", "The", "sits", "tree")
    assert learned(ignored=()).words == ("cat", "old", "the", "sits", "tree")


def test_texts_become_numbers():
    words = learned(least=2)
    cat, old = FIRST, FIRST + 1
    assert read(words, TEXTS) == [[old, cat, cat], [cat, UNKNOWN], [], [old, UNKNOWN, old]]
    assert read(words, TEXTS, longest=2) == [[old, cat], [cat, UNKNOWN], [], [old, UNKNOWN]]
    assert read(words, []) == []
    assert words.n_ids == 4


@given(st.lists(st.text(max_size=20), max_size=5), st.integers(1, 4))
def test_any_text_is_read(texts, longest):
    found = read(learned(), texts, longest)
    assert len(found) == len(texts)
    assert all(len(ids) <= longest and min(ids, default=1) >= UNKNOWN for ids in found)


def test_function_words_are_left_out_not_unknown():
    assert read(learned(), ["the cat of the house"]) == [[FIRST, UNKNOWN]]
    assert read(learned(ignored=()), ["of the cat"]) == [[UNKNOWN, FIRST + 2, FIRST]]


def test_a_vocabulary_needs_words():
    with pytest.raises(DataError, match="min_count"):
        learned(["one two", "three"], least=2)
    with pytest.raises(DataError, match="string"):
        learned(["one", 2])
