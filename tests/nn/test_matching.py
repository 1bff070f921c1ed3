"""HiMatch: losses, and what the label side does and does not reach."""

import pytest

torch = pytest.importorskip("torch")

from graphs import graph, label_sets, texts  # noqa: E402

from labeltree.core.hierarchy import Hierarchy  # noqa: E402
from labeltree.nn.graph import LabelGraph  # noqa: E402
from labeltree.nn.heads import GraphHead, MatchHead  # noqa: E402
from labeltree.nn.matching import (  # noqa: E402
    Distances,
    Margins,
    joint_loss,
    matching_loss,
)

TEXT = 12
HEAD = MatchHead(GraphHead(width=8, recursive=0.0), width=6)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def built(g, head=HEAD):
    network = head.build(g, TEXT)
    network.see_labels(torch.randn(g.n_labels, TEXT))
    return network


# ---- losses -------------------------------------------------------------------------------------


def distances(*values):
    return Distances(*(torch.tensor([[v]]) for v in values))


def test_hinges():
    """Sheet himatch, section 11: .3, .35 and .6 with margins .1 and .2 cost .05 and 0."""
    d, yes = distances(0.3, 0.2, 0.35, 0.6), torch.tensor([[True]])
    assert matching_loss(d, yes, Margins()).item() == pytest.approx(0.05)
    ranked = matching_loss(d, yes, Margins(), rank_coarse=True)
    assert ranked.item() == pytest.approx(0.05 + 0.3 - 0.2 + 0.02)
    reference = torch.nn.functional.margin_ranking_loss(
        d.sibling, d.positive, torch.ones(1, 1), margin=0.1
    )
    torch.testing.assert_close(matching_loss(d, yes, Margins()), reference)
    assert joint_loss(d, yes, 0.05).item() == pytest.approx(0.3 + 0.15)
    assert joint_loss(distances(0.3, 0.04, 0, 0), yes, 0.05).item() == pytest.approx(0.3)


def test_documents_without_labels_have_no_part():
    d = Distances(*(torch.tensor([[0.3], [9.0]]) for _ in range(4)))
    counted = torch.tensor([[True], [False]])
    assert joint_loss(d, counted, 0.0).item() == pytest.approx(0.6)
    assert joint_loss(d, counted & False, 0.0).item() == 0
    assert matching_loss(d, counted & False, Margins()).item() == 0


@pytest.mark.parametrize("normalise", [True, False])
def test_distances_are_squares_by_width(normalise):
    g = graph("tree")
    network = built(g, MatchHead(GraphHead(width=8), width=6, normalise=normalise)).eval()
    text = texts()
    points = network.place(network.text.states(text).nodes.flatten(1))
    nodes = network.labels()
    draws = network.sampler(label_sets(g))
    d = network.distances(points, nodes, draws)
    expected = ((points[2] - nodes[draws.sibling[2, 0]]) ** 2).sum() / 6
    torch.testing.assert_close(d.sibling[2, 0], expected)
    if normalise:
        torch.testing.assert_close(points.norm(dim=1), torch.ones(4))
        torch.testing.assert_close(nodes.norm(dim=1), torch.ones(7))


@pytest.mark.parametrize(("normalise", "scale"), [(True, 6), (False, 1)])
def test_the_loss_is_the_sum_of_its_parts(normalise, scale):
    """On the sphere margins are divided as distances are; where points are free they are not."""
    g = graph("tree")
    head = MatchHead(GraphHead(width=8), width=6, joint=2.0, match=3.0, normalise=normalise)
    network = built(g, head).eval()
    text, y = texts(), label_sets(g)
    torch.manual_seed(5)
    found = network.misfit(text, y)
    torch.manual_seed(5)
    draws = network.sampler(y)
    states = network.text.states(text)
    d = network.distances(network.place(states.nodes.flatten(1)), network.labels(), draws)
    both = draws.has_positive & draws.has_negative
    expected = torch.nn.functional.binary_cross_entropy_with_logits(network(text), y)
    expected = expected + 2 * joint_loss(d, draws.has_positive, 0.01 / 6)
    margins = Margins(0.02 / scale, 0.1 / scale, 0.2 / scale)
    expected = expected + 3 * matching_loss(d, both, margins)
    torch.testing.assert_close(found, expected)


def labels_gradient(margins, rank_coarse=False):
    """Return the gradient that reaches the label side, at the width of the paper."""
    g = graph("tree")
    torch.manual_seed(0)
    head = MatchHead(GraphHead(width=8), margins=margins, rank_coarse=rank_coarse, dropout=0.0)
    network = built(g, head)
    network.misfit(texts(20), label_sets(g, 20)).backward()
    return network.labels.embedding.perceptron[-1].weight.grad


@pytest.mark.parametrize(
    ("other", "rank_coarse"),
    [((0.02, 4.0, 0.2), False), ((0.02, 0.1, 4.0), False), ((4.0, 0.1, 0.2), True)],
)
def test_each_margin_matters(other, rank_coarse):
    """Squared distances are 4 at most: some hinge is closed at the defaults, none at 4."""
    usual = labels_gradient((0.02, 0.1, 0.2), rank_coarse)
    assert not torch.allclose(labels_gradient(other, rank_coarse), usual, rtol=0.01, atol=0)


# ---- the label side -----------------------------------------------------------------------------


def test_without_weights_it_is_hiagm():
    g = graph("diamond")
    torch.manual_seed(3)
    match = built(g, MatchHead(GraphHead(width=8), joint=0.0, match=0.0))
    torch.manual_seed(3)
    hiagm = GraphHead(width=8).build(g, TEXT)
    assert torch.equal(match.eval()(texts()), hiagm.eval()(texts()))
    y = label_sets(g)
    losses = []
    for network in (match.train(), hiagm.train()):
        torch.manual_seed(4)  # the same dropout, nothing drawn besides
        losses.append(network.loss(texts(), y))
    assert torch.equal(losses[0], losses[1])


