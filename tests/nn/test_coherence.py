"""The maximum constraint: against its definition, on trees and graphs."""

import time

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from graphs import HIERARCHIES, below, graph, random_dag  # noqa: E402

from labeltree.core.hierarchy import Hierarchy  # noqa: E402
from labeltree.nn.coherence import McLoss, Mcm, violations  # noqa: E402
from labeltree.nn.graph import LabelGraph  # noqa: E402

GRAPHS = [graph(name) for name in HIERARCHIES] + [random_dag(seed) for seed in range(6)]


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def dense(g, z):
    reach = torch.from_numpy(below(g))
    return torch.where(reach, z[:, None, :], -torch.inf).amax(-1)


def closed(g, n):
    """Return random label sets with all ancestors."""
    reach = torch.from_numpy(below(g)).double()
    drawn = (torch.rand(n, g.n_labels) < 0.3).double()
    return ((drawn @ reach.T) > 0).double()


@pytest.mark.parametrize("g", GRAPHS)
def test_mcm_is_the_maximum_of_descendants(g):
    z = torch.randn(5, g.n_labels, dtype=torch.double, requires_grad=True)
    other = z.detach().clone().requires_grad_()
    weight = torch.randn(5, g.n_labels, dtype=torch.double)
    found, expected = Mcm(g)(z), dense(g, other)
    torch.testing.assert_close(found, expected)
    (found * weight).sum().backward()
    (expected * weight).sum().backward()
    torch.testing.assert_close(z.grad, other.grad)


@pytest.mark.parametrize("g", GRAPHS)
def test_no_label_beats_its_parents_afterwards(g):
    mcm = Mcm(g)
    once = mcm(torch.rand(5, g.n_labels))
    assert torch.equal(mcm(once), once)
    if g.label_edges.shape[1]:
        assert violations(once, g.label_edges).sum() == 0


def test_ties_go_to_the_lowest_column():
    h = Hierarchy.from_edges([("a", "b"), ("a", "c")], ["b", "a", "c"])
    z = torch.tensor([[2.0, 1, 2]], requires_grad=True)
    Mcm(LabelGraph.of(h))(z)[0, 1].backward()
    assert z.grad.tolist() == [[1, 0, 0]]


def test_the_loss_that_tells_it_from_bce_of_the_maximum():
    """A below B, h_A = .3, h_B = .1, y = (0, 1): the false child must not rise."""
    g = LabelGraph.of(Hierarchy.from_edges([("B", "A")], ["A", "B"]))
    p = torch.tensor([[0.3, 0.1]], dtype=torch.double, requires_grad=True)
    loss = 2 * McLoss(g)(torch.logit(p), torch.tensor([[0.0, 1.0]]))
    loss.backward()
    assert loss.item() == pytest.approx(2.6593, abs=1e-4)
    assert p.grad[0].tolist() == pytest.approx([1.4286, -10], abs=1e-4)


@pytest.mark.parametrize("g", GRAPHS)
def test_the_loss_is_its_definition(g):
    y = closed(g, 6)
    z = torch.randn(6, g.n_labels, dtype=torch.double)
    p, reach = z.sigmoid(), torch.from_numpy(below(g)).double()
    highest = (reach[None] * p[:, None]).amax(-1)
    right = (reach[None] * (y * p)[:, None]).amax(-1)
    terms = -y * torch.log(right.clamp_min(1e-300)) - (1 - y) * torch.log(1 - highest)
    torch.testing.assert_close(McLoss(g)(z, y), terms.mean())


def test_the_loss_stays_finite():
    g = random_dag(2)
    z = (50 * torch.sign(torch.randn(4, g.n_labels))).requires_grad_()
    loss = McLoss(g)(z, closed(g, 4).float())
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(z.grad).all()
    assert z.grad.any()


@pytest.mark.parametrize("g", GRAPHS)
def test_what_is_no_number_stays_in_the_loss(g):
    """Training that diverges is told by its loss, and must not end here."""
    for label in range(g.n_labels):
        z = torch.zeros(3, g.n_labels)
        z[1, label] = torch.nan
        assert Mcm(g).winner(z).max() < g.n_labels
        assert torch.isnan(McLoss(g)(z, torch.zeros(3, g.n_labels)))


def test_many_labels_cost_edges_not_pairs():
    n = 100_000
    edges = [(str(i), str(j)) for j in range(1, n) for i in [(j - 1) // 20]]
    g = LabelGraph.of(Hierarchy.from_edges(edges, [str(j) for j in range(n)]))
    loss = McLoss(g)
    z = torch.randn(8, n, requires_grad=True)
    y = torch.zeros(8, n)
    y[:, 0] = 1
    began = time.perf_counter()
    loss(z, y).backward()
    assert time.perf_counter() - began < 30  # a table of pairs would not fit into memory at all
    assert np.isfinite(z.grad.numpy()).all()
