import pytest

from labeltree.cli.fields import configured
from labeltree.core.errors import ParameterError
from labeltree.models.hiagm import Hiagm
from labeltree.nn.graph_parts import (
    Attention,
    Convolution,
    Flatten,
    LabelWise,
    Projection,
    TreeLstm,
)
from labeltree.nn.heads import GraphHead


def test_the_papers_defaults():
    head = Hiagm().head()
    assert head == GraphHead(Projection(0.1), Convolution(0.05), Flatten(), 300, 1e-6)
    assert not head.closes


def test_four_variants():
    for variant, fusion in (("tp", Projection), ("la", Attention)):
        for structure in (Convolution(), TreeLstm()):
            head = Hiagm(variant=variant, structure=structure).head()
            assert isinstance(head.fusion, fusion)
            assert head.structure is structure


def test_on_the_command_line():
    model = configured(Hiagm(), [("structure", "tree-lstm"), ("readout", "label-wise"),
                                 ("structure.dropout", "0.2"), ("width", "64")])  # fmt: skip
    assert model.head() == GraphHead(Projection(), TreeLstm(0.2), LabelWise(), 64)
    with pytest.raises(ParameterError, match="tree_lstm"):
        configured(Hiagm(), [("structure", "grown")])
