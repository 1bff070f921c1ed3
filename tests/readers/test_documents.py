import pytest

from labeltree.core.errors import ParameterError
from labeltree.readers.documents import ReadOptions, Vocabulary, label_id


def test_options_are_checked():
    for wrong in (
        {"label_separator": ""},
        {"path_separator": ""},
        {"delimiter": ""},
        {"delimiter": "||"},
        {"path_separator": "|"},
    ):
        with pytest.raises(ParameterError):
            ReadOptions(**wrong)


@pytest.mark.parametrize(
    ("value", "label"),
    [("a", "a"), ("", ""), (3, "3"), (-3, "-3"), (3.0, "3"), (2.5, "2.5"), (10**30, str(10**30))],
)
def test_label_ids(value, label):
    assert label_id(value) == label


@pytest.mark.parametrize("value", [None, True, [], {}, float("nan"), float("inf"), b"a"])
def test_what_is_no_label(value):
    assert label_id(value) is None


def test_vocabulary_numbers_by_first_sight():
    vocabulary = Vocabulary()
    assert [vocabulary[x] for x in "abca"] == [0, 1, 2, 0]
    assert list(vocabulary) == ["a", "b", "c"]
