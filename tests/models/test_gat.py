from labeltree.models.gat import Gat
from labeltree.nn.graph_parts import Attention, Flatten, GraphAttention, Projection
from labeltree.nn.heads import GraphHead


def test_hiagm_with_attention():
    assert Gat().head() == GraphHead(Projection(), GraphAttention(), Flatten(), 300, 0.0)


def test_variants():
    head = Gat(variant="la", attention=GraphAttention(heads=2, hops=2), width=64).head()
    assert head.fusion == Attention()
    assert (head.structure.heads, head.structure.hops, head.width) == (2, 2, 64)
