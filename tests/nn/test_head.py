"""Flat and coherent heads, and what heads do unless they say otherwise."""

import pytest

torch = pytest.importorskip("torch")

from graphs import HIERARCHIES, graph, label_sets, texts  # noqa: E402

from labeltree.nn.coherence import McLoss, Mcm, violations  # noqa: E402
from labeltree.nn.head import FlatNetwork, HeadNetwork, mean_logit  # noqa: E402
from labeltree.nn.heads import FlatHead  # noqa: E402
from labeltree.nn.loss import bce  # noqa: E402
from labeltree.nn.wrappers import McmHead  # noqa: E402

TEXT = 12


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


class Own(HeadNetwork):
    """The least a user has to write."""

    def __init__(self, n_labels):
        super().__init__()
        self.linear = torch.nn.Linear(TEXT, n_labels)

    def forward(self, text):
        return self.linear(text.pooled)


def test_a_head_of_your_own_needs_forward_only():
    g = graph("tree")
    head, y = Own(g.n_labels), label_sets(g)
    torch.testing.assert_close(head.loss(texts(), y), bce(head(texts()), y))
    assert torch.equal(head.answer(texts()), head(texts()))
    head.see_labels(torch.ones(g.n_labels, TEXT))
    head.drop_training_parts()
    with pytest.raises(NotImplementedError):
        HeadNetwork()(texts())


def test_only_some_columns_count():
    g = graph("tree")
    head, y, only = Own(g.n_labels), label_sets(g), torch.tensor([1, 4])
    expected = bce(head(texts())[:, only], y[:, only])
    found = head.misfit(texts(), y, only)
    torch.testing.assert_close(found, expected)
    found.backward()
    learned = head.linear.weight.grad.abs().sum(1) > 0
    assert learned.nonzero().squeeze(1).tolist() == [1, 4]


def test_flat_is_a_linear_layer():
    g = graph("tree")
    head = FlatHead().build(g, TEXT)
    assert [tuple(p.shape) for p in head.parameters()] == [(g.n_labels, TEXT), (g.n_labels,)]
    deep = FlatHead(layers=2, hidden=5).build(g, TEXT)
    shapes = [tuple(p.shape) for p in deep.parameters() if p.ndim == 2]
    assert shapes == [(5, TEXT), (5, 5), (g.n_labels, 5)]


@pytest.mark.parametrize("chunk", [1, 4, 7])
def test_chunks_change_neither_loss_nor_gradients(chunk):
    g = graph("tree")
    y = label_sets(g)
    whole = FlatNetwork(g.n_labels, TEXT, 0.0, (6,))
    parts = FlatNetwork(g.n_labels, TEXT, 0.0, (6,), chunk)
    parts.load_state_dict(whole.state_dict())
    losses = [network.loss(texts(), y) for network in (whole, parts)]
    torch.testing.assert_close(losses[0], losses[1])
    for loss in losses:
        loss.backward()
    for first, second in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(first.grad, second.grad)


@pytest.mark.parametrize("name", HIERARCHIES)
def test_coherent_answers(name):
    g = graph(name)
    head = McmHead().build(g, TEXT).eval()
    y = label_sets(g)
    answer = head.answer(texts())
    assert torch.equal(answer, Mcm(g)(head(texts())))
    if g.label_edges.shape[1]:
        assert violations(answer, g.label_edges).sum() == 0
    torch.testing.assert_close(head.loss(texts(), y), McLoss(g)(head(texts()), y))


def test_coherence_afterwards_trains_by_the_bases_loss():
    g = graph("diamond")
    y = label_sets(g)
    head = McmHead(train="base").build(g, TEXT).eval()
    torch.testing.assert_close(head.loss(texts(), y), bce(head(texts()), y))
    assert violations(head.answer(texts()), g.label_edges).sum() == 0
    assert McmHead().closes
    assert not McmHead(train="base").closes


def test_the_constraint_counts_what_is_below_columns():
    """Outputs of labels that are neither counted nor below one that is have no part in it."""
    g = graph("tree")
    ids = HIERARCHIES["tree"].ids[1:]
    head = McmHead().build(g, TEXT).eval()
    counted = torch.tensor([ids.index("b")])
    y = torch.zeros(4, g.n_labels)
    head.misfit(texts(), y, counted).backward()
    learned = head.base.linear.weight.grad.abs().sum(1) > 0
    assert {ids[i] for i in learned.nonzero().squeeze(1)} <= {"b", "d", "e"}


def test_a_mean_of_probabilities_as_logits():
    z = torch.randn(50, 3, dtype=torch.double) * 4
    w = torch.tensor([0.5, 0.2, 0.3], dtype=torch.double)
    expected = torch.logit((z.sigmoid() * w).sum(-1))
    torch.testing.assert_close(mean_logit(z, w.log()), expected)
    far = torch.tensor([[300.0, 200.0], [-300.0, -200.0]])
    half = torch.tensor([0.5, 0.5]).log()
    found = mean_logit(far, half)
    assert found.tolist() == pytest.approx([200 + 0.6931, -200 - 0.6931], abs=1e-3)
    torch.testing.assert_close(mean_logit(z, torch.tensor([1.0, 0, 0]).log()), z[:, 0])
