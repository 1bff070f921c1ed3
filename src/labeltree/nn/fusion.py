"""Where texts meet labels: a feature vector for each node, made of a text.

A fusion takes what a text encoder gives and a structure encoder, and returns the states of the
nodes: projections give each node a view of the text and let the structure spread it (HiAGM-TP,
HiTIN); attention lets the structure spread label embeddings, which then look at the words
(HiAGM-LA).
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from labeltree.core.errors import ParameterError
from labeltree.nn.encoder import WITH_TOKENS
from labeltree.nn.structure import States, Structure


class TextFeatures(NamedTuple):
    """What an encoder makes of a batch of texts."""

    pooled: Tensor
    """One vector a text, (batch, width)."""
    tokens: Tensor
    """One vector a token, (batch, n_tokens, width)."""
    mask: Tensor
    """True at tokens, False at padding, (batch, n_tokens)."""

    def rows(self, at: Tensor) -> TextFeatures:
        """Return those of some documents."""
        return TextFeatures(self.pooled[at], self.tokens[at], self.mask[at])


class Fusion(Protocol):
    """Makes node states of texts."""

    def __call__(self, text: TextFeatures, structure: Structure) -> States:
        """Return the states of the nodes for each text."""


class LabelProjection(nn.Module):
    """A linear view of the text for each node: V = reshape(W x + b); Zhou et al. 2020, sec. 3.3.2.

    Parameters
    ----------
    text_width, width
        Of the text's vector, and of a node's.
    """

    def __init__(self, text_width: int, n_nodes: int, width: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.n_nodes = n_nodes
        self.linear = nn.Linear(text_width, n_nodes * width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, text: TextFeatures, structure: Structure) -> States:
        """Return the states of the nodes, (batch, n_nodes, width)."""
        views = self.dropout(self.linear(text.pooled))
        return structure(views.unflatten(-1, (self.n_nodes, -1)))


class FactorisedProjection(nn.Module):
    """A view of the text for each node, of few weights: V_k = s_k * (W x + b) + e_k, by element.

    What `LabelProjection` gives if its matrix for node k is diag(s_k) W: n_nodes and the text's
    width add up instead of being multiplied.
    """

    def __init__(self, text_width: int, n_nodes: int, width: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.linear = nn.Linear(text_width, width)
        self.scale = nn.Parameter(torch.randn(n_nodes, width))
        self.shift = nn.Parameter(torch.zeros(n_nodes, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, text: TextFeatures, structure: Structure) -> States:
        """Return the states of the nodes, (batch, n_nodes, width)."""
        view = self.linear(text.pooled)[:, None, :]
        return structure(self.dropout(view * self.scale + self.shift))


class ReplicateProject(nn.Module):
    """The same view of the text for all nodes, mixed by a matrix between nodes; Zhu et al. 2023.

    H0 = W_dup (1 p') + b_dup with p = W x + b. All rows of 1 p' are equal, so W_dup acts by its row
    sums alone: with `scalar` there are only these, the same functions with 2 n_nodes weights
    instead of n_nodes^2 + n_nodes (and another dropout while training).
    """

    def __init__(
        self, text_width: int, n_nodes: int, width: int, dropout: float = 0.1, *,
        scalar: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.n_nodes, self.scalar = n_nodes, scalar
        self.linear = nn.Linear(text_width, width)
        self.dropout = nn.Dropout(dropout)
        self.copies = nn.Linear(1 if scalar else n_nodes, n_nodes)

    def forward(self, text: TextFeatures, structure: Structure) -> States:
        """Return the states of the nodes, (batch, n_nodes, width)."""
        view = self.linear(text.pooled)[:, None, :]  # (batch, 1, width)
        if not self.scalar:
            view = view.expand(-1, self.n_nodes, -1)
        mixed = self.copies(self.dropout(view).transpose(1, 2))  # (batch, width, n_nodes)
        return structure(self.dropout(mixed.transpose(1, 2)))

    @torch.no_grad()
    def scalars(self) -> ReplicateProject:
        """Return the same fusion with row sums instead of the matrix."""
        text_width, width = self.linear.in_features, self.linear.out_features
        short = ReplicateProject(text_width, self.n_nodes, width, self.dropout.p, scalar=True)
        short.linear.load_state_dict(self.linear.state_dict())
        short.copies.weight.copy_(self.copies.weight.sum(1, keepdim=True))
        short.copies.bias.copy_(self.copies.bias)
        return short


class LabelAttention(nn.Module):
    """Label embeddings pass the structure, then attend to the words; Zhou et al. 2020, sec. 3.3.1.

        A = softmax over tokens of (S L'),   U = A S,   S = tokens projected to the labels' width

    Attention needs several positions: over a single one it would be 1 whatever the label.

    Parameters
    ----------
    dropout
        Of U, the labels' views of the text, where `LabelProjection` has it too. The authors' code
        drops logits instead.
    """

    def __init__(self, text_width: int, n_nodes: int, width: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.empty(n_nodes, width))
        nn.init.kaiming_uniform_(self.embedding)
        self.linear = nn.Linear(text_width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, text: TextFeatures, structure: Structure) -> States:
        """Return the states of the nodes, (batch, n_nodes, width).

        Raises
        ------
        ParameterError
            If it is to learn from texts without vectors of words.
        """
        if self.training and text.tokens.shape[1] < 2:
            raise ParameterError(
                "Label attention looks at the words of a text, of which this encoder keeps no"
                f" vectors. {WITH_TOKENS}."
            )
        labels = structure(self.embedding[None])
        words = self.linear(text.tokens)
        nodes = self._read(words, text.mask, labels.nodes)
        layers = (
            nodes if layer is labels.nodes else self._read(words, text.mask, layer)
            for layer in labels.layers
        )  # fmt: skip
        return States(nodes, tuple(layers))

    def attention(self, words: Tensor, mask: Tensor, labels: Tensor) -> Tensor:
        """Return the share of each word (batch, n_labels, n_tokens); rows sum to 1."""
        scores = labels @ words.transpose(1, 2)
        lowest = torch.finfo(scores.dtype).min
        return scores.masked_fill(~mask[:, None, :], lowest).softmax(-1)

    def _read(self, words: Tensor, mask: Tensor, labels: Tensor) -> Tensor:
        views: Tensor = self.dropout(self.attention(words, mask, labels) @ words)
        return views
