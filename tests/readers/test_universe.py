import pytest

from labeltree.readers.universe import is_number, sort_ids


def test_order_of_columns():
    assert sort_ids({"10", "9", "0"}) == ("0", "9", "10")
    assert sort_ids({"10", "9", "a"}) == ("10", "9", "a")
    assert sort_ids({"10", "9", "09"}) == ("09", "10", "9")
    assert sort_ids({"10", "b", "9", "a"}, numbers_first=True) == ("9", "10", "a", "b")
    assert sort_ids([]) == ()


@pytest.mark.parametrize("label", ["", "-1", "1.0", "01", "\u0661", "\u00b2", " 1", "9" * 5000])
def test_what_is_no_number(label):
    assert not is_number(label)


def test_what_is_a_number():
    assert is_number("0")
    assert is_number("120")
