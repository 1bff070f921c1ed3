"""How documents become what encoders read, and what a saved model keeps of that. Needs no torch.

A reading knows vocabulary, tokenizer and architecture, not weights: with those of a saved model it
works without the network, and without the files it was made of.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from labeltree.core.arrays import Floats, Ints
from labeltree.core.errors import ParameterError
from labeltree.core.inputs import checked_features, checked_texts
from labeltree.core.pool import ThreadPool
from labeltree.core.store import storable
from labeltree.nn.words import PADDING, UNKNOWN, Words
from labeltree.text.tfidf import Tfidf, Vocabulary

if TYPE_CHECKING:
    from labeltree.nn.documents import Documents
    from labeltree.nn.text_encoder import TextEncoder

BLOCK = 4096
"""Texts tokenised at once."""
CHARACTERS = 64
"""Characters a token has at the very most: of long texts no more are tokenised at first."""


@storable
@dataclass(frozen=True, eq=False, kw_only=True)
class TransformerReading:
    """Texts for a transformer: its own tokens, nothing cleaned."""

    tokenizer: str
    """JSON, as the library `tokenizers` reads it."""
    config: str
    """JSON of the architecture."""
    pad: int
    """The token that fills short texts up, and stands in for no token."""
    max_length: int
    """Tokens read of a text, special ones included."""
    pooling: str
    dropout: float
    frozen: bool
    frozen_precision: str
    freeze_layers: int
    gradient_checkpointing: bool
    source: str = field(default="", metadata={"stored": False})
    """Where the weights were before training; unknown to a loaded model, which has its own."""

    def read(self, X: Any) -> Documents:
        """Return the tokens of texts.

        Raises
        ------
        DataError
            If X is no sequence of strings.
        """
        from labeltree.nn.documents import TokenDocuments

        texts = checked_texts(X)
        blocks = [texts[a : a + BLOCK] for a in range(0, len(texts), BLOCK)]
        parts = ThreadPool(1).map(self._tokens, blocks, what="tokenising")  # threads of its own
        ids = np.concatenate([np.empty(0, np.int32), *(ids for ids, _ in parts)])
        lengths = [length for _, lengths in parts for length in lengths]
        ptr = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
        return TokenDocuments.of(ids, ptr, self.pad, self.pad)

    def module(self, pretrained: bool, seed: int) -> TextEncoder:
        """Return the network: with the weights it comes with, or with random ones.

        Raises
        ------
        ParameterError
            If the weights cannot be loaded.
        """
        from labeltree.nn.pretrained import build, load, recompute_activations
        from labeltree.nn.transformer import TransformerEncoder, freeze

        pooler = self.pooling == "pooler"
        if pretrained and not self.source:
            raise ParameterError("A saved reading has no pretrained weights: fit again.")
        with _seeded(seed):
            model = (
                load(self.source, pooler=pooler)
                if pretrained
                else build(self.config, pooler=pooler)
            )
            encoder = TransformerEncoder(
                model, self.pooling, self.dropout, frozen=self.frozen, about=self.config,
                frozen_precision=self.frozen_precision,
            )  # fmt: skip
        freeze(model, self.freeze_layers)
        if self.gradient_checkpointing:
            recompute_activations(model)
        return encoder

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_str(self.tokenizer)
        tokenizer.enable_truncation(self.max_length)
        return tokenizer

    def _tokens(self, texts: Sequence[str]) -> tuple[Ints, list[int]]:
        """Return the tokens of some texts, one after the other, and how many each has."""
        # Lone surrogates are no characters: the tokenizer would stop at them.
        texts = [t if t.isascii() else t.encode("utf-8", "replace").decode() for t in texts]
        reach = CHARACTERS * self.max_length
        found = self._tokenizer.encode_batch_fast([text[:reach] for text in texts])
        for i, text in enumerate(texts):
            if len(text) > reach and len(found[i]) < self.max_length:  # blanks, endless words
                found[i] = self._tokenizer.encode(text)
        lengths = [len(tokens) for tokens in found]
        flat = chain.from_iterable(tokens.ids for tokens in found)
        return np.fromiter(flat, np.int32, sum(lengths)), lengths

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in vars(self).items() if k != "_tokenizer"}


@dataclass(frozen=True, eq=False, kw_only=True)
class WordReading:
    """Texts as words of a vocabulary."""

    words: Words
    max_length: int
    """Words read of a text."""
    width: int
    """Of a word's vector."""
    hidden: int
    word_dropout: float
    dropout: float
    vectors: Floats | None = field(default=None, metadata={"stored": False})
    """Vectors to begin with, (n_ids, width); None for random ones."""

    def read(self, X: Any) -> Documents:
        """Return the words of texts.

        Raises
        ------
        DataError
            If X is no sequence of strings.
        """
        from labeltree.nn.documents import TokenDocuments

        ids, ptr = self.words.read(checked_texts(X), self.max_length)
        return TokenDocuments.of(ids, ptr, PADDING, UNKNOWN)

    def _states(self, network: Any, pretrained: bool) -> Any:
        """Return word vectors and a recurrent network over them."""
        from labeltree.nn.recurrent import WordStates, embedding

        vectors = self.vectors if pretrained else None
        table = embedding(self.words.n_ids, self.width, vectors)
        return WordStates(table, network, self.word_dropout, self.dropout)

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"vectors": None}  # the trained ones are in the model


