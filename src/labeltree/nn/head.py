"""Heads: from what an encoder made of texts to answers, and the loss that trains them.

A head knows the hierarchy. It may have nodes that are no label, columns without a positive, several
parents for a node, or no edges at all.
"""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from labeltree.nn.coherence import McLoss, Mcm
from labeltree.nn.fusion import Fusion, TextFeatures
from labeltree.nn.graph import LabelGraph
from labeltree.nn.loss import RecursiveRegularisation, bce, chunked_bce
from labeltree.nn.readout import Readout
from labeltree.nn.structure import States, Structure


class HeadNetwork(nn.Module):
    """Answers labels. A head of your own needs `forward`; the rest has a default."""

    coherent: ClassVar[bool] = False
    """Whether no answer is higher than those of its parents, by construction."""

    def forward(self, text: TextFeatures) -> Tensor:
        """Return logits (batch, n_labels)."""
        raise NotImplementedError

    def loss(self, text: TextFeatures, y: Tensor) -> Tensor:
        """Return what training lowers, a scalar; y (batch, n_labels)."""
        return self.misfit(text, y) + self.regularisation()

    def misfit(self, text: TextFeatures, y: Tensor, only: Tensor | None = None) -> Tensor:
        """Return how far answers are from the labels, a scalar.

        Parameters
        ----------
        y
            (batch, n_labels)
        only
            Columns that count: the others have no part in it, neither in value nor in gradient.
        """
        return bce(self.forward(text), y, only)

    def answer(self, text: TextFeatures) -> Tensor:
        """Return the logits that rank labels, (batch, n_labels)."""
        return self.forward(text)

    def regularisation(self) -> Tensor:
        """Return what weights cost, a scalar."""
        return torch.zeros(())

    def begin_at(self, logits: Tensor) -> None:
        """Let answers begin near these logits, (n_labels,), whatever the text says: set biases."""

    def see_labels(self, features: Tensor) -> None:
        """Take note of what labels are described by, (n_labels, width): constants."""

    def drop_training_parts(self) -> None:
        """Forget what answers do not need."""


def mean_logit(z: Tensor, log_weight: Tensor) -> Tensor:
    """Return the logit of a weighted mean of probabilities, given as logits, over the last axis.

    logit(sum_i w_i sigmoid(z_i)), without leaving the logarithm: nothing over- or underflows.

    Parameters
    ----------
    log_weight
        Logarithms of weights that sum to 1 over the last axis, -inf for 0.
    """
    yes = torch.logsumexp(F.logsigmoid(z) + log_weight, -1)
    return yes - torch.logsumexp(F.logsigmoid(-z) + log_weight, -1)


class FlatNetwork(HeadNetwork):
    """A linear layer for all labels, after hidden ones if wanted.

    Parameters
    ----------
    hidden
        Widths of the hidden layers, ReLU each.
    dropout
        Before each layer.
    chunk
        Labels whose logits are held at a time while training; 0: all.
    """

    def __init__(
        self, n_labels: int, text_width: int, dropout: float = 0.1, hidden: tuple[int, ...] = (),
        chunk: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        widths = (text_width, *hidden)
        layers: list[nn.Module] = []
        for before, after in zip(widths, hidden, strict=False):
            layers += [nn.Dropout(dropout), nn.Linear(before, after), nn.ReLU()]
        self.body = nn.Sequential(*layers, nn.Dropout(dropout))
        self.linear = nn.Linear(widths[-1], n_labels)
        self.chunk = chunk

    def forward(self, text: TextFeatures) -> Tensor:
        """Return logits (batch, n_labels)."""
        logits: Tensor = self.linear(self.body(text.pooled))
        return logits

    @torch.no_grad()
    def begin_at(self, logits: Tensor) -> None:
        """Set the biases of the last layer."""
        self.linear.bias.copy_(logits)

    def misfit(self, text: TextFeatures, y: Tensor, only: Tensor | None = None) -> Tensor:
        """Return the binary cross entropy."""
        if only is None and 0 < self.chunk < y.shape[1]:
            return chunked_bce(self.body(text.pooled), self.linear, y, self.chunk)
        return super().misfit(text, y, only)


class WrappedNetwork(HeadNetwork):
    """What networks around a head leave to it."""

    base: HeadNetwork
    """The head inside."""

    def regularisation(self) -> Tensor:
        """Return the base's."""
        return self.base.regularisation()

    def begin_at(self, logits: Tensor) -> None:
        """Let the base's answers begin there."""
        self.base.begin_at(logits)

    def see_labels(self, features: Tensor) -> None:
        """Show labels to the base."""
        self.base.see_labels(features)

    def drop_training_parts(self) -> None:
        """Drop those of the base."""
        self.base.drop_training_parts()


class CoherentNetwork(WrappedNetwork):
    """A head whose answers never rise from a label to its children (C-HMCNN; see `coherence`).

    Parameters
    ----------
    base
        Any head.
    constrained
        Train by the max constraint loss; else by the base's own, and only answers are changed.
    """

    coherent = True

    def __init__(self, base: HeadNetwork, graph: LabelGraph, *, constrained: bool = True) -> None:
        super().__init__()
        self.base, self.mcm = base, Mcm(graph)
        self.constraint = McLoss(graph) if constrained else None

    def forward(self, text: TextFeatures) -> Tensor:
        """Return the base's logits."""
        logits: Tensor = self.base(text)
        return logits

    def misfit(self, text: TextFeatures, y: Tensor, only: Tensor | None = None) -> Tensor:
        """Return the max constraint loss, or the base's."""
        if self.constraint is None:
            return self.base.misfit(text, y, only)
        loss: Tensor = self.constraint(self.base(text), y, only)
        return loss

    def answer(self, text: TextFeatures) -> Tensor:
        """Return the highest of the base's answers at or below each label."""
        highest: Tensor = self.mcm(self.base.answer(text))
        return highest


class GraphNetwork(HeadNetwork):
    """Texts meet labels, the hierarchy spreads it, labels answer: any fusion, structure, readout.

    Parameters
    ----------
    graph
        The hierarchy.
    recursive
        Weight of the recursive regularisation of the readout.
    logit_dropout
        Of logits while training (in HiAGM's and HiMatch's code, not in their papers).
    """

    def __init__(
        self, graph: LabelGraph, fusion: Fusion, structure: Structure, readout: Readout,
        recursive: float = 0.0, logit_dropout: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.fusion, self.structure, self.readout = fusion, structure, readout
        self.recursive = recursive
        self.logit_dropout = nn.Dropout(logit_dropout)
        self.distance = RecursiveRegularisation(graph)

    def forward(self, text: TextFeatures) -> Tensor:
        """Return logits (batch, n_labels)."""
        return self.answered(self.states(text))

    def begin_at(self, logits: Tensor) -> None:
        """Set the biases of the readout."""
        self.readout.begin_at(logits)

    def states(self, text: TextFeatures) -> States:
        """Return the states of the nodes for each text."""
        return self.fusion(text, self.structure)

    def answered(self, states: States) -> Tensor:
        """Return the logits (batch, n_labels) of the states of the nodes."""
        logits: Tensor = self.logit_dropout(self.readout(states))
        return logits

    def regularisation(self) -> Tensor:
        """Return how far labels' weights are from their parents', weighted."""
        if not self.recursive:
            return torch.zeros(())
        cost: Tensor = self.recursive * self.distance(self.readout.matrices())
        return cost


class NoSpread(nn.Module):
    """The structure that spreads nothing: what any other must beat."""

    def forward(self, x: Tensor) -> States:
        """Return x (batch, n_nodes, width) as it is."""
        return States.of_nodes(x)
