"""What structure encoders have in common, and the gated convolution of HiAGM.

A structure encoder takes a feature vector for each node of the hierarchy and returns new ones that
have heard from their neighbours: (batch, n_nodes, width) -> `States`. Any of them fits any fusion
and any readout.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from labeltree.nn.graph import LabelGraph


class States(NamedTuple):
    """Features of nodes."""

    nodes: Tensor
    """One vector for each node of the hierarchy, (batch, n_nodes, width)."""
    layers: tuple[Tensor, ...]
    """All layers of the encoder's own tree, each (batch, n_i, width); the nodes alone, if none."""

    @classmethod
    def of_nodes(cls, nodes: Tensor) -> States:
        """Return the states of an encoder without a tree of its own."""
        return cls(nodes, (nodes,))


class Structure(Protocol):
    """Spreads features over the hierarchy."""

    def __call__(self, x: Tensor) -> States:
        """Return the states of node features x (batch, n_nodes, width)."""


def added(x: Tensor, to: Tensor, n: int) -> Tensor:
    """Return the sums of x (..., n_rows, width) by target: (..., n, width)."""
    out = x.new_zeros((*x.shape[:-2], n, x.shape[-1]))
    return out.index_add(-2, to, x)


class HierarchyConv(nn.Module):
    """Gated messages up and down the hierarchy.

    Zhou et al., "Hierarchy-Aware Global Model for Hierarchical Text Classification" (ACL 2020),
    section 3.2, Hierarchy-GCN:

        up_k   = sum over children c of k   a_kc x_c + b_k
        down_k = sum over parents p of k    a'_pk x_p + b'_k
        g      = sigmoid(w x_k + bias)      a gate each for up, down and self
        x'_k   = relu(g_up up_k + g_down down_k + g_self x_k)

    a is a number for each edge, 1 at first; a' too, the prior at first. There is no matrix between
    features: that is what distinguishes it from a graph convolution after Kipf and Welling.

    Parameters
    ----------
    graph
        The hierarchy.
    width
        Length of a feature vector.
    dropout
        Of the three gated messages.
    """

    edges: Tensor
    """(2, n_edges)"""

    def __init__(self, graph: LabelGraph, width: int, dropout: float = 0.05) -> None:
        super().__init__()
        self.n_nodes = graph.n_nodes
        self.register_buffer("edges", torch.from_numpy(graph.edges.astype("int64")), False)
        self.up = nn.Parameter(torch.ones(graph.edges.shape[1]))
        self.down = nn.Parameter(torch.from_numpy(graph.prior.copy()))
        self.up_bias = nn.Parameter(torch.zeros(graph.n_nodes, width))
        self.down_bias = nn.Parameter(torch.zeros(graph.n_nodes, width))
        self.gates = nn.Linear(width, 3, bias=False)
        self.gate_bias = nn.Parameter(torch.zeros(graph.n_nodes, 2))
        self.dropout = nn.Dropout(dropout)
        nn.init.xavier_normal_(self.gates.weight)

    def forward(self, x: Tensor) -> States:
        """Return the states of node features x (batch, n_nodes, width)."""
        parent, child = self.edges
        up = added(x[..., child, :] * self.up[:, None], parent, self.n_nodes) + self.up_bias
        down = added(x[..., parent, :] * self.down[:, None], child, self.n_nodes) + self.down_bias
        gate = self.gates(x)
        gate = torch.cat([gate[..., :2] + self.gate_bias, gate[..., 2:]], -1).sigmoid()
        parts = (up, down, x)
        heard = [self.dropout(gate[..., i : i + 1] * part) for i, part in enumerate(parts)]
        return States.of_nodes(torch.relu(heard[0] + heard[1] + heard[2]))
