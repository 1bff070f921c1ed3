import numpy as np
import pytest

torch = pytest.importorskip("torch")

from graphs import graph  # noqa: E402

from labeltree.nn.graph import LabelGraph  # noqa: E402
from labeltree.nn.readout import (  # noqa: E402
    FlattenReadout,
    LabelWiseReadout,
    LayerwiseReadout,
    NeighbourhoodReadout,
)
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


@pytest.mark.parametrize("name", ["tree", "diamond", "meta"])
def test_neighbourhood_is_flatten_cut_to_the_edges(name):
    g = graph(name)
    readout, full, s = NeighbourhoodReadout(g, WIDTH), FlattenReadout(g, WIDTH), states(g)
    W = torch.zeros(g.n_nodes, g.n_nodes, WIDTH)  # of any node on any node
    W[g.node_of_label, g.node_of_label] = readout.weight.detach()
    is_label = np.isin(np.arange(g.n_nodes), g.node_of_label)
    parent, child = g.edges
    W[child[is_label[child]], parent[is_label[child]]] = readout.above.weight.detach()
    W[parent[is_label[parent]], child[is_label[parent]]] = readout.below.weight.detach()
    with torch.no_grad():
        full.linear.weight.copy_(W[g.node_of_label].flatten(1))
        for one in (readout, full):
            one.begin_at(torch.arange(float(g.n_labels)))
    torch.testing.assert_close(readout(s), full(s))
    assert readout.above.weight.numel() > 0
    assert [matrix.shape for matrix in readout.matrices()] == [(g.n_labels, WIDTH)]


def test_neighbourhood_grows_with_edges_not_with_pairs():
    n = 100_000
    edges = np.stack([np.arange(1, n) // 50, np.arange(1, n)]).astype(np.int32)
    prior = np.ones(n - 1, np.float32)
    g = LabelGraph(n, edges, np.arange(n, dtype=np.int32), prior)
    assert sum(p.numel() for p in NeighbourhoodReadout(g, 2).parameters()) == n * 3 + 2 * 2 * (
        n - 1
    )


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
    from labeltree.nn.structure import HierarchyConv

    sizes = (18, 54, 12, 17, 10, 10, 20)
    edges = [(f"{b}", f"{b}.{i}") for b, size in enumerate(sizes) for i in range(1, size)]
    g = LabelGraph.of(Hierarchy.from_edges(edges))
    with torch.device("meta"):
        parts = LabelProjection(300, 141, 300), FlattenReadout(g, 300)
    n = sum(p.numel() for part in (*parts, HierarchyConv(g, 300)) for p in part.parameters())
    assert g.n_labels == 141
    assert n / 1e6 == pytest.approx(18.78, abs=0.01)
