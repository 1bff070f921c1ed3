import pytest

from labeltree.cli.fields import configured
from labeltree.core.errors import ParameterError
from labeltree.models.himtl import Himtl
from labeltree.nn.heads import FlatHead, GraphHead, HmcnHead
from labeltree.nn.wrappers import HimtlHead, McmHead, RoutedHead


def test_defaults():
    assert Himtl().head() == HimtlHead(GraphHead(), "projection", "max", "mean")


def test_any_head_in_any_layout():
    for base in (FlatHead(), McmHead(), HmcnHead()):
        for layout in ("projection", "masking"):
            head = Himtl(base=base, layout=layout).head()
            assert (head.base, head.layout) == (base, layout)
            assert head.closes == base.closes
        assert Himtl(base=base, layout="routing", block=8).head() == RoutedHead(base, 8, 8)


def test_random_groups_follow_the_seed():
    head = Himtl(split="random", seed=3).head()
    assert (head.split, head.split_seed) == ("random", 3)
    routed = Himtl(layout="routing", split="random", seed=3).head()
    assert (routed.split, routed.split_seed) == ("random", 3)


@pytest.mark.parametrize(
    "field", [{"combine": "mean"}, {"reduction": "sum"}, {"mask_norm": "all"}, {"skip_empty": True}]
)
def test_one_head_is_not_several(field):
    with pytest.raises(ParameterError, match=f"{next(iter(field))} is about several heads"):
        Himtl(layout="routing", **field)


def test_on_the_command_line():
    model = configured(Himtl(), [("base", "graph-head"), ("base.structure", "tree-lstm"),
                                 ("layout", "masking")])  # fmt: skip
    assert model.head().base.structure.dropout == 0.05
    with pytest.raises(ParameterError, match="layout must be one of"):
        Himtl(layout="none")