def test_the_text_side_starts_as_hiagm():
    g = graph("diamond")
    torch.manual_seed(3)
    match = built(g)
    torch.manual_seed(3)
    hiagm = GraphHead(width=8).build(g, TEXT)
    assert torch.equal(match.eval()(texts()), hiagm.eval()(texts()))


def test_without_the_label_side_answers_are_the_same():
    network = built(graph("tree")).eval()
    before = network.answer(texts())
    network.drop_training_parts()
    assert torch.equal(network.answer(texts()), before)
    assert not [name for name in network.state_dict() if not name.startswith("text.")]


def test_descriptions_are_constants():
    g = graph("tree")
    network = HEAD.build(g, TEXT)
    described = torch.randn(g.n_labels, TEXT, requires_grad=True)
    network.see_labels(described * 2)
    network.loss(texts(), label_sets(g)).backward()
    assert described.grad is None
    for part in (network.labels.structure, network.labels.embedding, network.place, network.text):
        assert all(p.grad is not None for p in part.parameters())
        assert any(p.grad.abs().sum() > 0 for p in part.parameters())


def test_meta_labels_look_like_their_children():
    h = Hierarchy.from_edges([("m", "n"), ("n", "a"), ("n", "b"), ("m", "c")], ["a", "b", "c"])
    network = built(LabelGraph.of(h))
    described = torch.randn(3, TEXT)
    network.see_labels(described)
    at = dict(zip(h.ids[1:], network.labels.features, strict=True))
    torch.testing.assert_close(at["a"], described[0])
    torch.testing.assert_close(at["n"], described[:2].mean(0))
    torch.testing.assert_close(at["m"], (at["n"] + described[2]) / 2)


def test_labels_must_be_described_first():
    g = graph("tree")
    with pytest.raises(ValueError, match="see_labels"):
        HEAD.build(g, TEXT).loss(texts(), label_sets(g))


def test_descriptions_are_part_of_a_checkpoint():
    g = graph("tree")
    network = built(g)
    again = HEAD.build(g, TEXT)
    again.load_state_dict(network.state_dict())
    torch.testing.assert_close(again.labels.features, network.labels.features)
    assert again.labels.seen


@pytest.mark.parametrize(
    ("text_repr", "limit", "width"),
    [("flatten", 1000, 7 * 8), ("flatten", 7 * 8 * 6 - 1, 8), ("nodes", 0, 8), ("text", 0, TEXT)],
)
def test_texts_in_the_joint_space(text_repr, limit, width):
    g = graph("tree")
    head = MatchHead(GraphHead(width=8), width=6, text_repr=text_repr, max_weights=limit)
    network = built(g, head)
    assert network.place.perceptron[0].in_features == width
    network.loss(texts(), label_sets(g)).backward()
    assert network.place.perceptron[0].weight.grad.abs().sum() > 0


def drawn(centres, n, seed):
    """Return texts around the centres, (n, TEXT), and which centre each has."""
    numbers = torch.Generator().manual_seed(seed)
    at = torch.arange(n) % len(centres)
    pooled = centres[at] + 0.3 * torch.randn(n, TEXT, generator=numbers)
    return texts(n)._replace(pooled=pooled), at


@pytest.fixture(scope="module")
def nine_leaves():
    """Three parents of three: (graph, label sets, descriptions, centres) of the leaves."""
    g = LabelGraph.of(Hierarchy.from_edges([(p, p + c) for p in "abc" for c in "123"]))
    numbers = torch.Generator().manual_seed(1)
    described = torch.randn(12, TEXT, generator=numbers)
    parent, child = torch.from_numpy(g.edges.astype("int64"))
    described[child] += described[parent]
    y = torch.zeros(9, 12)
    y[torch.arange(9), child] = y[torch.arange(9), parent] = 1
    return g, y, described, described[child]


def squares(nine_leaves, match):
    """Return mean squared distances of held-out texts: to gold labels, and to (gold labels that
    have a parent, that parent, siblings, others)."""
    g, y, described, centres = nine_leaves
    torch.manual_seed(0)
    network = MatchHead(GraphHead(width=8), match=match).build(g, TEXT)
    network.see_labels(described)
    text, at = drawn(centres, 90, seed=2)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.003)
    for _ in range(150):
        optimizer.zero_grad()
        network.loss(text, y[at]).backward()
        optimizer.step()
    network.eval()
    text, at = drawn(centres, 90, seed=3)
    with torch.no_grad():
        points = network.place(network.text.states(text).nodes.flatten(1))
        rounds = [network.distances(points, network.labels(), network.sampler(y[at]))
                  for _ in range(20)]  # fmt: skip
    d = Distances(*(torch.stack(part) * 200 for part in zip(*rounds, strict=True)))
    below = d.positive != d.coarse
    means = d.positive[below], d.coarse[below], d.sibling, d.other
    return d.positive.mean().item(), [part.mean().item() for part in means]


def test_training_orders_labels_by_their_place(nine_leaves):
    """Sheet himatch, section 11: gold < parent <= sibling < other; that is what matching is for."""
    gold, (own, parent, sibling, other) = squares(nine_leaves, match=1.0)
    assert own < parent < sibling < other
    assert sibling - gold > 0.1
    assert other - gold > 0.2
    gold, (_, _, sibling, other) = squares(nine_leaves, match=0.0)
    assert sibling - gold < 0.05, "texts and all labels fall to one point"
    assert other - gold < 0.05
