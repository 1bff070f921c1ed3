"""Seeded data sets shaped like the field's, with features and labels that belong together.

synthetic.py SHAPE FOLDER [--seed 0]

A hidden tree of topics stands behind each: coarse topics, their parts, their labels, which follow a
power law. A document has a first label by popularity and more from its neighbourhood; its words
come from its labels, from the topics above them and from a Zipf background. Some labels are then
dropped and some wrong ones added, as people do. Features are TF-IDF, rows of length 1.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

SHARES = (0.70, 0.08, 0.11, 0.11)  # of words: background, coarse topic, part, label
DROPPED, WRONG = 0.2, 0.12


class Shape(NamedTuple):
    n_train: int
    n_test: int
    n_features: int
    n_labels: int
    labels: float
    """A document, on average."""
    words: int
    """A document, on average, repeated ones included."""
    parts: int
    coarse: int
    own_words: int
    """Words that speak for a label."""


SHAPES = {
    "eurlex": Shape(15_000, 3_800, 5_000, 4_000, 5.3, 320, 200, 20, 8),
    "wiki10": Shape(14_000, 6_600, 100_000, 31_000, 18.6, 950, 1_500, 40, 8),
    "amazon670k": Shape(490_000, 20_000, 136_000, 670_000, 5.5, 110, 20_000, 200, 8),
}


def with_fewer_labels(shape: Shape, n_labels: int) -> Shape:
    """Return the shape with labels, topics and documents reduced alike."""
    share = n_labels / shape.n_labels
    return shape._replace(
        n_train=round(shape.n_train * share), n_labels=n_labels,
        parts=round(shape.parts * share), coarse=max(1, round(shape.coarse * share)),
    )  # fmt: skip


SHAPES |= {
    f"amazon{n // 1000}k": with_fewer_labels(SHAPES["amazon670k"], n)
    for n in (10_000, 40_000, 160_000)
}
"""As many documents a label in each: what more labels cost."""


def zipf(n: int, power: float) -> np.ndarray:
    """Return cumulated shares of ranks 1 to n."""
    shares = np.arange(1, n + 1) ** -power
    return np.cumsum(shares / shares.sum())


def drawn(cumulated: np.ndarray, size: object, rng: np.random.Generator) -> np.ndarray:
    return np.minimum(np.searchsorted(cumulated, rng.random(size)), len(cumulated) - 1)


class Topics:
    """Labels in order of their parts, parts in order of their coarse topics."""

    def __init__(self, shape: Shape, rng: np.random.Generator) -> None:
        self.part_of = np.sort(rng.integers(0, shape.parts, shape.n_labels))
        self.coarse_of = np.sort(rng.integers(0, shape.coarse, shape.parts))
        popularity = rng.permutation(np.arange(1, shape.n_labels + 1) ** -0.9)
        self.cumulated = np.concatenate([[0], np.cumsum(popularity / popularity.sum())])
        coarse = self.coarse_of[self.part_of]
        self.ends = [
            (np.searchsorted(g, g, "left"), np.searchsorted(g, g, "right"))
            for g in (self.part_of, coarse, np.zeros(shape.n_labels, int))
        ]

    def near(self, label: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Draw a label by popularity from the part, the coarse topic or all labels."""
        reach = np.searchsorted([0.6, 0.85], rng.random(len(label)))
        low, high = (np.choose(reach, [ends[side][label] for ends in self.ends]) for side in (0, 1))
        at = rng.uniform(self.cumulated[low], self.cumulated[high])
        return np.clip(np.searchsorted(self.cumulated, at) - 1, low, high - 1)


def generate(shape: Shape, seed: int) -> tuple[sp.csr_matrix, sp.csr_matrix]:
    """Return (X, Y), training documents first."""
    rng = np.random.default_rng(seed)
    topics, n = Topics(shape, rng), shape.n_train + shape.n_test
    counts = np.maximum(1, rng.poisson(1.1 * shape.labels, n))
    doc = np.repeat(np.arange(n), counts)
    start = np.cumsum(counts) - counts
    label = np.searchsorted(topics.cumulated, rng.random(n))[doc] - 1
    others = np.ones(len(doc), bool)
    others[start] = False
    label[others] = topics.near(label[others], rng)
    shares, speaks = np.cumsum(SHARES), zipf(shape.n_features, 0.5)
    sizes = (shape.coarse, 120), (shape.parts, 30), (shape.n_labels, shape.own_words)
    lists = [drawn(speaks, size, rng) for size in sizes]
    word_of, background = rng.permutation(shape.n_features), zipf(shape.n_features, 1.0)
    blocks = []
    for begin in range(0, n, 5000):
        end = min(n, begin + 5000)
        length = np.maximum(5, rng.lognormal(np.log(shape.words) - 0.1, 0.45, end - begin))
        row = np.repeat(np.arange(end - begin), length.astype(int))
        mine = label[start[begin + row] + (rng.random(len(row)) * counts[begin + row]).astype(int)]
        word, kind = drawn(background, len(row), rng), np.searchsorted(shares, rng.random(len(row)))
        part = topics.part_of[mine]
        for k, owner in enumerate((topics.coarse_of[part], part, mine), 1):
            here = np.flatnonzero(kind == k)
            rank = (rng.random(len(here)) ** 2 * lists[k - 1].shape[1]).astype(int)
            word[here] = lists[k - 1][owner[here], rank]
        ones = np.ones(len(row), np.float32)
        shape_of_block = (end - begin, shape.n_features)
        blocks.append(sp.csr_matrix((ones, (row, word_of[word])), shape_of_block))
    wrong = rng.random(len(label)) < WRONG
    label[wrong] = topics.near(label[wrong], rng)
    kept = rng.random(len(label)) >= DROPPED
    kept[start] = True
    pairs = (np.ones(kept.sum(), np.float32), (doc[kept], label[kept]))
    Y = sp.csr_matrix(pairs, (n, shape.n_labels))
    Y.data[:] = 1
    return tfidf(sp.vstack(blocks, format="csr"), shape.n_train), Y


def tfidf(counts: sp.csr_matrix, n_train: int) -> sp.csr_matrix:
    """Return sublinear TF-IDF, frequencies from the training documents."""
    frequency = np.bincount(counts[:n_train].indices, minlength=counts.shape[1])
    idf = np.log((1 + n_train) / (1 + frequency)) + 1
    X = counts.copy()
    X.data = ((1 + np.log(X.data)) * idf[X.indices]).astype(np.float32)
    length = np.sqrt(np.asarray(X.multiply(X).sum(axis=1)).ravel())
    X.data /= np.repeat(np.maximum(length, 1e-12), np.diff(X.indptr)).astype(np.float32)
    return X


def write(name: str, folder: Path, seed: int = 0) -> None:
    """Write X_train, Y_train, X_test, Y_test .npz."""
    shape = SHAPES[name]
    X, Y = generate(shape, seed)
    folder.mkdir(parents=True, exist_ok=True)
    for part, rows in (("train", slice(0, shape.n_train)), ("test", slice(shape.n_train, None))):
        sp.save_npz(folder / f"X_{part}.npz", X[rows], compressed=False)
        sp.save_npz(folder / f"Y_{part}.npz", Y[rows], compressed=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    write(arguments.shape, arguments.folder, arguments.seed)
