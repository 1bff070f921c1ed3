"""A pretrained transformer as text encoder."""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import Tensor, nn

from labeltree.nn.documents import Documents, Run, TextBatch, TokenDocuments
from labeltree.nn.embeddings import embedded
from labeltree.nn.fusion import TextFeatures
from labeltree.nn.text_encoder import TextEncoder, mean_of_tokens, without_tokens


class TransformerEncoder(TextEncoder):
    """The last layer of a transformer.

    Parameters
    ----------
    model
        What `transformers` calls a base model: tokens in, hidden states out.
    pooling
        What stands for a text: the `mean` of its tokens, the first one (`cls`), or what the
        model's own `pooler` makes of that.
    dropout
        Of the vectors that are given out.
    frozen
        The model is not trained: only what is built on its vectors learns.
    about
        The model's architecture, in any words.
    frozen_precision
        In which a frozen model computes the vectors that are kept: `fp32` or `bf16`.
    """

    def __init__(
        self, model: Any, pooling: str, dropout: float, *, frozen: bool = False, about: str = "",
        frozen_precision: str = "fp32",
    ) -> None:  # fmt: skip
        super().__init__()
        self.model = model
        self.pooling, self.frozen, self.about = pooling, frozen, about
        self.frozen_precision = frozen_precision
        self.width = int(model.config.hidden_size)
        self.dropout = nn.Dropout(dropout)
        if frozen:
            model.requires_grad_(False)
        self.train(self.training)

    def forward(self, batch: TextBatch) -> TextFeatures:
        """Return a vector for each text and each token; of embedded texts, the vectors given."""
        if not batch.ids.shape[1]:
            return without_tokens(self.dropout(batch.features))
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            mask = batch.mask.to(batch.ids.dtype)
            answer = self.model(input_ids=batch.ids, attention_mask=mask)
            tokens = answer.last_hidden_state.float()  # half of it inside autocast
            pooled = self._pooled(answer, tokens, batch.mask)
        return TextFeatures(self.dropout(pooled), self.dropout(tokens), batch.mask)

    def _pooled(self, answer: Any, tokens: Tensor, mask: Tensor) -> Tensor:
        if self.pooling == "mean":
            return mean_of_tokens(tokens, mask)
        if self.pooling == "cls":
            return tokens[:, 0]
        pooled: Tensor = answer.pooler_output.float()
        return pooled

    def train(self, mode: bool = True) -> Self:
        """Switch dropout on or off; never that inside a frozen model."""
        super().train(mode)
        if self.frozen:
            self.model.eval()
        return self

    def ready(self, documents: Documents, run: Run) -> Documents:
        """Return the documents as vectors, if the encoder is frozen."""
        if not self.frozen or not isinstance(documents, TokenDocuments):
            return documents
        run = run._replace(precision=self.frozen_precision)
        return embedded(self, documents, run, f"{self.pooling} {self.about}")

    def base_parameters(self) -> list[nn.Parameter]:
        """Return the weights of the model that are trained further."""
        return [p for p in self.model.parameters() if p.requires_grad]


def layers(model: nn.Module) -> nn.ModuleList:
    """Return the layers of a model, an empty list if they are not to be told from others."""
    config: Any = model.config
    n = config.num_hidden_layers
    lists = (m for m in model.modules() if isinstance(m, nn.ModuleList) and len(m) == n)
    return next(lists, nn.ModuleList())


def freeze(model: nn.Module, n_layers: int) -> None:
    """Keep the lowest layers, and the embeddings below them, as they are."""
    if not n_layers:
        return
    last = {id(p) for p in layers(model)[n_layers - 1].parameters()}
    parameters = list(model.parameters())  # in the order of the model's parts: from below
    end = max(i for i, p in enumerate(parameters) if id(p) in last)
    for parameter in parameters[: end + 1]:
        parameter.requires_grad_(False)
