"""What text encoders have in common."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from labeltree.nn.documents import Documents, Run, TextBatch
from labeltree.nn.fusion import TextFeatures


class TextEncoder(nn.Module):
    """Makes feature vectors of a batch of texts."""

    width: int
    """Length of the vectors: of a text's, and of each of its tokens'."""

    def forward(self, batch: TextBatch) -> TextFeatures:
        """Return a vector for each text, and one for each of its tokens."""
        raise NotImplementedError

    def ready(self, documents: Documents, run: Run) -> Documents:
        """Return the documents with all computed that need not be computed in each epoch."""
        return documents

    def base_parameters(self) -> list[nn.Parameter]:
        """Return weights that were trained before, and are only fine-tuned."""
        return []


def without_tokens(pooled: Tensor) -> TextFeatures:
    """Return the features of texts of which there is one vector each, (batch, width)."""
    one = torch.ones(len(pooled), 1, dtype=torch.bool, device=pooled.device)
    return TextFeatures(pooled, pooled[:, None], one)


def mean_of_tokens(tokens: Tensor, mask: Tensor) -> Tensor:
    """Return the mean over the tokens that are there, (batch, width)."""
    weight = mask[..., None].to(tokens.dtype)
    return (tokens * weight).sum(1) / weight.sum(1).clamp(min=1)
