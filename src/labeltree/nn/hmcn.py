"""HMCN: a chain of layers, one for each level, with answers of each level and of the whole.

Wehrmann, Cerri, Barros, "Hierarchical Multi-Label Classification Networks" (ICML 2018):

    A_G^1 = phi(W^1 x),   A_G^h = phi(W^h [A_G^{h-1}; x])
    P_G   = sigmoid(W^{H+1} A_G^H)
    A_L^h = phi(W_T^h A_G^h),   P_L^h = sigmoid(W_L^h A_L^h)
    P_F   = beta [P_L^1; ..; P_L^H] + (1 - beta) P_G

HMCN-R shares the chain's weights: an LSTM cell that reads x once for each level.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from labeltree.core.arrays import Ints
from labeltree.nn.fusion import TextFeatures
from labeltree.nn.graph import LabelGraph
from labeltree.nn.head import HeadNetwork, mean_logit
from labeltree.nn.hybrid import Answers, HybridLoss, Shares
from labeltree.nn.isomorphism import OnRows

if TYPE_CHECKING:
    from labeltree.nn.heads import HmcnHead


def _layer(width_in: int, width: int, dropout: float) -> nn.Sequential:
    """Return phi(W x)."""
    return nn.Sequential(nn.Linear(width_in, width), nn.ReLU(), OnRows(width), nn.Dropout(dropout))


class FeedForwardChain(nn.Module):
    """Layers with weights of their own; each reads the one before and the text."""

    def __init__(self, text_width: int, width: int, n_levels: int, dropout: float) -> None:
        super().__init__()
        widths = [0, *[width] * n_levels]
        self.layers = nn.ModuleList(
            _layer(before + text_width, after, dropout) for before, after in pairwise(widths)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return A_G of each level, (batch, width), of texts x (batch, text_width)."""
        found = [self.layers[0](x)]
        for layer in self.layers[1:]:
            found.append(layer(torch.cat([found[-1], x], 1)))
        return found


class RecurrentChain(nn.Module):
    """One LSTM cell that reads the text again for each level."""

    def __init__(self, text_width: int, width: int, n_levels: int, dropout: float) -> None:
        super().__init__()
        self.cell, self.n_levels = nn.LSTMCell(text_width, width), n_levels
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return A_G of each level, (batch, width), of texts x (batch, text_width)."""
        state, found = None, []
        for _ in range(self.n_levels):
            state = self.cell(x, state)
            found.append(self.dropout(state[0]))
        return found


class LevelHeads(nn.Module):
    """Answers of each level, by what is known at that level alone.

    Parameters
    ----------
    level
        Of each label, (n_labels,). A level may have none: then it has no head.
    width
        Of what is known at a level, and of the hidden layer between that and the answers.
    """

    at: Tensor
    """Where each label is among the answers of all levels one after the other, (n_labels,)."""

    def __init__(self, level: Ints, width: int, dropout: float) -> None:
        super().__init__()
        self.levels, sizes = (a.tolist() for a in np.unique(level, return_counts=True))
        self.hidden = nn.ModuleList(_layer(width, width, dropout) for _ in sizes)
        self.linears = nn.ModuleList(nn.Linear(width, size) for size in sizes)
        at = np.argsort(np.argsort(level, kind="stable"), kind="stable")
        self.register_buffer("at", torch.from_numpy(at), False)

    def forward(self, known: list[Tensor]) -> Tensor:
        """Return logits (batch, n_labels) of what is known at each level, (batch, width)."""
        heads = zip(self.levels, self.hidden, self.linears, strict=True)
        logits = [linear(hidden(known[level])) for level, hidden, linear in heads]
        return torch.cat(logits, 1).index_select(1, self.at)

    @torch.no_grad()
    def begin_at(self, logits: Tensor) -> None:
        """Set the biases of the answers, (n_labels,)."""
        by_level = logits[self.at.argsort()]
        biases = [linear.get_parameter("bias") for linear in self.linears]
        for bias, part in zip(biases, by_level.split([len(b) for b in biases]), strict=True):
            bias.copy_(part)


class HmcnNetwork(HeadNetwork):
    """A chain over levels with local heads, and a global one at its end."""

    log_share: Tensor
    """Logarithms of beta and 1 - beta."""

    def __init__(self, options: HmcnHead, graph: LabelGraph, text_width: int) -> None:
        super().__init__()
        level = graph.level[graph.node_of_label]
        width, dropout = options.width, options.dropout
        chains: dict[str, type[nn.Module]] = {"f": FeedForwardChain, "r": RecurrentChain}
        self.chain = chains[options.kind](text_width, width, int(level.max()) + 1, dropout)
        self.local = LevelHeads(level, width, dropout)
        self.overall = nn.Linear(width, graph.n_labels)
        shares = Shares(options.overall, options.local, options.violation)
        self.hybrid = HybridLoss(graph, shares, options.levels, options.global_loss)
        self.beta, self.of_logits = options.beta, options.mix == "logits"
        self.register_buffer("log_share", torch.tensor([self.beta, 1 - self.beta]).log(), False)

    def answers(self, text: TextFeatures) -> Answers:
        """Return the local, the global, and the mixed logits."""
        known = self.chain(text.pooled)
        local, overall = self.local(known), self.overall(known[-1])
        if self.of_logits:
            return Answers(local, overall, self.beta * local + (1 - self.beta) * overall)
        both = torch.stack([local, overall], -1)
        return Answers(local, overall, mean_logit(both, self.log_share))

    @torch.no_grad()
    def begin_at(self, logits: Tensor) -> None:
        """Set the biases of local and global answers."""
        self.local.begin_at(logits)
        self.overall.bias.copy_(logits)

    def forward(self, text: TextFeatures) -> Tensor:
        """Return the mixed logits (batch, n_labels)."""
        return self.answers(text).mixed

    def misfit(self, text: TextFeatures, y: Tensor, only: Tensor | None = None) -> Tensor:
        """Return the hybrid loss."""
        loss: Tensor = self.hybrid(self.answers(text), y, only)
        return loss
