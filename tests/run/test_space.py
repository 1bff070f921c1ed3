"""Ranges as words, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeltree.core.errors import ParameterError
from labeltree.linear.solver import SquaredHinge
from labeltree.models.parabel import Parabel
from labeltree.models.popular import Popular
from labeltree.run.space import Dimension, default_space


class Fixed:
    """Answers like an optuna trial, always the same."""

    def __init__(self, value):
        self.value = value

    def suggest_float(self, name, low, high, log):
        self.asked = (name, low, high, log)
        return self.value

    suggest_int = suggest_float

    def suggest_categorical(self, name, choices):
        self.asked = (name, *choices)
        return self.value


@pytest.mark.parametrize(
    ("text", "value", "asked", "word"),
    [
        ("C=0.1..10:log", 1.23456, ("C", 0.1, 10.0, True), "1.23"),
        ("a.b=0.5..1", 0.66666, ("a.b", 0.5, 1.0, False), "0.667"),
        ("beam=5..50", 7, ("beam", 5, 50, False), "7"),
        ("n=1..1000:log", 30, ("n", 1, 1000, True), "30"),
        ("--tree.max_leaf=50,100", "100", ("tree.max-leaf", "50", "100"), "100"),
        ("tree=given, grown", "given", ("tree", "given", "grown"), "given"),
        ("x=-1.5..0", -0.5, ("x", -1.5, 0.0, False), "-0.5"),
    ],
)
def test_what_is_asked_and_answered(text, value, asked, word):
    trial = Fixed(value)
    dimension = Dimension.parse(text)
    assert dimension.suggest(trial) == word
    assert trial.asked == asked
    assert Dimension.parse(dimension.spelled) == dimension
    assert dimension.stored(dimension.example) is not None


@pytest.mark.parametrize(
    "text",
    ["", "C", "C=", "=1..2", "C=2..1", "C=1..1", "C=0..1:log", "C=-1..1:log", "C=1..2:exp",
     "C=a..b", "C=1..inf", "C=nan..1", "C=1,,2", "C=1,1", "C=1..2..3"],
)  # fmt: skip
def test_what_is_no_range(text):
    with pytest.raises(ParameterError, match="search"):
        Dimension.parse(text)


@given(st.floats(0.1, 10))
def test_the_word_is_the_number_that_is_tried(value):
    word = Dimension.parse("C=0.1..10:log").suggest(Fixed(value))
    assert float(word) == pytest.approx(value, rel=0.006)
    assert len(word) <= 6


def test_a_value_outside_the_range_is_no_start():
    assert Dimension.parse("C=1..10").stored("20") is None
    assert Dimension.parse("C=1,2").stored("3") is None
    assert Dimension.parse("C=1..10").stored("many") is None
    assert Dimension.parse("C=1..10").stored(None) is None
    assert Dimension.parse("C=1.0..10").stored("2") == 2.0


def test_fields_declare_what_is_worth_trying():
    assert default_space(SquaredHinge()) == ["C=0.1..10:log", "threshold=0.01..0.2:log"]
    assert "solver.C=0.1..10:log" in default_space(Parabel())
    assert "tree.clusterer.max-leaf=20,50,100,200" in default_space(Parabel())
    assert default_space(Popular()) == []


def test_every_declared_range_holds_its_default():
    for text in default_space(Parabel()) + default_space(SquaredHinge()):
        assert Dimension.parse(text).spelled == text
