from labeltree.models.hitin import Hitin
from labeltree.nn.graph_parts import IsomorphismTree, LayerWise, Replicate
from labeltree.nn.heads import GraphHead


def test_the_papers_defaults():
    head = Hitin().head()
    assert head == GraphHead(
        Replicate("full", 0.1), IsomorphismTree(2), LayerWise("sum", 0.5), 0, 1e-6
    )


def test_variants():
    head = Hitin(height=3, init="scalar", pool="mean", width=64).head()
    assert head.structure.n_layers() == 4
    grown = Hitin(coding="grow", gain="merge").head().structure
    assert grown == IsomorphismTree(2, "grow", "merge")
    assert (head.fusion.init, head.readout.pool, head.width) == ("scalar", "mean", 64)
