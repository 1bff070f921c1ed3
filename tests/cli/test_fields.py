"""Which words set which parts."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import pytest

import labeltree
from labeltree.cli.fields import configured, pairs, part_names, word_at
from labeltree.core.errors import ParameterError
from labeltree.core.params import Params, whole
from labeltree.grow import TreeSource
from labeltree.nn.encoder import Encoder
from labeltree.nn.heads import Head


class Reader(Protocol):
    def read_aloud(self, text: str) -> str: ...


@dataclass
class NamedReader(Params):
    """A reader that may be called anything."""

    named_by: ClassVar[str] = "name"
    name: str = ""
    speed: int = whole(1, 3)

    def read_aloud(self, text: str) -> str:
        return text


@dataclass
class SlowReader(Params):
    speed: int = whole(1, 1)

    def read_aloud(self, text: str) -> str:
        return text


@dataclass
class Library(Params):
    reader: Reader = field(default_factory=SlowReader)
    takes: ClassVar[Any] = "text"


def chosen(*tokens):
    return configured(Library(), pairs(tokens)).reader


def test_a_part_by_name():
    assert isinstance(chosen("--reader", "slow_reader"), SlowReader)
    assert isinstance(chosen("--reader", "slow-reader"), SlowReader)
    assert chosen("--reader", "named_reader") == NamedReader()


@pytest.mark.parametrize("word", ["some/folder", "/a b/c", "owner/model-v2", "bert-base", "ü"])
def test_any_other_word_is_a_name(word):
    assert chosen("--reader", word) == NamedReader(word)
    assert chosen("--reader", word, "--reader.speed", "2") == NamedReader(word, 2)


def test_a_name_by_its_field():
    assert chosen("--reader.name", "x", "--reader", "named_reader") == NamedReader("x")


def test_without_such_a_part_the_choices_are_named():
    with pytest.raises(ParameterError, match="one of b_ary, k_means, two_means wanted"):
        configured(labeltree.find("parabel")(), pairs(["--tree.clusterer", "some/folder"]))


def test_parts_are_told_apart_by_what_their_methods_take():
    """Tree sources and heads both have a method `build`."""
    for name in labeltree.names():
        labeltree.find(name)
    trees, heads = set(part_names(TreeSource)), set(part_names(Head))
    assert trees == {"given", "given_or_grown", "graft", "grown", "huffman", "random", "star"}
    assert {"flat_head", "graph_head"} <= heads
    assert not trees & heads


def test_encoders_of_the_library():
    found = part_names(Encoder)
    assert {"transformer", "bi_gru_cnn", "bi_lstm", "tfidf_mlp", "feature_mlp"} <= set(found)
    assert [name for name, part in found.items() if part.named_by] == ["transformer"]


def test_the_word_of_a_part():
    assert word_at(Library(), "reader") == "slow_reader"
