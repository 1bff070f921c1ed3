import pytest

torch = pytest.importorskip("torch")

from graphs import graph  # noqa: E402

from labeltree.nn.readout import FlattenReadout, LabelWiseReadout, LayerwiseReadout  # noqa: E402
from labeltree.nn.structure import States  # noqa: E402

WIDTH = 4


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def states(g, sizes=()):
    nodes = torch.randn(3, g.n_nodes, WIDTH)
    return States(nodes, (nodes, *(torch.randn(3, n, WIDTH) for n in sizes)))


def test_flatten_sees_all_nodes():
    g = graph("meta")
    readout, s = FlattenReadout(g, WIDTH), states(g)
    W = readout.linear.weight.view(g.n_labels, g.n_nodes, WIDTH)
    expected = torch.einsum("lnw,bnw->bl", W, s.nodes) + readout.linear.bias
    torch.testing.assert_close(readout(s), expected)
    assert readout.matrices()[0].shape == (g.n_labels, g.n_nodes * WIDTH)


def test_label_wise_sees_the_label_alone():
    g = graph("meta")
    readout, s = LabelWiseReadout(g, WIDTH), states(g)
    found = readout(s)
    for label, node in enumerate(g.node_of_label):
        expected = s.nodes[:, node] @ readout.weight[label] + readout.bias[label]
        torch.testing.assert_close(found[:, label], expected)


@pytest.mark.parametrize("pool", ["sum", "mean", "max"])
def test_layerwise_adds_up_layers(pool):
    g = graph("tree")
    readout, s = LayerwiseReadout(g, WIDTH, 3, pool).eval(), states(g, (2, 1))
    pooled = [getattr(torch, {"max": "amax"}.get(pool, pool))(x, 1) for x in s.layers]
    expected = sum(x @ m.weight.T + m.bias for x, m in zip(pooled, readout.linears, strict=True))
    torch.testing.assert_close(readout(s), expected)
    assert len(readout.matrices()) == 3


def test_layers_must_fit():
    g = graph("tree")
    with pytest.raises(ValueError, match="zip"):
        LayerwiseReadout(g, WIDTH, 2)(states(g))


def test_parameters_of_hiagm_on_web_of_science():
    """141 labels, text and nodes of width 300: 18.8 million, most of them here."""
    from labeltree.core.hierarchy import Hierarchy
    from labeltree.nn.fusion import LabelProjection
    from labeltree.nn.graph import LabelGraph
    from labeltree.nn.structure import HierarchyConv

    sizes = (18, 54, 12, 17, 10, 10, 20)
    edges = [(f"{b}", f"{b}.{i}") for b, size in enumerate(sizes) for i in range(1, size)]
    g = LabelGraph.of(Hierarchy.from_edges(edges))
    with torch.device("meta"):
        parts = LabelProjection(300, 141, 300), FlattenReadout(g, 300)
    n = sum(p.numel() for part in (*parts, HierarchyConv(g, 300)) for p in part.parameters())
    assert g.n_labels == 141
    assert n / 1e6 == pytest.approx(18.78, abs=0.01)
