"""Heads as parameters, and what all of them keep."""

import json
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")

from graphs import HIERARCHIES, graph, grown, label_sets, texts  # noqa: E402

from labeltree.cli.fields import configured, part_names  # noqa: E402
from labeltree.core.errors import ParameterError  # noqa: E402
from labeltree.nn.graph_parts import (  # noqa: E402
    Attention,
    GraphAttention,
    IsomorphismTree,
    LayerWise,
    Replicate,
    TreeLstm,
)
from labeltree.nn.heads import FlatHead, GraphHead, Head, HmcnHead, MatchHead  # noqa: E402
from labeltree.nn.wrappers import HimtlHead, McmHead, RoutedHead  # noqa: E402

HITIN = GraphHead(Replicate(), IsomorphismTree(), LayerWise(), 8)
HEADS = {
    "flat": FlatHead(),
    "perceptron": FlatHead(layers=1, hidden=6),
    "c_hmcnn": McmHead(),
    "hiagm": GraphHead(width=8),
    "hiagm la": GraphHead(Attention(), width=8),
    "hitin": HITIN,
    "hmcn f": HmcnHead(width=6),
    "hmcn r": HmcnHead(kind="r", width=6),
    "himatch": MatchHead(GraphHead(width=8), width=6),
    "himtl flat": HimtlHead(FlatHead()),
    "himtl hiagm": HimtlHead(GraphHead(width=8)),
    "himtl hitin masked": HimtlHead(HITIN, "masking"),
    "himtl himatch": HimtlHead(MatchHead(GraphHead(width=8), width=6)),
    "himtl hmcn masked": HimtlHead(HmcnHead(width=6), "masking"),
    "himtl c_hmcnn masked": HimtlHead(McmHead(), "masking", "mean"),
    "himtl random": HimtlHead(GraphHead(width=8), split="random"),
    "coherent himtl": McmHead(HimtlHead(FlatHead())),
    "coherent himatch": McmHead(MatchHead(GraphHead(width=8), width=6), "base"),
    "routed himatch": RoutedHead(MatchHead(GraphHead(width=8), width=6), 3, 2),
    "routed": RoutedHead(GraphHead(width=8), 3, 2),
    "routed by batch": RoutedHead(FlatHead(), 3, 2, "batch"),
}
TEXT = 12


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def built(head, g):
    network = head.build(g, TEXT)
    network.see_labels(torch.randn(g.n_labels, TEXT))
    return network


@pytest.mark.parametrize("name", HIERARCHIES)
@pytest.mark.parametrize("kind", HEADS)
def test_any_head_learns_on_any_hierarchy(kind, name):
    g = graph(name)
    network = built(HEADS[kind], g).train()
    y = label_sets(g, 6)
    y[0] = 0  # a document without labels
    y[:, -1] = 0  # a label without documents
    text = texts(6)
    loss = network.loss(text, y)
    loss.backward()
    assert loss.shape == ()
    assert torch.isfinite(loss)
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())
    network.eval()
    for z in (network(text), network.answer(text)):
        assert z.shape == y.shape
        assert torch.isfinite(z).all()


@pytest.mark.parametrize("kind", HEADS)
def test_training_lowers_the_loss(kind):
    g = graph("diamond")
    network, text, y = built(HEADS[kind], g), texts(8), label_sets(g, 8)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)

    def mean_loss():
        network.eval()
        torch.manual_seed(1)
        return sum(network.loss(text, y).item() for _ in range(5))

    before = mean_loss()
    network.train()
    for _ in range(30):
        optimizer.zero_grad()
        network.loss(text, y).backward()
        optimizer.step()
    assert mean_loss() < before