@storable
@dataclass(frozen=True, eq=False, kw_only=True)
class BiGruCnnReading(WordReading):
    """Words for a GRU with convolutions."""

    filters: int
    kernels: tuple[int, ...]
    top_k: int

    def module(self, pretrained: bool, seed: int) -> TextEncoder:
        """Return the network: with the word vectors to begin with, or with random ones."""
        from torch import nn

        from labeltree.nn.recurrent import BiGruCnnEncoder

        with _seeded(seed):
            gru = nn.GRU(self.width, self.hidden, batch_first=True, bidirectional=True)
            states = self._states(gru, pretrained)
            return BiGruCnnEncoder(states, self.filters, self.kernels, self.top_k)


@storable
@dataclass(frozen=True, eq=False, kw_only=True)
class BiLstmReading(WordReading):
    """Words for an LSTM."""

    layers: int
    pooling: str

    def module(self, pretrained: bool, seed: int) -> TextEncoder:
        """Return the network: with the word vectors to begin with, or with random ones."""
        from torch import nn

        from labeltree.nn.recurrent import BiLstmEncoder

        between = self.dropout if self.layers > 1 else 0.0
        with _seeded(seed):
            lstm = nn.LSTM(
                self.width, self.hidden, self.layers, batch_first=True, bidirectional=True,
                dropout=between,
            )  # fmt: skip
            return BiLstmEncoder(self._states(lstm, pretrained), self.pooling)


@storable
@dataclass(frozen=True, eq=False, kw_only=True)
class TfidfReading:
    """Texts as TF-IDF."""

    vocabulary: Vocabulary
    ngrams: int
    sublinear: bool
    lowercase: bool
    hidden: int
    layers: int
    dropout: float

    def read(self, X: Any) -> Documents:
        """Return the features of texts.

        Raises
        ------
        DataError
            If X is no sequence of strings.
        """
        from labeltree.nn.documents import SparseDocuments

        how = {"ngrams": self.ngrams, "sublinear": self.sublinear, "lowercase": self.lowercase}
        tfidf = Tfidf(**how)  # type: ignore[arg-type]
        tfidf.vocabulary_ = self.vocabulary
        return SparseDocuments(tfidf.transform(checked_texts(X)))

    def module(self, pretrained: bool, seed: int) -> TextEncoder:
        """Return the network, with random weights."""
        from labeltree.nn.dense import MlpEncoder, SparseLinear

        with _seeded(seed):
            first = SparseLinear(len(self.vocabulary), self.hidden)
            return MlpEncoder(first, self.hidden, self.layers, self.dropout)


@storable
@dataclass(frozen=True, eq=False, kw_only=True)
class FeatureReading:
    """Features as they are given; the network standardises them, where that is asked for."""

    n_features: int
    mean: Floats | None
    """(n_features,); None if features are not standardised."""
    scale: Floats | None
    """One over the standard deviation, (n_features,)."""
    length: float
    """Of a row, in the root mean square."""
    hidden: int
    layers: int
    dropout: float

    def read(self, X: Any) -> Documents:
        """Return the features.

        Raises
        ------
        DataError
            If X is no matrix of finite numbers, with as many columns as in training.
        """
        from labeltree.nn.documents import FeatureDocuments, SparseDocuments

        X = checked_features(X, self.n_features)
        return SparseDocuments(X) if self.mean is None else FeatureDocuments(X)

    def module(self, pretrained: bool, seed: int) -> TextEncoder:
        """Return the network, with random weights."""
        from labeltree.nn.dense import MlpEncoder, SparseLinear, StandardLinear

        with _seeded(seed):
            if self.mean is None or self.scale is None:
                first: Any = SparseLinear(self.n_features, self.hidden, self.length)
            else:
                first = StandardLinear(self.mean, self.scale, self.hidden)
            return MlpEncoder(first, self.hidden, self.layers, self.dropout)


def _seeded(seed: int) -> AbstractContextManager[None]:
    """Return a context that draws random weights from a seed, and leaves no trace outside."""
    from labeltree.nn.randomness import seeded

    return seeded(seed)
