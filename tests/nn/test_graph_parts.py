"""Any fusion fits any structure and any readout: what all combinations keep."""

from itertools import product

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from graphs import HIERARCHIES, graph, grown, label_sets, n_weights, texts, wos  # noqa: E402

from labeltree.cli.fields import part_names  # noqa: E402
from labeltree.core.errors import ParameterError  # noqa: E402
from labeltree.grow import TreeSource  # noqa: E402
from labeltree.nn.fusion import FactorisedProjection, ReplicateProject  # noqa: E402
from labeltree.nn.graph import LabelGraph  # noqa: E402
from labeltree.nn.graph_parts import (  # noqa: E402
    Attention,
    Convolution,
    Flatten,
    FusionPart,
    GraphAttention,
    IsomorphismTree,
    KipfGcn,
    LabelWise,
    LayerWise,
    Neighbourhood,
    NoStructure,
    Projection,
    ReadoutPart,
    Replicate,
    StructurePart,
    TreeLstm,
)
from labeltree.nn.heads import GraphHead  # noqa: E402
from labeltree.nn.readout import LabelWiseReadout  # noqa: E402

FUSIONS = Projection(), Projection(max_weights=0), Replicate(), Replicate("scalar"), Attention()
STRUCTURES = (
    Convolution(), TreeLstm(), GraphAttention(), KipfGcn(), IsomorphismTree(), NoStructure(),
)  # fmt: skip
READOUTS = Flatten(), LabelWise(), Neighbourhood(), LayerWise()
ALL = list(product(FUSIONS, STRUCTURES, READOUTS))
WIDTH, TEXT = 8, 12


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def head(g, parts, **options):
    return GraphHead(*parts, width=WIDTH, **options).build(g, TEXT)


def stars():
    """Two stars of different size: the coding tree of it is not a matter of ties."""
    return np.array([[0, 0, 0, 1, 1], [2, 3, 4, 5, 6]], np.int32)


def crossing():
    """A graph of three levels: most nodes have two parents."""
    return np.array([[0, 0, 1, 1, 0, 2, 3, 3, 4], [2, 3, 3, 4, 5, 5, 5, 6, 6]], np.int32)


def moved(edges, order):
    """Return the graph with node v as order[v], and which edge each of its edges was."""
    found = order[edges].astype(np.int32)
    was = np.lexsort(found)
    prior = np.linspace(0.2, 0.9, edges.shape[1], dtype=np.float32)
    nodes = np.arange(7, dtype=np.int32)
    return LabelGraph(7, found[:, was], nodes, prior[was]), was


def state_moved(module, order, was):
    """Return weights with nodes, labels and edges in another order, told by their numbers."""
    back, n_edges = np.argsort(order), len(was)
    state = {}
    for name, value in module.named_parameters():
        for axis, size in enumerate(value.shape):
            if size == 7:
                value = value.index_select(axis, torch.from_numpy(back))
            elif size == n_edges:
                value = value.index_select(axis, torch.from_numpy(was))
            elif size == 7 * WIDTH:
                blocks = value.unflatten(axis, (7, WIDTH))
                value = blocks.index_select(axis, torch.from_numpy(back)).flatten(axis, axis + 1)
        state[name] = value
    return state


CASES = [(stars(), [1, 0, 5, 3, 6, 4, 2], parts) for parts in ALL] + [
    (crossing(), [1, 0, 4, 2, 3, 6, 5], parts)
    for parts in ALL
    if not isinstance(parts[1], IsomorphismTree)  # greedy: ties go by number
]


@pytest.mark.parametrize(("edges", "order", "parts"), CASES)
def test_the_order_of_labels_does_not_matter(edges, order, parts):
    order = np.array(order)
    before, _ = moved(edges, np.arange(7))
    after, was = moved(edges, order)
    first, second = head(before, parts).eval(), head(after, parts).eval()
    with torch.no_grad():
        for p in first.parameters():
            p.normal_(std=0.5)
    second.load_state_dict(state_moved(first, order, was), strict=False)
    torch.testing.assert_close(
        second(texts())[:, order], first(texts()), atol=1e-4, rtol=1e-4
    )  # fmt: skip


