"""HMCN: a layer for each level of the hierarchy, local answers at each, global ones at the end.

Wehrmann, Cerri, Barros, "Hierarchical Multi-Label Classification Networks" (ICML 2018):

    A_G^1 = phi(W^1 x),   A_G^h = phi(W^h [A_G^{h-1}; x])
    P_G   = sigmoid(W^{H+1} A_G^H)
    A_L^h = phi(W_T^h A_G^h),   P_L^h = sigmoid(W_L^h A_L^h)
    P_F   = beta [P_L^1; ..; P_L^H] + (1 - beta) P_G
    L     = sum_h BCE(P_L^h, Y^h) + BCE(P_G, Y) + lambda L_H
    L_H   = mean over documents of sum over edges max(0, P_child - P_parent)^2

phi is ReLU, batch normalisation and dropout. HMCN-R (`--kind r`) shares the weights of the chain:
an LSTM cell reads x once for each level. A label's level is its longest path from the root.
"""

from __future__ import annotations

from dataclasses import dataclass

from labeltree.core.params import at_least, choice, whole, within
from labeltree.nn.heads import Head, HmcnHead
from labeltree.nn.model import NeuralModel

__all__ = ["Hmcn"]


@dataclass(eq=False)
class Hmcn(NeuralModel):
    """A chain over levels, local and global answers mixed half and half."""

    kind: str = choice("f", ("f", "r"))
    """`f`: each level has weights of its own; `r`: one recurrent cell for all."""
    width: int = whole(1, 384)
    """Of each layer."""
    dropout: float = within(0, 1, 0.6)
    """After each layer."""
    beta: float = within(0, 1, 0.5)
    """Share of local answers in the mix."""
    mix: str = choice("probabilities", ("probabilities", "logits"))
    """What is mixed; a widely copied implementation mixes logits, with a violation of 0."""
    violation: float = at_least(0, 0.1)
    """lambda, the weight of children more probable than their parents."""

    def head(self) -> Head:
        """Return what answers."""
        return HmcnHead(
            kind=self.kind, width=self.width, dropout=self.dropout, beta=self.beta, mix=self.mix,
            violation=self.violation,
        )  # fmt: skip
