"""From node states to a logit for each label."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn

from labeltree.nn.graph import LabelGraph
from labeltree.nn.structure import States


class Readout(Protocol):
    """Answers labels."""

    def __call__(self, states: States) -> Tensor:
        """Return logits (batch, n_labels)."""

    def matrices(self) -> list[Tensor]:
        """Return weights with a row for each label, for recursive regularisation."""

    def begin_at(self, logits: Tensor) -> None:
        """Set the biases of the answers, (n_labels,)."""


class FlattenReadout(nn.Module):
    """z = W flatten(H) + b: each label sees all nodes (HiAGM), n_labels x n_nodes x width."""

    def __init__(self, graph: LabelGraph, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(graph.n_nodes * width, graph.n_labels)

    def forward(self, states: States) -> Tensor:
        """Return logits (batch, n_labels)."""
        logits: Tensor = self.linear(states.nodes.flatten(1))
        return logits

    def matrices(self) -> list[Tensor]:
        """Return W, (n_labels, n_nodes * width)."""
        return [self.linear.weight]

    @torch.no_grad()
    def begin_at(self, logits: Tensor) -> None:
        """Set b."""
        self.linear.bias.copy_(logits)


class LabelWiseReadout(nn.Module):
    """z_l = w_l H_l + b_l: each label sees its own node. n_labels x width weights."""

    node_of_label: Tensor
    """(n_labels,)"""

    def __init__(self, graph: LabelGraph, width: int) -> None:
        super().__init__()
        nodes = torch.from_numpy(graph.node_of_label.astype("int64"))
        self.register_buffer("node_of_label", nodes, False)
        self.weight = nn.Parameter(torch.empty(graph.n_labels, width))
        self.bias = nn.Parameter(torch.zeros(graph.n_labels))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, states: States) -> Tensor:
        """Return logits (batch, n_labels)."""
        own = states.nodes.index_select(-2, self.node_of_label)
        return (own * self.weight).sum(-1) + self.bias

    def matrices(self) -> list[Tensor]:
        """Return the weights, (n_labels, width)."""
        return [self.weight]

    @torch.no_grad()
    def begin_at(self, logits: Tensor) -> None:
        """Set the biases."""
        self.bias.copy_(logits)


class NeighbourhoodReadout(LabelWiseReadout):
    """z_l = w_l H_l + sum over parents and children n of l  w_ln H_n + b_l.

    `FlattenReadout` cut to the hierarchy's edges: (n_labels + 2 n_edges) x width weights at most.
    Recursive regularisation compares what labels have in common, their weights of their own nodes.
    """

    def __init__(self, graph: LabelGraph, width: int) -> None:
        super().__init__(graph, width)
        parent, child = torch.from_numpy(graph.edges.astype("int64"))
        self.above = _Neighbours(graph, parent, child, width)
        self.below = _Neighbours(graph, child, parent, width)

    def forward(self, states: States) -> Tensor:
        """Return logits (batch, n_labels)."""
        return self.below(self.above(super().forward(states), states), states)


class _Neighbours(nn.Module):
    """What labels see of nodes beside their own; of pairs of nodes (seen, seeing), each (n,).

    Meta-labels answer nothing: they see nothing.
    """

    seen: Tensor
    """A node, and a label that sees it, in pairs, (n_pairs,)."""
    label: Tensor
    """(n_pairs,)"""

    def __init__(self, graph: LabelGraph, seen: Tensor, seeing: Tensor, width: int) -> None:
        super().__init__()
        label = torch.from_numpy(graph.label_of_node.astype("int64"))[seeing]
        self.register_buffer("seen", seen[label >= 0], False)
        self.register_buffer("label", label[label >= 0], False)
        self.weight = nn.Parameter(torch.empty(len(self.seen), width))
        bound = (6 / (graph.n_labels + width)) ** 0.5  # as what a label sees of itself
        nn.init.uniform_(self.weight, -bound, bound)

    def forward(self, logits: Tensor, states: States) -> Tensor:
        """Return logits (batch, n_labels) with what labels see added."""
        heard = (states.nodes.index_select(-2, self.seen) * self.weight).sum(-1)
        return logits.index_add(-1, self.label, heard.to(logits.dtype))


class LayerwiseReadout(nn.Module):
    """z = sum over layers i of W_i pool(H_i) + b_i (HiTIN, eq. 9).

    Parameters
    ----------
    n_layers
        Layers of the structure, its nodes included.
    pool
        `sum`, `mean` or `max` over the nodes of a layer.
    """

    def __init__(
        self, graph: LabelGraph, width: int, n_layers: int, pool: str = "sum", dropout: float = 0.5
    ) -> None:
        super().__init__()
        pools: dict[str, Callable[..., Tensor]] = {
            "sum": torch.sum, "mean": torch.mean, "max": torch.amax,
        }  # fmt: skip
        self.pool = pools[pool]
        self.linears = nn.ModuleList(nn.Linear(width, graph.n_labels) for _ in range(n_layers))
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: States) -> Tensor:
        """Return logits (batch, n_labels)."""
        pairs = zip(self.linears, states.layers, strict=True)
        logits = [linear(self.dropout(self.pool(layer, dim=-2))) for linear, layer in pairs]
        return torch.stack(logits).sum(0)

    def matrices(self) -> list[Tensor]:
        """Return the weights of each layer, (n_labels, width)."""
        return [linear.get_parameter("weight") for linear in self.linears]

    @torch.no_grad()
    def begin_at(self, logits: Tensor) -> None:
        """Share the biases out among the layers."""
        for linear in self.linears:
            linear.get_parameter("bias").copy_(logits / len(self.linears))
