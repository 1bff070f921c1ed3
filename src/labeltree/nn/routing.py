"""Gradient routing: all documents are computed by all units, and teach those of their branches.

Cloud et al., "Gradient Routing: Masking Gradients to Localize Computation in Neural Networks"
(2024), where the routes are the branches of the root:

    a' = R a + (1 - R) stopgrad(a)            the value is a; only units with R = 1 have a gradient

The routed units are an adapter between the encoder and the head, x + V a', a = relu(W x): some for
each branch, and some for all. What a unit answers to (its row of W) is learned from the documents
of its branch. Where it leads (its column of V) is learned from all: with V routed too, a unit that
meets its own branch alone learns to say yes to every document, and nothing takes that back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from labeltree.core.arrays import Longs
from labeltree.nn.branches import Cut, parts
from labeltree.nn.fusion import TextFeatures
from labeltree.nn.graph import LabelGraph
from labeltree.nn.head import WrappedNetwork

if TYPE_CHECKING:
    from labeltree.nn.wrappers import RoutedHead


def routed(a: Tensor, route: Tensor) -> Tensor:
    """Return a, with a gradient where `route` is 1; both (..., n_units)."""
    return route * a + (1 - route) * a.detach()


class RoutedAdapter(nn.Module):
    """A residual layer whose units belong to branches, those at the end to all.

    Parameters
    ----------
    width
        Of texts.
    n_blocks, block
        Branches, and units of each.
    shared
        Units of all.
    """

    def __init__(self, width: int, n_blocks: int, block: int, shared: int) -> None:
        super().__init__()
        n_units = n_blocks * block + shared
        self.block, self.shared = block, shared
        self.into, self.out = nn.Linear(width, n_units), nn.Linear(n_units, width)
        nn.init.zeros_(self.out.weight)  # at first the encoder's output as it is
        nn.init.zeros_(self.out.bias)

    def forward(self, text: TextFeatures, branch: Tensor | None) -> TextFeatures:
        """Return texts adapted; `branch` (batch, n_blocks) tells whose units learn, None: all."""
        route = None if branch is None else self.route(branch)
        tokens = text.tokens
        if tokens.shape[1]:
            tokens = self._adapted(tokens, None if route is None else route[:, None])
        return TextFeatures(self._adapted(text.pooled, route), tokens, text.mask)

    def route(self, branch: Tensor) -> Tensor:
        """Return which units learn from each document, (batch, n_units) of 0 and 1."""
        shared = branch.new_ones((len(branch), self.shared))
        return torch.cat([branch.repeat_interleave(self.block, 1), shared], 1).float()

    def _adapted(self, x: Tensor, route: Tensor | None) -> Tensor:
        units = torch.relu(self.into(x))
        if route is not None:
            units = routed(units, route.to(units.dtype))
        added: Tensor = x + self.out(units)
        return added


class RoutedNetwork(WrappedNetwork):
    """Any head behind a routed adapter. Answers use all units."""

    label: Tensor
    """A label and a branch that owns it, in pairs, (n,)."""
    owner: Tensor
    """(n,)"""

    def __init__(self, options: RoutedHead, graph: LabelGraph, text_width: int) -> None:
        super().__init__()
        cut = parts(graph, options.split, options.split_seed)
        label, owner = _owners(cut)
        self.register_buffer("label", torch.from_numpy(label), False)
        self.register_buffer("owner", torch.from_numpy(owner), False)
        self.n_blocks = len(cut.branches) + bool(len(cut.single))
        self.adapter = RoutedAdapter(text_width, self.n_blocks, options.block, options.shared)
        self.base = options.base.build(graph, text_width)
        self.by_batch = options.routing == "batch"

    def forward(self, text: TextFeatures) -> Tensor:
        """Return logits (batch, n_labels)."""
        logits: Tensor = self.base(self.adapter(text, None))
        return logits

    def answer(self, text: TextFeatures) -> Tensor:
        """Return the base's answers."""
        return self.base.answer(self.adapter(text, None))

    def misfit(self, text: TextFeatures, y: Tensor, only: Tensor | None = None) -> Tensor:
        """Return the base's loss, its gradients routed."""
        branch = self.branches(y)
        if not self.by_batch:
            return self.base.misfit(self.adapter(text, branch), y, only)
        losses = []
        for rows, own in self._batches(branch):
            adapted = self.adapter(text.rows(rows), own)
            losses.append(len(rows) / len(y) * self.base.misfit(adapted, y[rows], only))
        return torch.stack(losses).sum()

    def branches(self, y: Tensor) -> Tensor:
        """Return the branches of each document's labels, (batch, n_blocks) of 0 and 1."""
        hits = y.new_zeros((len(y), self.n_blocks)).index_add(1, self.owner, y[:, self.label])
        return (hits > 0).to(y.dtype)

    def _batches(self, branch: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return documents by branch, each with the route of that branch alone.

        A document of several branches is in several batches, one of none in its own.
        """
        found = []
        for number in range(self.n_blocks + 1):
            last = number == self.n_blocks
            rows = (branch.sum(1) == 0 if last else branch[:, number] > 0).nonzero().squeeze(1)
            own = branch.new_zeros((len(rows), self.n_blocks))
            if not last:
                own[:, number] = 1
            if len(rows):
                found.append((rows, own))
        return found


def _owners(cut: Cut) -> tuple[Longs, Longs]:
    """Return (labels, their branches) in pairs; labels alone in their branch share the last one."""
    parts = [branch.columns for branch in cut.branches]
    if len(cut.single):
        parts.append(cut.single)
    owner = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return np.concatenate(parts), owner
