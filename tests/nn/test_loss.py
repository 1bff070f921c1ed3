import time

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from graphs import graph  # noqa: E402

from labeltree.core.hierarchy import Hierarchy  # noqa: E402
from labeltree.nn.graph import LabelGraph  # noqa: E402
from labeltree.nn.loss import (  # noqa: E402
    RecursiveRegularisation,
    Violation,
    bce,
    chunked_bce,
    focal,
)

PAIR = LabelGraph.of(Hierarchy.from_edges([("p", "q")], ["p", "q"]))


def test_recursive_regularisation_sees_signs():
    """Printed as |w_p^2 - w_q^2| in places, which is 0 here."""
    W = torch.tensor([[1.0, 2.0], [-1.0, 2.0]])
    assert RecursiveRegularisation(PAIR)([W]).item() == 2.0
    assert RecursiveRegularisation(PAIR)([W, W]).item() == 4.0


def test_recursive_regularisation_has_its_gradient():
    W = torch.randn(6, 3, dtype=torch.double, requires_grad=True)
    loss = RecursiveRegularisation(graph("diamond"))
    assert torch.autograd.gradcheck(lambda w: loss([w]), W)


def test_regularisation_takes_time_and_memory_by_the_edges():
    """A table of pairs of 100,000 labels would take 40 GB, and of differences 64 times that."""
    n, width = 100_000, 64
    child = np.arange(1, n, dtype=np.int32)
    parent = (child - 1) // 10
    edges, labels = np.stack([parent, child]), np.arange(n, dtype=np.int32)
    of_many = RecursiveRegularisation(LabelGraph(n, edges, labels, np.ones(n - 1, np.float32)))
    W = torch.randn(n, width, requires_grad=True)
    start = time.process_time()
    loss = of_many([W])
    loss.backward()
    assert time.process_time() - start < 1
    matrix = W.detach().numpy().astype(np.float64)
    apart = matrix[parent] - matrix[child]
    assert loss.item() == pytest.approx((apart**2).sum() / 2, rel=1e-4)
    np.testing.assert_allclose(W.grad[-1], -apart[-1], rtol=1e-5)  # a leaf: pulled to its parent


def test_without_edges_nothing_is_regularised():
    assert RecursiveRegularisation(graph("flat"))([torch.ones(3, 2)]).item() == 0


def test_violations_are_squared_and_summed():
    p = torch.tensor([[0.5, 0.7], [0.5, 0.2]])
    assert Violation(PAIR)(p).item() == pytest.approx(0.04 / 2)


def test_bce_is_the_mean():
    z, y = torch.tensor([[0.0, 2.0]]), torch.tensor([[1.0, 0.0]])
    expected = (torch.log(torch.tensor(2.0)) + torch.log(1 + torch.tensor(2.0).exp())) / 2
    assert bce(z, y).item() == pytest.approx(expected.item())


def test_bce_of_some_columns():
    z, y = torch.randn(3, 5), torch.ones(3, 5)
    only = torch.tensor([0, 3])
    torch.testing.assert_close(bce(z, y, only), bce(z[:, only], y[:, only]))


@pytest.mark.parametrize("chunk", [1, 3, 5, 100])
def test_chunks_are_the_dense_loss(chunk):
    torch.manual_seed(0)
    linear = torch.nn.Linear(4, 5).double()
    x = torch.randn(3, 4, dtype=torch.double, requires_grad=True)
    y = (torch.rand(3, 5) < 0.4).double()
    inputs = (x, *linear.parameters())
    dense = torch.autograd.grad(bce(linear(x), y), inputs)
    loss = chunked_bce(x, linear, y, chunk)
    torch.testing.assert_close(loss, bce(linear(x), y))
    for found, expected in zip(torch.autograd.grad(loss, inputs), dense, strict=True):
        torch.testing.assert_close(found, expected)


def test_focal_loss():
    z = torch.tensor([[0.0, 3.0, -2.0]], dtype=torch.double)
    y = torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.double)
    right = torch.where(y > 0, z.sigmoid(), 1 - z.sigmoid())
    torch.testing.assert_close(focal(z, y), (-((1 - right) ** 2) * right.log()).mean())
    torch.testing.assert_close(focal(z, y, gamma=0.0), bce(z, y))


def test_violations_of_some_columns():
    g = graph("tree")
    p = torch.rand(4, g.n_labels)
    only = torch.tensor([0, 1, 2])
    parent, child = (torch.from_numpy(e.astype("int64")) for e in g.label_edges)
    inside = torch.isin(parent, only) & torch.isin(child, only)
    assert inside.any()
    expected = (p[:, child[inside]] - p[:, parent[inside]]).relu().square().sum(1).mean()
    torch.testing.assert_close(Violation(g)(p, only), expected)
