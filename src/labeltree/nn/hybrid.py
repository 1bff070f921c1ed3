"""Local and global losses together: for networks that answer level by level, and as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from labeltree.nn.coherence import McLoss
from labeltree.nn.graph import LabelGraph
from labeltree.nn.loss import Violation, bce, columns, focal


class Answers(NamedTuple):
    """Logits of a network that looks at a document level by level and as a whole."""

    local: Tensor
    """From each label's level, (batch, n_labels)."""
    overall: Tensor
    """From all levels, (batch, n_labels)."""
    mixed: Tensor
    """Of both, what is answered, (batch, n_labels)."""


class Shares(NamedTuple):
    """What parts of a loss weigh."""

    overall: float = 1.0
    local: float = 1.0
    violation: float = 0.0


class HybridLoss(nn.Module):
    """Local and global losses together, and a penalty for children above their parents.

        L = a L(z_overall) + b sum over levels h of w_h BCE(z_local of h) + c violation(p_mixed)

    BCE of a level is the mean over its labels. HMCN (Wehrmann et al., ICML 2018) has a = b =
    w_h = 1. The family is that of Qi, Chelmis (2023), b = 1 - a; its exact terms were not at hand.

    Parameters
    ----------
    levels
        w_h: `equal` 1; `size` in proportion to the labels of a level, 1 in all; `learned`
        exp(-s_h), s_h being added to the loss (Kendall, Gal, Cipolla, CVPR 2018).
    overall
        L: `bce`, `focal`, or `max_constraint` (C-HMCNN), for which label sets need all ancestors.
    """

    level: Tensor
    """Of each label, those without a label left out, (n_labels,)."""

    def __init__(
        self, graph: LabelGraph, shares: Shares, levels: str = "equal", overall: str = "bce"
    ) -> None:
        super().__init__()
        known, level = np.unique(graph.level[graph.node_of_label], return_inverse=True)
        self.register_buffer("level", torch.from_numpy(level.astype(np.int64)), False)
        self.n_levels, self.levels, self.shares = len(known), levels, shares
        losses: dict[str, Callable[..., Tensor]] = {"bce": bce, "focal": focal}
        self.overall = losses[overall] if overall in losses else McLoss(graph)
        self.violation = Violation(graph)
        if levels == "learned":
            self.scale = nn.Parameter(torch.zeros(self.n_levels))

    def forward(self, z: Answers, y: Tensor, only: Tensor | None = None) -> Tensor:
        """Return the loss of targets y (batch, n_labels), of the columns `only`."""
        loss: Tensor = self.shares.overall * self.overall(z.overall, y, only)
        loss = loss + self.shares.local * self.local(z.local, y, only)
        if self.shares.violation:
            loss = loss + self.shares.violation * self.violation(z.mixed.sigmoid(), only)
        return loss

    def local(self, z: Tensor, y: Tensor, only: Tensor | None = None) -> Tensor:
        """Return the sum over levels of their weighted means."""
        level = self.level if only is None else self.level[only]
        y = columns(y, only)
        cross = F.binary_cross_entropy_with_logits(columns(z, only), y, reduction="none").mean(0)
        sums = cross.new_zeros(self.n_levels).index_add(0, level, cross)
        size = torch.bincount(level, minlength=self.n_levels)
        if self.levels == "size":
            return sums.sum() / len(level)
        means = sums / size.clamp_min(1)
        if self.levels == "learned":
            return ((-self.scale).exp() * means + self.scale)[size > 0].sum()
        return means.sum()
