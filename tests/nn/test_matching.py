"""HiMatch: sampler, losses, and what the label side does and does not reach."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from graphs import graph, label_sets, random_dag, texts, wos  # noqa: E402

from labeltree.core.hierarchy import Hierarchy  # noqa: E402
from labeltree.nn.graph import LabelGraph  # noqa: E402
from labeltree.nn.heads import GraphHead, MatchHead  # noqa: E402
from labeltree.nn.matching import (  # noqa: E402
    Distances,
    Margins,
    RoleSampler,
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


# ---- the sampler --------------------------------------------------------------------------------


def wos_documents(n=300):
    """Return documents of one child and its parent each, as WOS has them."""
    g = wos()
    rng = np.random.default_rng(0)
    leaves = np.flatnonzero(g.height == 0)
    leaf = rng.choice(leaves, n)
    above = dict(g.edges[::-1].T.tolist())
    y = torch.zeros(n, g.n_labels)
    y[torch.arange(n), torch.from_numpy(leaf)] = 1
    y[torch.arange(n), torch.tensor([above[v] for v in leaf.tolist()])] = 1
    return g, y, above


def test_roles_on_wos():
    g, y, above = wos_documents()
    draws = RoleSampler(g)(y)
    depths = set()
    for i in range(len(y)):
        positive, coarse, sibling, other = (int(d[i, 0]) for d in draws[:4])
        gold = set(y[i].nonzero().squeeze(1).tolist())
        depths.add(int(g.level[positive]))
        assert positive in gold
        assert coarse == above.get(positive, positive)
        assert sibling not in gold
        assert other not in gold
        assert above.get(sibling) == above.get(positive)
    assert depths == {0, 1}
    assert draws.has_positive.all()
    assert draws.has_negative.all()


@pytest.mark.parametrize("seed", range(4))
def test_roles_on_graphs(seed):
    g = random_dag(seed)
    parents = {v: set(g.edges[0][g.edges[1] == v].tolist()) or {-1} for v in range(g.n_nodes)}
    y = label_sets(g, 50, share=0.15)
    draws = RoleSampler(g, 2)(y)
    label = {int(v): c for c, v in enumerate(g.node_of_label)}
    for i in range(len(y)):
        for j in range(2):
            if not draws.has_positive[i, j]:
                continue
            positive, coarse, sibling, other = (int(d[i, j]) for d in draws[:4])
            assert y[i, label[positive]] == 1
            if not draws.has_negative[i, j]:
                continue
            assert coarse in parents[positive] | {positive}
            assert (coarse == positive) == (parents[positive] == {-1})
            assert y[i, label[other]] == 0
            assert y[i, label[sibling]] == 0
            parent = -1 if coarse == positive else coarse
            free = [v for v in parents if parent in parents[v] and not y[i, label[v]]]
            assert sibling in free or not free


def test_every_eligible_label_is_drawn():
    g, y, above = wos_documents(1)
    y = y.expand(3000, -1)
    draws = RoleSampler(g)(y)
    gold = set(y[0].nonzero().squeeze(1).tolist())
    assert set(draws.positive.flatten().tolist()) == gold
    assert len(set(draws.other.flatten().tolist())) == g.n_labels - 2
    child = max(gold)
    siblings = {v for v in above if above[v] == above[child]} - gold
    found = draws.sibling[draws.positive == child]
    assert set(found.tolist()) == siblings


def test_gold_siblings_are_never_drawn():
    """All siblings gold: any other label then."""
    g = LabelGraph.of(Hierarchy.from_edges([("a", "b"), ("a", "c"), ("d", "e")]))
    ids = ["a", "d", "b", "c", "e"]
    y = torch.tensor([[1.0 if i in "abc" else 0 for i in ids]]).expand(200, -1)
    draws = RoleSampler(g)(y)
    assert {ids[v] for v in draws.sibling.flatten()} == {"d", "e"}


def test_positives_are_repeated_where_there_are_fewer():
    g = graph("tree")
    y = torch.zeros(3, g.n_labels)
    y[0, :2] = 1
    y[1, 3] = 1
    draws = RoleSampler(g, 3)(y)
    label = {int(v): c for c, v in enumerate(g.node_of_label)}
    found = [[label[int(v)] for v in row] for row in draws.positive]
    assert set(found[0][:2]) == {0, 1}
    assert found[0][2] == found[0][0]
    assert found[1] == [3, 3, 3]
    assert draws.has_positive.any(1).tolist() == [True, True, False]


def test_drawn_inside_a_branch():
    g, y, _ = wos_documents()
    inside = torch.from_numpy(np.flatnonzero(g.edges[0] == 1))
    branch = torch.cat([torch.tensor([1]), torch.from_numpy(g.edges[1].astype("int64"))[inside]])
    draws = RoleSampler(g)(y, branch)
    own = set(branch.tolist())
    has = draws.has_positive[:, 0]
    assert 0 < has.sum() < len(y)
    for d in draws[:4]:
        assert set(d[has].flatten().tolist()) <= own
    assert torch.equal(has, y[:, branch].any(1))


def test_documents_with_all_labels_are_not_compared():
    draws = RoleSampler(graph("tree"))(torch.ones(2, 7))
    assert draws.has_positive.all()
    assert not draws.has_negative.any()


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


def test_the_loss_is_the_sum_of_its_parts():
    g = graph("tree")
    network = built(g, MatchHead(GraphHead(width=8), width=6, joint=2.0, match=3.0)).eval()
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
    expected = expected + 3 * matching_loss(d, both, Margins())
    torch.testing.assert_close(found, expected)


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


def test_training_orders_labels_by_their_place():
    """Gold nearest, then wrong labels: what the losses are for."""
    g = LabelGraph.of(Hierarchy.from_edges(
        [(p, p + c) for p in "abc" for c in "123"]
    ))  # fmt: skip
    network = built(g, MatchHead(GraphHead(width=8), width=6))
    network.see_labels(torch.eye(12)[:, :TEXT])
    leaves = torch.from_numpy(np.flatnonzero(g.height == 0))
    above = {int(c): int(p) for p, c in g.edges.T}
    y = torch.zeros(9, 12)
    for i, leaf in enumerate(leaves.tolist()):
        y[i, leaf] = y[i, above[leaf]] = 1
    text = texts(9)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(150):
        optimizer.zero_grad()
        network.loss(text, y).backward()
        optimizer.step()
    network.eval()
    with torch.no_grad():
        points = network.place(network.text.states(text).nodes.flatten(1))
        nodes = network.labels()
        means = torch.stack(
            [torch.stack([*network.distances(points, nodes, network.sampler(y))]).mean((1, 2))
             for _ in range(50)]
        ).mean(0)  # fmt: skip
    gold, _, sibling, other = means.tolist()
    assert gold < sibling
    assert gold < other
