"""The linear problem of a node: its loss, and how far it is solved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from labeltree.core.params import Params, at_least, positive, whole


@dataclass
class SquaredHinge(Params):
    """L2-regularised squared hinge loss by dual coordinate descent (Hsieh et al., ICML 2008).

    The defaults are those of Parabel: stopping early is part of the published behaviour.
    """

    loss: ClassVar[int] = 0
    C: float = positive(1.0)
    """Weight of the losses against the regulariser."""
    eps: float = positive(0.1)
    """Projected gradients may differ by this much at the end."""
    max_iter: int = whole(1, 20)
    """Rounds over the documents at most."""
    threshold: float = at_least(0, 0.1)
    """Weights of at most this size are dropped after training."""


@dataclass
class Logistic(Params):
    """L2-regularised logistic loss by dual coordinate descent (Yu et al., MLJ 2011)."""

    loss: ClassVar[int] = 1
    C: float = positive(10.0)
    """Weight of the losses against the regulariser."""
    eps: float = positive(0.1)
    """Largest gradient left at the end."""
    max_iter: int = whole(1, 20)
    """Rounds over the documents at most."""
    threshold: float = at_least(0, 0.5)
    """Weights of at most this size are dropped after training."""


Solver = SquaredHinge | Logistic
