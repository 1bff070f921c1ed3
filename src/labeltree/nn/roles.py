"""HiMatch's sampler: which labels a document is compared with, by their place beside its own."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from labeltree.nn.graph import LabelGraph


class Draws(NamedTuple):
    """Nodes that a document is compared with, each (batch, n_positives)."""

    positive: Tensor
    """One of its labels."""
    coarse: Tensor
    """A parent of it; below the root, itself."""
    sibling: Tensor
    """A label with the same parent that the document has not, or any such label."""
    other: Tensor
    """Any label that the document has not: neither it nor a label below."""
    has_positive: Tensor
    """Whether the document has a label at all; then the rest means something."""
    has_negative: Tensor
    """Whether there is such a label."""


class RoleSampler(nn.Module):
    """Draws a label of each document, and three to compare it with, in fixed roles.

    A sibling is never one of the document's own labels (the authors' code may draw such), nor above
    one: a document has the ancestors of its labels, whether its label set says so or not.
    """

    node: Tensor
    """Of each label, (n_labels,)."""
    link_parent: Tensor
    """Above a label, (n_links,); n_nodes is the root. One or more links for each label."""
    link_label: Tensor
    """The label, (n_links,)."""

    def __init__(self, graph: LabelGraph, n_positives: int = 1) -> None:
        super().__init__()
        self.n_positives, self.root = n_positives, graph.n_nodes
        label = graph.label_of_node.astype(np.int64)
        parent, child = graph.edges.astype(np.int64)
        sources = np.setdiff1d(np.arange(graph.n_nodes), child)
        parent = np.concatenate([parent, np.full(len(sources), self.root)])
        below = label[np.concatenate([child, sources])]
        parent, below = parent[below >= 0], below[below >= 0]
        node = graph.node_of_label.astype(np.int64)
        for name, values in (("node", node), ("link_parent", parent), ("link_label", below)):
            self.register_buffer(name, torch.from_numpy(values), False)
        self.n_steps = len(graph.rising)
        for step, edges in enumerate(graph.rising):
            self.register_buffer(f"edges{step}", torch.from_numpy(edges.astype(np.int64)), False)

    @torch.no_grad()
    def forward(self, y: Tensor, only: Tensor | None = None) -> Draws:
        """Return what is drawn for targets y (batch, n_labels), among the columns `only`."""
        allowed = torch.ones_like(y[0], dtype=torch.bool)
        if only is not None:
            allowed = torch.zeros_like(allowed).index_fill(0, only, True)
        gold, free = (y > 0) & allowed, ~self._closed(y) & allowed
        positive = self._positives(gold)  # (batch, n_positives)
        link = _drawn(self.link_label == positive[..., None])
        parent = self.link_parent[link]
        shape = positive.shape
        other = _drawn(free[:, None].expand(*shape, -1))
        links = (self.link_parent == parent[..., None]) & free[:, None, self.link_label]
        sibling = torch.where(links.any(-1), self.link_label[_drawn(links)], other)
        nodes = self.node[positive]
        return Draws(
            nodes, torch.where(parent == self.root, nodes, parent), self.node[sibling],
            self.node[other], gold.any(1, True).expand(shape), free.any(1, True).expand(shape),
        )  # fmt: skip

    def _closed(self, y: Tensor) -> Tensor:
        """Return the label sets with all ancestors, (batch, n_labels) bool."""
        reached = y.new_zeros((len(y), self.root)).index_copy(1, self.node, y)
        for step in range(self.n_steps):
            parent, child = self.get_buffer(f"edges{step}")
            reached = reached.index_add(1, parent, reached[:, child])
        return reached[:, self.node] > 0

    def _positives(self, gold: Tensor) -> Tensor:
        """Return labels of each document, again from the first where it has fewer."""
        n = min(self.n_positives, gold.shape[1])
        found = torch.rand(gold.shape, device=gold.device).masked_fill(~gold, -1).topk(n, 1).indices
        turn = torch.arange(self.n_positives, device=gold.device).expand(len(gold), -1)
        return found.gather(1, turn % gold.sum(1, True).clamp(1, n))


def _drawn(eligible: Tensor) -> Tensor:
    """Return one of the eligible places of the last axis, each as likely."""
    keys = torch.rand(eligible.shape, device=eligible.device)
    return keys.masked_fill(~eligible, -1).argmax(-1)
