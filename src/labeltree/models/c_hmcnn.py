"""C-HMCNN: coherent answers, and a loss that knows they will be made coherent.

Giunchiglia, Lukasiewicz, "Coherent Hierarchical Multi-Label Classification Networks" (NeurIPS
2020):

    MCM_A  = max over B at or below A of h_B
    MCLoss = sum_A  - y_A ln(max over B at or below A of y_B h_B)
                    - (1 - y_A) ln(1 - MCM_A)

h is a flat network. A label answers with the highest probability at or below it, so that none is
more probable than its parents; the loss raises a parent only through children that are right. The
paper's own h, a perceptron on features, is `--encoder feature_mlp`.
"""

from __future__ import annotations

from dataclasses import dataclass

from labeltree.core.params import choice, whole, within
from labeltree.nn.heads import FlatHead, Head
from labeltree.nn.model import NeuralModel
from labeltree.nn.wrappers import McmHead

__all__ = ["CHmcnn"]


@dataclass(eq=False)
class CHmcnn(NeuralModel):
    """A flat network under the max constraint."""

    dropout: float = within(0, 1, 0.1)
    """Before each layer of the head."""
    layers: int = whole(0, 0)
    """Hidden layers of the head."""
    hidden: int = whole(1, 512)
    """Width of a hidden layer."""
    train: str = choice("max_constraint", ("max_constraint", "base"))
    """`base`: binary cross entropy, and coherence only when answering: the paper's ablation."""

    def head(self) -> Head:
        """Return what answers."""
        flat = FlatHead(dropout=self.dropout, layers=self.layers, hidden=self.hidden)
        return McmHead(flat, self.train)
