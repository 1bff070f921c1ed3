"""Recurrent networks over word vectors.

Padding never changes a text's vector: states are computed up to each text's own end, and pooling
looks no further.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from labeltree.core.arrays import Floats
from labeltree.nn.documents import TextBatch
from labeltree.nn.fusion import TextFeatures
from labeltree.nn.text_encoder import TextEncoder, mean_of_tokens
from labeltree.nn.word_vectors import SPREAD
from labeltree.nn.words import PADDING


def embedding(n_ids: int, width: int, vectors: Floats | None) -> nn.Embedding:
    """Return a table of word vectors: those given, or random ones."""
    table = nn.Embedding(n_ids, width, padding_idx=PADDING)
    with torch.no_grad():
        if vectors is None:
            nn.init.normal_(table.weight, std=SPREAD)
        else:
            table.weight.copy_(torch.from_numpy(vectors))
        table.weight[PADDING] = 0
    return table


class WordStates(nn.Module):
    """Word vectors, then a network that runs over them both ways.

    Parameters
    ----------
    word_dropout, dropout
        Of the word vectors, and of the states.
    """

    def __init__(
        self, words: nn.Embedding, network: nn.RNNBase, word_dropout: float, dropout: float
    ) -> None:
        super().__init__()
        self.words, self.network = words, network
        self.word_dropout, self.dropout = nn.Dropout(word_dropout), nn.Dropout(dropout)
        self.width = 2 * network.hidden_size

    def forward(self, batch: TextBatch) -> Tensor:
        """Return a state for each word, both ways side by side, (batch, n_words, width)."""
        x = self.word_dropout(self.words(batch.ids))
        lengths = batch.mask.sum(1).clamp(min=1).cpu()
        # Long products of gates: kept in single precision, also inside autocast.
        with torch.autocast(x.device.type, enabled=False):
            packed = pack_padded_sequence(x.float(), lengths, True, enforce_sorted=False)
            states, _ = self.network(packed)
            padded, _ = pad_packed_sequence(states, True, total_length=x.shape[1])
        kept: Tensor = self.dropout(padded)
        return kept


class BiGruCnnEncoder(TextEncoder):
    """A GRU both ways, convolutions over its states, and the strongest answers of each filter.

    The text encoder ("TextRCNN") of HiAGM (Zhou et al., ACL 2020, section 3.1), HiMatch and HiTIN.
    Filters of width k see k // 2 zeros before and behind a text.

    A text's vector has `len(kernels) * filters * top_k` entries, a word's state has twice `hidden`.
    Heads see one width: the shorter of the two is filled up with zeros, which leaves a linear map
    of it the function it was.
    """

    def __init__(
        self, states: WordStates, filters: int, kernels: Sequence[int], top_k: int
    ) -> None:
        super().__init__()
        self.states, self.top_k = states, top_k
        self.filters = nn.ModuleList(
            nn.Conv1d(states.width, filters, kernel, padding=kernel // 2) for kernel in kernels
        )
        self.width = max(states.width, filters * top_k * len(kernels))

    def forward(self, batch: TextBatch) -> TextFeatures:
        """Return a vector for each text, and a state for each word."""
        states = self.states(batch)
        length, across = batch.mask.sum(1), states.transpose(1, 2)
        strongest = [self._strongest(filters, across, length) for filters in self.filters]
        pooled = torch.cat(strongest, -1)
        return TextFeatures(_filled(pooled, self.width), _filled(states, self.width), batch.mask)

    def _strongest(self, filters: nn.Module, states: Tensor, length: Tensor) -> Tensor:
        """Return the top_k answers of each filter, (batch, n_filters * top_k)."""
        assert isinstance(filters, nn.Conv1d)
        answers: Tensor = filters(states).relu()
        kernel = filters.kernel_size[0]
        own = length + 2 * (kernel // 2) - kernel + 1
        at = torch.arange(answers.shape[-1], device=answers.device)
        # No answer is below 0: those beyond the end never win.
        answers = answers.masked_fill(at >= own[:, None, None], 0)
        answers = _filled(answers, self.top_k)
        return answers.topk(self.top_k).values.flatten(1)


class BiLstmEncoder(TextEncoder):
    """An LSTM both ways; a text's vector is the maximum or the mean of its words' states."""

    def __init__(self, states: WordStates, pooling: str) -> None:
        super().__init__()
        self.states, self.pooling = states, pooling
        self.width = states.width

    def forward(self, batch: TextBatch) -> TextFeatures:
        """Return a vector for each text, and a state for each word."""
        states: Tensor = self.states(batch)
        if self.pooling == "mean":
            pooled = mean_of_tokens(states, batch.mask)
        else:
            lowest = torch.finfo(states.dtype).min
            pooled = states.masked_fill(~batch.mask[..., None], lowest).amax(1)
        return TextFeatures(pooled, states, batch.mask)


def _filled(x: Tensor, width: int) -> Tensor:
    """Return x with zeros behind its last dimension, up to a width."""
    missing = width - x.shape[-1]
    return F.pad(x, (0, missing)) if missing > 0 else x
