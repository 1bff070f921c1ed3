"""HMCN against its equations."""

import pytest

torch = pytest.importorskip("torch")

from graphs import HIERARCHIES, graph, grown, label_sets, n_weights, texts  # noqa: E402

from labeltree.nn.heads import HmcnHead  # noqa: E402
from labeltree.nn.loss import Violation, bce  # noqa: E402

TEXT = 12


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def network(g, **options):
    return HmcnHead(width=6, **options).build(g, TEXT).eval()


@pytest.mark.parametrize("name", HIERARCHIES)
def test_the_equations(name):
    g = graph(name)
    head = network(g)
    x = texts().pooled
    known = [head.chain.layers[0](x)]
    for layer in head.chain.layers[1:]:
        known.append(layer(torch.cat([known[-1], x], 1)))
    assert len(known) == g.level[g.node_of_label].max() + 1
    p = torch.sigmoid(head.overall(known[-1]))
    level = g.level[g.node_of_label].tolist()
    heads = dict(zip(head.local.levels, zip(head.local.hidden, head.local.linears, strict=True),
                     strict=True))  # fmt: skip
    for label in range(g.n_labels):
        hidden, linear = heads[level[label]]
        place = [c for c in range(g.n_labels) if level[c] == level[label]].index(label)
        local = torch.sigmoid(linear(hidden(known[level[label]])))[:, place]
        expected = 0.5 * local + 0.5 * p[:, label]
        found = head(texts()).sigmoid()[:, label]
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_local_answers_know_their_level_alone():
    g = graph("tree")
    head = network(g)
    known = [torch.randn(2, 6, requires_grad=True) for _ in range(3)]
    z = head.local(known)
    level = g.level[g.node_of_label]
    for h in range(3):
        at = torch.from_numpy((level == h).nonzero()[0])
        found = torch.autograd.grad(z[:, at].sum(), known, retain_graph=True, allow_unused=True)
        assert [f is not None and bool(f.abs().sum() > 0) for f in found] == [
            i == h for i in range(3)
        ]


@pytest.mark.parametrize("beta", [0.0, 1.0])
def test_beta_switches_a_side_off(beta):
    g = graph("diamond")
    head = network(g, beta=beta)
    z = head.answers(texts())
    torch.testing.assert_close(z.mixed, z.local if beta else z.overall, atol=1e-5, rtol=1e-5)
    head.loss(texts(), label_sets(g)).backward()
    assert all(torch.isfinite(p.grad).all() for p in head.parameters())


def test_means_of_probabilities_are_not_means_of_logits():
    g = graph("tree")
    head, other = network(g), network(g, mix="logits", beta=0.25)
    other.load_state_dict(head.state_dict())
    z = head.answers(texts())
    assert not torch.allclose(z.mixed, (z.local + z.overall) / 2, atol=1e-4)
    torch.testing.assert_close(other(texts()), 0.25 * z.local + 0.75 * z.overall)


def test_the_loss():
    g = graph("diamond")
    head, y = network(g, violation=0.1), label_sets(g)
    z = head.answers(texts())
    level = torch.from_numpy(g.level[g.node_of_label])
    local = sum(
        bce(z.local[:, level == h], y[:, level == h]) for h in level.unique().tolist()
    )  # fmt: skip
    expected = local + bce(z.overall, y) + 0.1 * Violation(g)(z.mixed.sigmoid())
    torch.testing.assert_close(head.loss(texts(), y), expected)
    without = network(g, violation=0.0)
    without.load_state_dict(head.state_dict())
    torch.testing.assert_close(without.loss(texts(), y), local + bce(z.overall, y))


def test_deeper_levels_read_the_text_again():
    g = graph("tree")
    head = network(g)
    with torch.no_grad():
        for layer in head.chain.layers[1:]:
            layer[0].weight[:, 6:] = 0
    x = texts().pooled
    known = head.chain(x)
    again = head.chain.layers[2](torch.cat([known[1], torch.randn_like(x)], 1))
    torch.testing.assert_close(known[2], again)
    fresh = network(g)
    known = fresh.chain(x)
    again = fresh.chain.layers[2](torch.cat([known[1], torch.randn_like(x)], 1))
    assert not torch.allclose(known[2], again)


def test_the_recurrent_chain_shares_its_weights():
    deep, flat = graph("tree"), graph("flat")
    chains = [n_weights(network(g, kind="r").chain) for g in (deep, flat)]
    assert chains[0] == chains[1] == 4 * 6 * (TEXT + 6 + 2)
    assert n_weights(network(deep).chain) > n_weights(network(flat).chain)
    head = network(deep, kind="r")
    x = texts().pooled
    known = head.chain(x)
    state = None
    for h in range(3):
        state = head.chain.cell(x, state)
        torch.testing.assert_close(known[h], state[0])


def test_levels_without_labels_have_no_head():
    g = grown(300, leaf=50)
    head = network(g)
    level = g.level[g.node_of_label]
    assert head.local.levels == sorted(set(level.tolist()))
    assert len(head.chain.layers) == level.max() + 1
    assert sum(linear.out_features for linear in head.local.linears) == 300
