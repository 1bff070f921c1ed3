"""A small encoder, a small head and a small model that tests of networks share."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from labeltree.core.arrays import as_csr
from labeltree.core.inputs import checked_features, checked_texts
from labeltree.core.params import Params, whole
from labeltree.core.store import storable
from labeltree.grow import GivenOrGrown
from labeltree.nn.answers import Order
from labeltree.nn.batches import TrainingData
from labeltree.nn.documents import FeatureDocuments, TokenDocuments
from labeltree.nn.fusion import TextFeatures
from labeltree.nn.head import HeadNetwork
from labeltree.nn.model import NeuralModel
from labeltree.nn.network import Network
from labeltree.nn.recipe import Recipe
from labeltree.nn.text_encoder import TextEncoder

RECIPE = Recipe(
    epochs=3, batch_size=4, lr=0.01, head_lr=0.05, weight_decay=0.01, warmup=0.1,
    schedule="linear", clip=1.0, accumulate=1, patience=0, precision="fp32", device="cpu", seed=0,
    checkpoints="", save_every=0, log="",
)  # fmt: skip


class BagEncoder(TextEncoder):
    """The mean of word vectors, with dropout; its first layer plays the pretrained part."""

    def __init__(self, n_words=50, width=8, dropout=0.1):
        super().__init__()
        self.width = width
        self.table = nn.Embedding(n_words, width)
        self.norm, self.mix = nn.LayerNorm(width), nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, batch):
        tokens = self.dropout(self.norm(self.table(batch.ids)))
        weight = batch.mask[..., None].to(tokens.dtype)
        pooled = self.mix((tokens * weight).sum(1) / weight.sum(1))
        return TextFeatures(pooled, tokens, batch.mask)

    def base_parameters(self):
        return [self.table.weight]


class LinearHead(HeadNetwork):
    def __init__(self, width, n_labels):
        super().__init__()
        self.linear = nn.Linear(width, n_labels)

    def forward(self, text):
        return self.linear(text.pooled)


class LabelReadingHead(LinearHead):
    """Answers by what labels are described by too; forgets it when training is over."""

    def __init__(self, width, n_labels):
        super().__init__(width, n_labels)
        self.side = nn.Linear(width, width)
        self.seen = []

    def see_labels(self, features):
        self.seen.append(features)

    def loss(self, text, y):
        assert not self.seen[-1].requires_grad
        match = text.pooled @ self.side(self.seen[-1]).T
        return super().loss(text, y) + nn.functional.binary_cross_entropy_with_logits(match, y)

    def drop_training_parts(self):
        del self.side
        self.seen = []


def documents(n=20, n_words=50, seed=0, longest=9):
    rng = np.random.default_rng(seed)
    ptr = np.concatenate([[0], np.cumsum(rng.integers(1, longest, n))])
    ids = rng.integers(1, n_words, ptr[-1]).astype(np.int32)
    return TokenDocuments.of(ids, ptr, 0, 0)


def learnable(n=20, n_labels=5, seed=0, **options):
    """Return documents whose labels are the first words they hold, modulo n_labels."""
    found = documents(n, seed=seed, **options)
    Y = np.zeros((n, n_labels))
    Y[np.arange(n), found.ids[found.ptr[:-1]] % n_labels] = 1
    return TrainingData(found, as_csr(Y, "Y"))


def network(n_labels=5, seed=0, head=LinearHead, **options):
    torch.manual_seed(seed)
    encoder = BagEncoder(**options)
    return Network(encoder, head(encoder.width, n_labels))


def flat_order(n_labels=5):
    return Order(np.arange(n_labels), 0, n_labels)


# ---- a model -------------------------------------------------------------------------------------


@storable
@dataclass(frozen=True, eq=False)
class ToyReading:
    terms: tuple[str, ...]
    width: int

    def read(self, X):
        number = {word: i + 2 for i, word in enumerate(self.terms)}
        rows = [[number.get(w, 1) for w in text.split()] for text in checked_texts(X)]
        ptr = np.concatenate([[0], np.cumsum([len(row) for row in rows], dtype=np.int64)])
        return TokenDocuments.of(np.array([i for r in rows for i in r], np.int32), ptr, 0, 1)

    def module(self, pretrained, seed):
        return BagEncoder(len(self.terms) + 2, self.width, 0.0)


@dataclass
class ToyEncoder(Params):
    """Words, and the mean of their vectors."""

    takes: ClassVar[Any] = "text"
    width: int = whole(1, 16)

    def prepare(self, X, seed):
        return ToyReading(tuple(sorted({w for text in X for w in text.split()})), self.width)


@dataclass
class ToyHead(Params):
    closes: bool = False
    refresh_labels: int = 0
    refresh_share: float = 1.0

    def build(self, graph, text_width):
        kind = LabelReadingHead if self.refresh_labels else LinearHead
        network = kind(text_width, graph.n_labels)
        network.graph = graph
        return network


@dataclass(eq=False)
class ToyFlat(NeuralModel):
    encoder: Any = field(default_factory=ToyEncoder)
    tree: Any = field(default_factory=GivenOrGrown)
    device: str = "cpu"
    epochs: int = whole(1, 15)
    batch_size: int = whole(1, 8)
    head_lr: float = 0.05
    lr: float = 0.05
    closes: bool = False
    refresh_labels: int = 0

    def head(self):
        return ToyHead(self.closes, self.refresh_labels)


class FeatureEncoder(TextEncoder):
    def __init__(self, n_features, width=8):
        super().__init__()
        self.width = width
        self.linear = nn.Linear(n_features, width)

    def forward(self, batch):
        pooled = self.linear(batch.features).tanh()
        return TextFeatures(pooled, pooled[:, None], torch.ones(len(pooled), 1, dtype=torch.bool))


@storable
@dataclass(frozen=True, eq=False)
class ToyFeatureReading:
    n_features: int

    def read(self, X):
        return FeatureDocuments(checked_features(X, self.n_features))

    def module(self, pretrained, seed):
        return FeatureEncoder(self.n_features)


@dataclass
class ToyFeatures(Params):
    """Features, one layer."""

    takes: ClassVar[Any] = "features"

    def prepare(self, X, seed):
        return ToyFeatureReading(X.shape[1])
