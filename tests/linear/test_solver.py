import pytest

from labeltree.core.errors import ParameterError
from labeltree.kernels.hinge import SquaredHingeProblem
from labeltree.kernels.logistic import LogisticProblem
from labeltree.linear.solver import Logistic, SquaredHinge


def test_published_defaults():
    """Parabel: C = 1, eps = 0.1, 20 rounds, weights up to 0.1 dropped; Parabel-l: C = 10, 0.5."""
    common = {"eps": 0.1, "max_iter": 20}
    assert SquaredHinge().get_params() == common | {"C": 1.0, "threshold": 0.1, "power": 2}
    assert Logistic().get_params() == {"C": 10.0, "eps": 0.1, "max_iter": 20, "threshold": 0.5}
    assert SquaredHinge(C=2).problem == SquaredHingeProblem(2.0, 0.1, 20)
    assert Logistic(max_iter=3).problem == LogisticProblem(10.0, 0.1, 3)


@pytest.mark.parametrize("solver", [SquaredHinge, Logistic])
@pytest.mark.parametrize(
    ("name", "value"),
    [("C", 0), ("C", -1), ("eps", 0), ("max_iter", 0), ("max_iter", 1.5), ("threshold", -0.1)],
)
def test_parameters_are_checked(solver, name, value):
    with pytest.raises(ParameterError, match=name):
        solver(**{name: value})