OF_MESSAGES = "gate_bias", ".heard.", ".forget_", ".att", ".lin_r.", ".lin_edge."
"""In the names of weights that nothing passes through where a node hears itself alone."""


@pytest.mark.parametrize("parts", ALL)
@pytest.mark.parametrize("name", HIERARCHIES)
def test_each_weight_learns(name, parts):
    """Without dropout, and norms at rest: those of a batch cancel the biases before them."""
    g = graph(name)
    network = head(g, parts).eval()
    loss = network.loss(texts(20), label_sets(g, 20))
    loss.backward()
    assert torch.isfinite(loss)
    gradients = {n: p.grad for n, p in network.named_parameters() if p.numel()}
    idle = {n for n, d in gradients.items() if d is None or not d.abs().sum() > 0}
    alone = not g.edges.shape[1]
    assert idle == {n for n in gradients if alone and any(part in n for part in OF_MESSAGES)}
    assert all(torch.isfinite(d).all() for n, d in gradients.items() if n not in idle)


@pytest.mark.parametrize("parts", ALL)
def test_training_lowers_the_loss(parts):
    g = graph("diamond")
    network = head(g, parts).train()
    text, y = texts(8), label_sets(g, 8)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    network.eval()
    before = network.loss(text, y).item()
    network.train()
    for _ in range(20):
        optimizer.zero_grad()
        network.loss(text, y).backward()
        optimizer.step()
    network.eval()
    assert network.loss(text, y).item() < before


@pytest.mark.parametrize("parts", ALL)
def test_a_document_does_not_depend_on_its_batch(parts):
    network, text = head(graph("diamond"), parts).eval(), texts(7)
    together = network(text)
    alone = torch.cat([network(text.rows(torch.tensor([i]))) for i in range(7)])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


# ---- numbers of weights -------------------------------------------------------------------------


def test_weights_of_hiagm_tp():
    """Sheet hiagm, section 8: 18.82 M with a dense adjacency, 18.78 M with a weight an edge."""
    network = GraphHead(width=300).build(wos(), 300)
    assert n_weights(network.fusion) == 300 * 141 * 300 + 141 * 300
    assert n_weights(network.structure) == 2 * 134 + 2 * 141 * 300 + 3 * 300 + 2 * 141
    assert n_weights(network.readout) == 141 * 141 * 300 + 141
    assert n_weights(network) == 18_782_791


@pytest.mark.parametrize(
    ("init", "fusion"), [("full", 141**2 + 141 + 768**2 + 768), ("scalar", 2 * 141 + 768**2 + 768)]
)
def test_weights_of_hitin(init, fusion):
    """Sheet hitin, section 6: 3.30 M on WOS."""
    network = GraphHead(Replicate(init), IsomorphismTree(), LayerWise(), 0).build(wos(), 768)
    assert n_weights(network.fusion) == fusion
    assert n_weights(network.structure) == 2 * (2 * (768**2 + 768) + 4 * 768)
    assert n_weights(network.readout) == 3 * (768 * 141 + 141)
    if init == "full":
        assert n_weights(network) == 3_304_413


@pytest.mark.parametrize(("n", "weights"), [(103, 3_207_437), (166, 3_369_788)])
def test_weights_of_hitin_depend_on_the_number_of_labels(n, weights):
    """3.21 M for as many labels as RCV1 has, 3.37 M for NYT's, whatever their edges."""
    star = np.stack([np.zeros(n - 1), np.arange(1, n)]).astype(np.int32)
    prior = np.ones(n - 1, np.float32)
    g = LabelGraph(n, star, np.arange(n, dtype=np.int32), prior)
    network = GraphHead(Replicate(), IsomorphismTree(), LayerWise(), 0).build(g, 768)
    assert n_weights(network) == weights


