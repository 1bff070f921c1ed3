import pytest

torch = pytest.importorskip("torch")

from graphs import SIZES, graph, label_sets, texts, wos  # noqa: E402

from labeltree.core.hierarchy import Hierarchy  # noqa: E402
from labeltree.nn.graph import LabelGraph  # noqa: E402
from labeltree.nn.graph_parts import Attention  # noqa: E402
from labeltree.nn.heads import FlatHead, GraphHead  # noqa: E402
from labeltree.nn.routing import routed  # noqa: E402
from labeltree.nn.wrappers import RoutedHead  # noqa: E402

TEXT = 12
G = LabelGraph.of(Hierarchy.from_edges([("a", "b"), ("c", "d"), ("c", "e")]))
"""Nodes a, c, b, d, e: two branches."""
FLAT = FlatHead(dropout=0.0)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def built(routing="sample", g=G, base=FLAT, shared=2):
    network = RoutedHead(base, 3, shared, routing).build(g, TEXT)
    torch.nn.init.normal_(network.adapter.out.weight)
    return network


def units_in(network):
    """Return which units learned what enters them."""
    return network.adapter.into.weight.grad.abs().sum(1) > 0


def units_out(network):
    """Return which units learned where they lead."""
    return network.adapter.out.weight.grad.abs().sum(0) > 0


def test_routes_stop_gradients_and_keep_values():
    a = torch.randn(2, 4, requires_grad=True)
    route = torch.tensor([[1.0, 0, 1, 0], [0, 0, 0, 1]])
    b = routed(a, route)
    assert torch.equal(b, a)
    b.sum().backward()
    assert torch.equal(a.grad, route)


@pytest.mark.parametrize("routing", ["sample", "batch"])
def test_documents_teach_the_units_of_their_branch(routing):
    network = built(routing)
    y = torch.zeros(4, 5)
    y[:, [0, 2]] = 1  # a and b, the first branch
    network.loss(texts(), y).backward()
    learned = units_in(network)
    assert learned[:3].any()
    assert not learned[3:6].any()
    assert learned[6:].any()
    assert units_out(network)[3:6].any()  # where they lead is learned from all


def test_documents_without_labels_teach_shared_units():
    for routing in ("sample", "batch"):
        network = built(routing)
        network.loss(texts(), torch.zeros(4, 5)).backward()
        learned = units_in(network)
        assert not learned[:6].any()
        assert learned[6:].any()
        assert units_out(network).any()


def test_answers_use_all_units():
    network = built().eval()
    text, y = texts(), label_sets(G)
    x = text.pooled
    units = torch.relu(network.adapter.into(x))
    expected = network.base.linear(x + network.adapter.out(units))
    torch.testing.assert_close(network.answer(text), expected)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(expected, y)
    torch.testing.assert_close(network.loss(text, y), loss)  # routes leave values alone


def test_at_first_the_adapter_changes_nothing():
    network = RoutedHead(FLAT, 3, 2).build(G, TEXT).eval()
    assert torch.equal(network(texts()), network.base(texts()))


def test_routing_by_batch_is_one_branch_at_a_time():
    """The loss, and gradients, of batches of one branch, each weighted by its documents."""
    network = built("batch")
    text = texts(4)
    y = torch.zeros(4, 5)
    y[0, [0, 2]] = y[1, [1, 3]] = 1
    y[2] = 1  # both branches
    network.loss(text, y).backward()
    found = {n: p.grad.clone() for n, p in network.named_parameters()}
    network.zero_grad()
    one, two = torch.tensor([[1.0, 0]]), torch.tensor([[0, 1.0]])
    for rows, own in (([0, 2], one), ([1, 2], two), ([3], 0 * one)):
        at = torch.tensor(rows)
        adapted = network.adapter(text.rows(at), own.expand(len(at), -1))
        (len(rows) / 4 * network.base.misfit(adapted, y[at])).backward()
    for n, p in network.named_parameters():
        torch.testing.assert_close(p.grad, found[n])
    sample = built("sample")
    sample.load_state_dict(network.state_dict())
    sample.loss(text, y).backward()
    differ = sample.adapter.into.weight.grad - network.adapter.into.weight.grad
    assert differ.abs().max() > 1e-4


def test_words_are_adapted_too():
    network = built(base=GraphHead(Attention(), width=8))
    y = torch.zeros(4, 5)
    y[:, 0] = 1
    network.loss(texts(), y).backward()
    learned = units_in(network)
    assert learned[:3].any()
    assert not learned[3:6].any()


def test_labels_alone_share_a_block():
    g = LabelGraph.of(Hierarchy.from_edges([("a", "b")], ["a", "b", "x", "y"]))
    network = built(g=g)
    assert network.n_blocks == 2
    assert network.branches(torch.eye(4)).tolist() == [[1, 0], [1, 0], [0, 1], [0, 1]]
    assert built(g=graph("flat")).n_blocks == 1


def test_labels_of_several_branches_teach_all_of_them():
    network = built(g=graph("diamond"))
    y = torch.zeros(1, 6)
    y[0, Hierarchy.from_edges(
        [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("e", "d"), ("c", "f")]
    ).ids[1:].index("d")] = 1  # fmt: skip
    assert network.branches(y).tolist() == [[1, 1]]


def test_random_groups_route_otherwise():
    g = wos()
    by_root = RoutedHead(FLAT, 3).build(g, TEXT)
    by_chance = RoutedHead(FLAT, 3, split="random").build(g, TEXT)
    assert by_root.n_blocks == by_chance.n_blocks == 7
    y = torch.eye(g.n_labels)
    assert by_root.branches(y).sum(0).tolist() == list(SIZES)
    assert by_chance.branches(y).sum(0).max() == 21  # of 141 labels, a seventh each