@pytest.mark.parametrize("name", HIERARCHIES)
@pytest.mark.parametrize("kind", HEADS)
def test_answers_begin_where_they_are_told(kind, name):
    g = graph(name)
    network, text, first = built(HEADS[kind], g).eval(), texts(5), torch.randn(g.n_labels)
    network.begin_at(first)
    before = network(text)
    risen = torch.linspace(-6, -5, g.n_labels)
    network.begin_at(first + risen)
    change = network(text) - before
    if "hmcn" in kind:  # what is added is added to two logits, whose probabilities are mixed
        assert (change < -4).all()
    else:
        torch.testing.assert_close(change, risen.expand_as(change), rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", HEADS)
def test_a_batch_of_one_trains(kind):
    g = graph("tree")
    network = built(HEADS[kind], g).train()
    text = texts(2)
    network.loss(text.rows(torch.tensor([1])), label_sets(g, 1)).backward()


@pytest.mark.parametrize("kind", HEADS)
def test_dropped_parts_leave_answers_as_they_are(kind):
    g = graph("meta")
    network = built(HEADS[kind], g).eval()
    before = network.answer(texts())
    network.drop_training_parts()
    assert torch.equal(network.answer(texts()), before)
    again = HEADS[kind].build(g, TEXT).eval()
    again.drop_training_parts()
    again.load_state_dict(network.state_dict())
    assert torch.equal(again.answer(texts()), before)


@pytest.mark.parametrize(
    "head",
    [
        FlatHead(), McmHead(), GraphHead(), GraphHead(Attention()), HmcnHead(), HmcnHead(kind="r"),
        MatchHead(), HimtlHead(), HimtlHead(FlatHead(), "masking"), RoutedHead(),
        GraphHead(Replicate("scalar"), IsomorphismTree(), LayerWise(), 64),
        GraphHead(structure=TreeLstm()), GraphHead(structure=GraphAttention()),
    ],
)  # fmt: skip
def test_a_grown_tree_of_5000_labels(head):
    g = grown(5000)
    network = built(head, g).train()
    text, y = texts(2, n_tokens=3), torch.zeros(2, 5000)
    y[0, 7] = y[1, 4999] = 1
    loss = network.loss(text, y)
    loss.backward()
    assert torch.isfinite(loss)
    assert network.eval().answer(text).shape == (2, 5000)


@pytest.mark.parametrize("kind", HEADS)
def test_json_both_ways(kind):
    head = HEADS[kind]
    values = json.loads(json.dumps(head.to_json()))
    assert type(head).from_json(values) == head


def test_the_command_line_offers_heads():
    own = {n for n, part in part_names(Head).items() if part.__module__.startswith("labeltree")}
    assert own == {
        "flat_head", "mcm_head", "graph_head", "hmcn_head", "match_head", "himtl_head",
        "routed_head",
    }  # fmt: skip
    head = configured(HimtlHead(), [("base", "mcm_head"), ("base.train", "base")])
    assert head.base == McmHead(train="base")
    with pytest.raises(ParameterError, match="flat_head"):
        configured(HimtlHead(), [("base", "projection")])


def test_wrappers_tell_what_is_inside():
    assert HimtlHead(McmHead()).closes
    assert not HimtlHead(FlatHead()).closes
    assert RoutedHead(MatchHead()).refresh_labels == 50
    assert McmHead(FlatHead()).refresh_labels == 0
    assert HimtlHead(MatchHead(joint=0.0, match=0.0)).refresh_labels == 0
    assert HmcnHead(global_loss="max_constraint").closes


def test_bad_fields():
    with pytest.raises(ParameterError, match="layout must be one of projection, masking"):
        HimtlHead(layout="both")
    with pytest.raises(ParameterError, match="margins must be 3 numbers"):
        MatchHead(margins=(0.1,))
    with pytest.raises(ParameterError, match="beta"):
        HmcnHead(beta=2)


@pytest.mark.parametrize("base", [MatchHead(), HimtlHead(MatchHead(joint=0.0)),
                                  RoutedHead(MatchHead(match=0.0))])  # fmt: skip
def test_matching_is_not_lost_under_a_constraint(base):
    with pytest.raises(ParameterError, match="train=base"):
        McmHead(base)
    assert McmHead(base, "base").refresh_labels == 50
    assert McmHead(HimtlHead(MatchHead(joint=0.0, match=0.0))).refresh_labels == 0


def test_a_constraint_does_not_replace_routing():
    with pytest.raises(ParameterError, match="Put mcm_head inside routed_head"):
        McmHead(RoutedHead(FlatHead()))
    assert McmHead(RoutedHead(FlatHead()), "base").closes is False
    assert RoutedHead(McmHead()).closes


def test_importing_heads_needs_no_torch():
    code = (
        "import sys, labeltree.nn.heads, labeltree.nn.graph_parts, labeltree.nn.graph;"
        "print('torch' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
