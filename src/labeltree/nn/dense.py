"""Perceptrons over features: what reads TF-IDF, and what C-HMCNN reads."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from labeltree.core.arrays import Floats
from labeltree.nn.documents import TextBatch
from labeltree.nn.fusion import TextFeatures
from labeltree.nn.text_encoder import TextEncoder, without_tokens


class SparseLinear(nn.Module):
    """A linear map of sparse features, in time proportional to the entries that are there.

    Parameters
    ----------
    length
        How long rows of features are, in the root mean square. Weights begin such that outputs are
        as large as `nn.Linear` makes them of standardised inputs.
    """

    def __init__(self, n_features: int, width: int, length: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_features, width))
        self.bias = nn.Parameter(torch.zeros(width))
        nn.init.uniform_(self.weight, -1 / length, 1 / length)

    def forward(self, batch: TextBatch) -> Tensor:
        """Return (batch, width)."""
        summed = F.embedding_bag(
            batch.ids, self.weight, per_sample_weights=batch.features, mode="sum"
        )
        return summed + self.bias


class StandardLinear(nn.Module):
    """A linear map of features that are standardised first.

    Parameters
    ----------
    mean, scale
        Subtracted from each feature, then multiplied with it, (n_features,).
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, mean: Floats, scale: Floats, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean), False)
        self.register_buffer("scale", torch.tensor(scale), False)
        self.linear = nn.Linear(len(mean), width)

    def forward(self, batch: TextBatch) -> Tensor:
        """Return (batch, width)."""
        mapped: Tensor = self.linear((batch.features - self.mean) * self.scale)
        return mapped


class MlpEncoder(TextEncoder):
    """Layers of linear map, ReLU and dropout.

    Parameters
    ----------
    first
        The linear map of the first layer, which reads the batch.
    width
        Of all layers.
    """

    def __init__(self, first: nn.Module, width: int, n_layers: int, dropout: float) -> None:
        super().__init__()
        self.width = width
        self.first = first
        self.others = nn.ModuleList(nn.Linear(width, width) for _ in range(n_layers - 1))
        self.dropout = nn.Dropout(dropout)

    def forward(self, batch: TextBatch) -> TextFeatures:
        """Return a vector for each text."""
        x = self.dropout(self.first(batch).relu())
        for linear in self.others:
            x = self.dropout(linear(x).relu())
        return without_tokens(x)