def test_hitin_answers_the_same_with_row_sums():
    g, y, text = graph("diamond"), label_sets(graph("diamond"), 8), texts(8)
    network = head(g, (Replicate(), IsomorphismTree(), LayerWise())).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(20):
        optimizer.zero_grad()
        network.loss(text, y).backward()
        optimizer.step()
    before = network.eval()(text)
    network.fusion = network.fusion.scalars().eval()
    torch.testing.assert_close(network(text), before, atol=1e-5, rtol=1e-5)


def test_parts_grow_with_the_product_up_to_a_limit(caplog):
    g = grown(2000)
    network = GraphHead(width=WIDTH).build(g, TEXT)
    assert n_weights(network.readout) == 2000 * g.n_nodes * WIDTH + 2000
    assert not caplog.records
    tight = GraphHead(
        Projection(max_weights=10_000), Convolution(), Flatten(max_weights=10_000), WIDTH
    )
    network = tight.build(g, TEXT)
    assert isinstance(network.fusion, FactorisedProjection)
    assert isinstance(network.readout, LabelWiseReadout)
    assert n_weights(network) < 10 * g.n_nodes * WIDTH
    said = [record.getMessage() for record in caplog.records]
    assert said[0].startswith("Projection would have 204,096 weights")
    assert said[1].startswith("Flatten would have 34,016,000 weights")
    assert "max_weights (10,000): label-wise instead" in said[1]


def test_large_matrices_of_replicate_become_row_sums(caplog):
    fusion = Replicate(max_weights=100).fusion(wos(), TEXT, WIDTH)
    assert isinstance(fusion, ReplicateProject)
    assert fusion.scalar
    assert "row sums" in caplog.text


def test_the_factorised_projection_is_a_projection():
    """Of rank one for each node and feature: W_k = diag(s_k) W."""
    g = graph("tree")
    short = Projection(max_weights=0).fusion(g, TEXT, WIDTH).eval()
    full = Projection().fusion(g, TEXT, WIDTH).eval()
    torch.nn.init.normal_(short.shift)
    with torch.no_grad():
        W = short.scale[..., None] * short.linear.weight
        full.linear.weight.copy_(W.flatten(0, 1))
        full.linear.bias.copy_((short.scale * short.linear.bias + short.shift).flatten())
    structure = Convolution().structure(g, WIDTH).eval()
    torch.testing.assert_close(
        short(texts(), structure).nodes, full(texts(), structure).nodes, atol=1e-5, rtol=1e-5
    )


# ---- as parameters ------------------------------------------------------------------------------


def test_the_command_line_offers_what_fits():
    assert set(part_names(FusionPart)) == {"projection", "replicate", "attention"}
    readouts = {"flatten", "label_wise", "neighbourhood", "layer_wise"}
    assert set(part_names(ReadoutPart)) == readouts
    assert set(part_names(StructurePart)) == {
        "convolution", "tree_lstm", "graph_attention", "kipf_gcn", "isomorphism_tree",
        "no_structure",
    }  # fmt: skip
    assert "grown" in part_names(TreeSource)
    assert "flat_head" not in part_names(TreeSource)


def test_attention_heads_must_divide_the_width():
    with pytest.raises(ParameterError, match="no multiple of heads = 3"):
        GraphAttention(heads=3).structure(graph("tree"), WIDTH)


def test_regularisation_draws_children_to_parents():
    g = graph("tree")
    network = head(g, (Projection(), NoStructure(), LabelWise()), recursive=0.5)
    W = network.readout.weight
    parent, child = g.label_edges
    expected = 0.25 * ((W[parent] - W[child]) ** 2).sum()
    torch.testing.assert_close(network.regularisation(), expected)
    network.eval()
    y = label_sets(g)
    torch.testing.assert_close(
        network.loss(texts(), y) - network.misfit(texts(), y), expected, atol=1e-6, rtol=1e-5
    )


def test_logits_are_dropped_while_training_alone():
    g = graph("tree")
    network = head(g, (Projection(0.0), NoStructure(), LabelWise()), logit_dropout=0.5)
    never = network.eval()(texts())
    found = network.train()(texts())
    dropped = found == 0
    assert 0 < dropped.sum() < dropped.numel()
    torch.testing.assert_close(found[~dropped], 2 * never[~dropped])
