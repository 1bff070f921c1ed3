import pytest

torch = pytest.importorskip("torch")

from graphs import graph  # noqa: E402

from labeltree.core.hierarchy import Hierarchy  # noqa: E402
from labeltree.nn.graph import LabelGraph  # noqa: E402
from labeltree.nn.loss import RecursiveRegularisation, Violation, bce  # noqa: E402

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


def test_without_edges_nothing_is_regularised():
    assert RecursiveRegularisation(graph("flat"))([torch.ones(3, 2)]).item() == 0


def test_violations_are_squared_and_summed():
    p = torch.tensor([[0.5, 0.7], [0.5, 0.2]])
    assert Violation(PAIR)(p).item() == pytest.approx(0.04 / 2)


def test_bce_is_the_mean():
    z, y = torch.tensor([[0.0, 2.0]]), torch.tensor([[1.0, 0.0]])
    expected = (torch.log(torch.tensor(2.0)) + torch.log(1 + torch.tensor(2.0).exp())) / 2
    assert bce(z, y).item() == pytest.approx(expected.item())
