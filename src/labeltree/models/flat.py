"""Flat: a text encoder and one linear layer for all labels.

    p_l = sigmoid(w_l x + b_l),   x the encoder's vector of the text
    L = mean over documents and labels of the binary cross entropy

Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding"
(NAACL 2019), sec. 3.2, with a logistic function for each label: what heads that know the hierarchy
are measured against.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from labeltree.core.params import whole, within
from labeltree.grow import Star, TreeSource
from labeltree.nn.heads import FlatHead, Head
from labeltree.nn.model import NeuralModel

__all__ = ["Flat"]


@dataclass(eq=False)
class Flat(NeuralModel):
    """An encoder and a linear layer, or a perceptron."""

    tree: TreeSource = field(default_factory=Star)
    """The head asks no hierarchy."""
    dropout: float = within(0, 1, 0.1)
    """Before each layer of the head."""
    layers: int = whole(0, 0)
    """Hidden layers of the head."""
    hidden: int = whole(1, 512)
    """Width of a hidden layer."""

    def head(self) -> Head:
        """Return what answers."""
        return FlatHead(dropout=self.dropout, layers=self.layers, hidden=self.hidden)
