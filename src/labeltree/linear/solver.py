"""The linear problem of a node: its loss, how far it is solved, and the score a margin becomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from labeltree.core.params import Params, at_least, choice, positive, whole
from labeltree.kernels.hinge import SquaredHingeProblem
from labeltree.kernels.logistic import LogisticProblem

L2_HINGE, SIGMOID, L3_HINGE, SOFTMAX = range(4)
"""Transforms of a margin f to a conditional score, as `kernels.transform` counts them:
exp(-max(0, 1 - f)^2), 1 / (1 + exp(-f)), exp(-max(0, 1 - f)^3), softmax over the siblings."""


@dataclass
class SquaredHinge(Params):
    """L2-regularised squared hinge loss by dual coordinate descent (Hsieh et al., ICML 2008).

    The defaults are those of Parabel: stopping early is part of the published behaviour.
    """

    C: float = positive(1.0, search="0.1..10:log")
    """Weight of the losses against the regulariser."""
    eps: float = positive(0.1)
    """Projected gradients may differ by this much at the end."""
    max_iter: int = whole(1, 20)
    """Rounds over the documents at most."""
    threshold: float = at_least(0, 0.1, search="0.01..0.2:log")
    """Weights of at most this size are dropped after training."""
    power: int = choice(2, (2, 3))
    """A margin f scores exp(-max(0, 1 - f)^power): 2 as in Parabel, 3 as in PECOS."""

    @property
    def transform(self) -> int:
        """What turns a margin into a conditional score."""
        return L2_HINGE if self.power == 2 else L3_HINGE

    @property
    def problem(self) -> SquaredHingeProblem:
        """The problem as the kernels take it."""
        return SquaredHingeProblem(float(self.C), float(self.eps), self.max_iter)


@dataclass
class Logistic(Params):
    """L2-regularised logistic loss by dual coordinate descent (Yu et al., MLJ 2011)."""

    transform: ClassVar[int] = SIGMOID
    C: float = positive(10.0, search="0.5..100:log")
    """Weight of the losses against the regulariser."""
    eps: float = positive(0.1)
    """Largest gradient left at the end."""
    max_iter: int = whole(1, 20)
    """Rounds over the documents at most."""
    threshold: float = at_least(0, 0.5, search="0.05..0.5:log")
    """Weights of at most this size are dropped after training."""

    @property
    def problem(self) -> LogisticProblem:
        """The problem as the kernels take it."""
        return LogisticProblem(float(self.C), float(self.eps), self.max_iter)


Solver = SquaredHinge | Logistic
