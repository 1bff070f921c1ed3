"""Why a forest over documents gives a label: the words behind the splits, and the leaves' shares.

The contributions are exact. What sends a document to one side of a hyperplane is the bias plus the
sum of feature times weight; what sends it to one centroid rather than to the next best is the sum
of feature times the difference of both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from labeltree.core.arrays import CSR, Doubles, for_kernel
from labeltree.core.model import BaseModel
from labeltree.grow.pifa import unit_rows
from labeltree.kernels.sparse import Rows
from labeltree.linear.instance_forest import InstanceForest
from labeltree.run.case import Case, Words, finite


@dataclass(frozen=True)
class Split:
    """A node that the document passed."""

    margin: float
    """Bias plus contributions: how clearly the document belongs on the side it went to."""
    bias: float
    words: Words
    """Terms and what they add to the margin, the largest first."""


@dataclass(frozen=True)
class Way:
    """The way of the document down one tree."""

    tree: int
    """Number of the tree, from 0."""
    share: float
    """The tree's vote: mean relevance of the label in the leaf."""
    leaf: Words
    """Labels of the leaf and their shares, the largest first."""
    splits: list[Split]


@dataclass(frozen=True)
class Centre:
    """What the tail classifier of PfastreXML says."""

    score: float
    """1 / (1 + exp(gamma/2 distance)), or with gamma as the model says."""
    distance: float
    """Square of the distance between document and label centre: length - sum of words."""
    length: float
    """Squared lengths of both."""
    words: Words
    """Terms that both have, and by how much they bring them nearer, the largest first."""


@dataclass(frozen=True)
class ForestExplanation:
    """The trees whose leaves hold a label."""

    label: str
    name: str
    rank: int | None
    """The label's rank in the model's answer, from 1; None if the model does not rank it."""
    answer: float
    """The model's score."""
    share: float
    """Mean vote of all trees."""
    n_trees: int
    words: Words
    """Terms and what they add to the margins along `ways`, the largest first."""
    ways: list[Way]
    """Of the trees that vote for the label, the largest vote first."""
    centre: Centre | None
    """None for forests without tail classifiers."""

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {k: finite(v) for k, v in asdict(self).items()}


class ForestCase(Case):
    """A forest over documents and one document."""

    def __init__(self, model: BaseModel, document: Any, texts: Sequence[str] | None = None) -> None:
        super().__init__(model, document, texts)
        self.forest: InstanceForest = self.inner.forest_
        self.x: CSR = self.inner.seen(self.row)
        self.leaves = self.forest.leaves(Rows(*for_kernel(self.x)))[0]

    def explained(self, column: int) -> ForestExplanation:
        """Explain a label by the trees whose leaves hold it."""
        shares = np.array([self._share(leaf, column) for leaf in self.leaves.tolist()])
        voting = np.argsort(-shares, kind="stable")[: np.count_nonzero(shares)]
        ways = [self._way(int(tree), float(shares[tree])) for tree in voting]
        total: defaultdict[str, float] = defaultdict(float)
        for word, part in (word for way in ways for split in way.splits for word in split.words):
            total[word] += part
        rank, answer = self.answer(column)
        return ForestExplanation(
            label=self.labels.ids[column],
            name=self.labels.names[column],
            rank=rank,
            answer=answer,
            share=float(shares.mean()),
            n_trees=len(shares),
            words=_sorted(total.items()),
            ways=ways,
            centre=self._centre(column),
        )

    def _share(self, leaf: int, column: int) -> float:
        label, share = self.forest.shares_of(leaf)
        return float(share[label == column].sum())

    def _way(self, tree: int, share: float) -> Way:
        leaf = int(self.leaves[tree])
        label, shares = self.forest.shares_of(leaf)
        names = [self.labels.names[c] for c in label.tolist()]
        path = self.forest.path(leaf)
        return Way(
            tree=tree,
            share=share,
            leaf=list(zip(names, shares.tolist(), strict=True)),
            splits=[self._split(tree, *step) for step in zip(path, path[1:], strict=False)],
        )

    def _split(self, tree: int, node: int, taken: int) -> Split:
        first, n_children = int(self.forest.child[node]), int(self.forest.n_children[node])
        if not len(self.forest.seeds):
            towards = 1.0 if taken == first else -1.0
            parts = self._products(self.x.indices, self.x.data, node)
            return self._told(towards * float(self.forest.bias[node]), towards * parts)
        columns, values = self.forest.hashed(self.x, tree)
        found = {c: self._products(columns, values, c) for c in range(first, first + n_children)}
        rival = max((c for c in found if c != taken), key=lambda c: float(found[c].sum()))
        return self._told(0.0, found[taken] - found[rival])

    def _products(self, columns: NDArray[Any], values: NDArray[Any], node: int) -> Doubles:
        """Return what each entry of the document adds to its product with a node's vector."""
        feature, weight = self.forest.vector_of(node)
        if not len(feature):
            return np.zeros(len(columns))
        at = np.minimum(np.searchsorted(feature, columns), len(feature) - 1)
        return np.where(feature[at] == columns, weight[at].astype(np.float64) * values, 0.0)

    def _told(self, bias: float, parts: Doubles) -> Split:
        used = np.flatnonzero(parts)
        features = self.x.indices[used].tolist()
        words = _sorted(self.named(zip(features, parts[used].tolist(), strict=True)))
        return Split(margin=bias + float(parts.sum()), bias=bias, words=words)

    def _centre(self, column: int) -> Centre | None:
        centres = getattr(self.inner, "centres_", None)
        if centres is None:
            return None
        x, mu = unit_rows(self.row), csr_array(centres[:, [column]].T)
        common = x.multiply(mu).tocsr()
        length = float((x.data.astype(float) ** 2).sum() + (mu.data.astype(float) ** 2).sum())
        parts = zip(common.indices.tolist(), (2.0 * common.data).tolist(), strict=True)
        distance = length - 2.0 * float(common.sum())
        score = float(np.exp(-np.logaddexp(0, self.inner.sharpness * distance)))
        return Centre(score, distance, length, _sorted(self.named(parts)))


def _sorted(words: Any) -> Words:
    return sorted(words, key=lambda word: (-word[1], word[0]))
