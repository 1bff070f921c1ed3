"""Coherent answers: no label is more probable than its parents.

Giunchiglia, Lukasiewicz, "Coherent Hierarchical Multi-Label Classification Networks" (NeurIPS
2020).

    MCM_A  = max over B at or below A of h_B
    MCLoss = sum_A  - y_A ln(max_{B at or below A} y_B h_B) - (1 - y_A) ln(1 - MCM_A)       (sec. 4)

On logits, which order like probabilities. Descendants are never listed: children pass their maximum
on to parents, height by height, so that time is in proportion to edges and a gradient goes to the
one label that is the maximum (the lowest column on a tie).
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from labeltree.nn.graph import LabelGraph
from labeltree.nn.loss import columns


class Mcm(nn.Module):
    """The maximum of each label and its descendants."""

    node_of_label: Tensor
    """(n_labels,)"""
    label_of_node: Tensor
    """(n_nodes,); n_labels where there is none."""

    def __init__(self, graph: LabelGraph) -> None:
        super().__init__()
        self.n_nodes = graph.n_nodes
        nodes = torch.from_numpy(graph.node_of_label.astype("int64"))
        self.register_buffer("node_of_label", nodes, False)
        label = torch.from_numpy(graph.label_of_node.astype("int64"))
        label[label < 0] = graph.n_labels
        self.register_buffer("label_of_node", label, False)
        self.n_steps = len(graph.rising)
        for step, edges in enumerate(graph.rising):
            self.register_buffer(f"edges{step}", torch.from_numpy(edges.astype("int64")), False)

    def forward(self, z: Tensor) -> Tensor:
        """Return the maxima of logits or probabilities z (batch, n_labels)."""
        return z.gather(1, self.winner(z))

    def winner(self, z: Tensor) -> Tensor:
        """Return which label at or below each is the maximum, (batch, n_labels)."""
        n_labels = z.shape[1]
        lowest = torch.finfo(z.dtype).min
        value = z.new_full((z.shape[0], self.n_nodes), lowest)
        value = value.index_copy(1, self.node_of_label, z.detach())
        won = self.label_of_node.expand(z.shape[0], -1).clone()
        for step in range(self.n_steps):
            parent, child = self.get_buffer(f"edges{step}")
            value, won = _raised(value, won, parent, child, n_labels)
        won = won.index_select(1, self.node_of_label)
        own = torch.arange(n_labels, device=z.device)
        return torch.where(won < n_labels, won, own)  # what is no number equals no maximum


def _raised(
    value: Tensor, won: Tensor, parent: Tensor, child: Tensor, n_labels: int
) -> tuple[Tensor, Tensor]:
    """Let parents take the maximum over their children, and the lowest label that has it."""
    to = parent.expand(value.shape[0], -1)
    offered, label = value[:, child], won[:, child]
    highest = value.scatter_reduce(1, to, offered, "amax")
    # Labels count only where they reach the new maximum; n_labels stands for none.
    own = torch.where(value == highest, won, n_labels)
    theirs = torch.where(offered == highest.gather(1, to), label, n_labels)
    return highest, own.scatter_reduce(1, to, theirs, "amin")


class McLoss(nn.Module):
    """The max constraint loss, on logits.

    Parameters
    ----------
    graph
        The hierarchy; label sets must contain all ancestors.
    """

    def __init__(self, graph: LabelGraph) -> None:
        super().__init__()
        self.mcm = Mcm(graph)

    def forward(self, z: Tensor, y: Tensor, only: Tensor | None = None) -> Tensor:
        """Return the mean over documents and labels; z and y (batch, n_labels).

        `only` are the columns that count; what is below them still does.
        """
        highest = self.mcm(z)
        right = self.mcm(z.masked_fill(y == 0, torch.finfo(z.dtype).min))
        terms = torch.where(y > 0, F.softplus(-right), F.softplus(highest))
        return columns(terms, only).mean()


def violations(p: Tensor, edges: Any) -> Tensor:
    """Return for each document the share of edges (2, n) on which the child is more probable."""
    parent, child = edges
    return (p[:, child] > p[:, parent]).float().mean(1)
