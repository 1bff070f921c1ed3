import pytest

torch = pytest.importorskip("torch")

from graphs import HIERARCHIES, graph, label_sets  # noqa: E402

from labeltree.nn.coherence import McLoss  # noqa: E402
from labeltree.nn.hybrid import Answers, HybridLoss, Shares  # noqa: E402
from labeltree.nn.loss import Violation, bce, focal  # noqa: E402


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def answers(g, n=4):
    return Answers(*(torch.randn(n, g.n_labels) for _ in range(3)))


def levels(g):
    level = g.level[g.node_of_label]
    return [torch.from_numpy((level == h).nonzero()[0]) for h in sorted(set(level.tolist()))]


@pytest.mark.parametrize("name", HIERARCHIES)
def test_the_parts_add_up(name):
    g = graph(name)
    z, y = answers(g), label_sets(g)
    local = sum(bce(z.local[:, at], y[:, at]) for at in levels(g))
    expected = 2 * bce(z.overall, y) + 3 * local + 0.5 * Violation(g)(z.mixed.sigmoid())
    torch.testing.assert_close(HybridLoss(g, Shares(2, 3, 0.5))(z, y), expected)


def test_levels_by_their_size_are_one_mean():
    g = graph("diamond")
    z, y = answers(g), label_sets(g)
    torch.testing.assert_close(
        HybridLoss(g, Shares(0, 1), "size")(z, y), bce(z.local, y)
    )  # fmt: skip


def test_learned_levels_weigh_less_the_harder_they_are():
    g = graph("diamond")
    loss = HybridLoss(g, Shares(0, 1), "learned")
    z, y = answers(g), label_sets(g)
    equal = HybridLoss(g, Shares(0, 1))
    torch.testing.assert_close(loss(z, y), equal(z, y))  # at first
    optimizer = torch.optim.SGD(loss.parameters(), lr=0.2)
    for _ in range(300):
        optimizer.zero_grad()
        loss(z, y).backward()
        optimizer.step()
    means = torch.stack([bce(z.local[:, at], y[:, at]) for at in levels(g)])
    torch.testing.assert_close(loss.scale.exp(), means, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("kind", ["bce", "max_constraint", "focal"])
def test_global_losses(kind):
    g = graph("diamond")
    z, y = answers(g), label_sets(g)
    expected = {"bce": bce, "focal": focal, "max_constraint": McLoss(g)}[kind](z.overall, y)
    found = HybridLoss(g, Shares(1, 0), overall=kind)(z, y)
    torch.testing.assert_close(found, expected)


def test_columns_that_do_not_count():
    g = graph("tree")
    ids = HIERARCHIES["tree"].ids[1:]
    only = torch.tensor([ids.index(name) for name in "fg"])
    loss = HybridLoss(g, Shares(1, 1, 1))
    z, y = answers(g), label_sets(g)
    before = loss(z, y, only)
    for part in z:
        part[:, [ids.index(name) for name in "abcde"]] = 1e4
    torch.testing.assert_close(loss(z, y, only), before)
    expected = bce(z.overall, y, only) + sum(bce(z.local, y, at[None]) for at in only)
    p = z.mixed.sigmoid()
    expected = expected + ((p[:, only[1]] - p[:, only[0]]).relu() ** 2).mean()
    torch.testing.assert_close(before, expected)
