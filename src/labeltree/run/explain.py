"""Why a label, or why not: its path down the tree and the words that drove each step.

The contributions are exact: at each node of a linear tree the margin is the bias plus the sum of
feature times weight, and what two siblings differ by is the difference of these terms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np

from labeltree.core.arrays import CSR
from labeltree.core.errors import DataError
from labeltree.core.model import BaseModel
from labeltree.grow.pifa import unit_rows
from labeltree.linear.bits import BitModel
from labeltree.linear.embedding import LabelEmbedding
from labeltree.linear.instance_model import InstanceModel
from labeltree.linear.neighbour_model import NeighbourModel
from labeltree.linear.tree import LinearTree
from labeltree.run.case import Case, Words, finite, innermost
from labeltree.run.explain_bits import BitsCase, BitsExplanation
from labeltree.run.explain_embedding import EmbeddingCase, EmbeddingExplanation
from labeltree.run.explain_forest import ForestCase, ForestExplanation
from labeltree.run.explain_neighbours import NeighbourCase, NeighbourExplanation
from labeltree.run.names import node_name
from labeltree.run.walk import Level, Opened, open_node, trees_of, walk


@dataclass(frozen=True)
class Rival:
    """The sibling with the highest conditional score among those not on the path."""

    name: str
    score: float
    """Conditional score of the rival given its parent, in [0, 1]."""
    margin: float
    bias: float
    """What the biases add to the margin of the path's node over the rival's."""
    words: Words
    """What each term adds to it, the largest difference first; with `bias` it is all of it."""


@dataclass(frozen=True)
class Step:
    """One node of the path."""

    name: str
    """The label's name, or the most frequent labels below a node that is none."""
    score: float
    """Conditional score of the node given its parent, in [0, 1]."""
    margin: float
    """Bias plus contributions."""
    bias: float
    """+inf where the node was the only choice, -inf where it never was right."""
    words: Words
    """Terms and their contributions, the largest first."""
    rival: Rival | None
    """None for an only child, and where the node is always right."""


@dataclass(frozen=True)
class FellOut:
    """Where the beam search lost a path, and to whom."""

    step: int
    """Number of the step of the path that was not followed, from 0."""
    name: str
    score: float
    """Product of the conditional scores down to this node."""
    rank: int | None
    """Its rank among the nodes met on this level, from 1; None if it never was right."""
    kept: int
    """Nodes of this level that were followed."""
    last: str
    """The last node that was followed."""
    last_score: float


@dataclass(frozen=True)
class Explanation:
    """The path to a label in the tree that scores it highest."""

    label: str
    name: str
    score: float
    """Product of the steps' scores: this tree's vote, if the search found the label there."""
    tree: int
    """Number of the tree, from 0."""
    n_trees: int
    rank: int | None
    """The label's rank in the model's answer, from 1; None if no tree found it."""
    answer: float
    """The model's score: the mean of the votes, 0 from a tree that did not find the label."""
    steps: list[Step]
    fell_out: FellOut | None
    """Where this tree's search lost the path; None if it found the label."""

    def to_json(self) -> dict[str, Any]:
        """Return plain values; infinite biases become None."""
        return {k: finite(v) for k, v in asdict(self).items()}


AnyExplanation = (
    Explanation | ForestExplanation | EmbeddingExplanation | BitsExplanation | NeighbourExplanation
)
"""What `explain` returns: of a path, of leaves, of words, of buckets or of neighbours."""


def explain(
    model: BaseModel,
    document: Any,
    label: str | None = None,
    *,
    texts: Sequence[str] | None = None,
) -> AnyExplanation:
    """Explain why a label was given to a document, or why not.

    Parameters
    ----------
    model
        A fitted model, or a pipeline around one: of linear trees (or an ensemble of such), of
        trees over documents, a label embedding, shared bits, or nearest neighbours.
    document
        What the model takes: a text, or one row of features (1, n_features).
    label
        Id of the label; None explains the best one.
    texts
        Of the training documents, in their order, to be shown where they are neighbours.

    Raises
    ------
    DataError
        If the model is none of these, or the label is unknown to it or has no training documents.
    """
    case = _case(model, document, texts)
    found: AnyExplanation
    found = case.explained(case.column(label) if label is not None else case.best(1)[0])
    return found


def explain_best(
    model: BaseModel, document: Any, k: int = 3, *, texts: Sequence[str] | None = None
) -> list[AnyExplanation]:
    """Explain the k best labels of a document; see `explain`."""
    case = _case(model, document, texts)
    return [case.explained(column) for column in case.best(k)]


def n_features(model: BaseModel) -> int:
    """Return how many features a row for `explain` has.

    Raises
    ------
    DataError
        If the model cannot be explained.
    """
    inner = innermost(model)
    if _kind(model) is _LinearCase:
        return trees_of(inner)[0].linear.n_features
    found: int = inner.n_features
    return found


def _case(model: BaseModel, document: Any, texts: Sequence[str] | None) -> Case:
    model.check_fitted()
    return _kind(model)(model, document, texts)


def _kind(model: BaseModel) -> type[Case]:
    inner = innermost(model)
    kinds: dict[type, type[Case]] = {
        InstanceModel: ForestCase, LabelEmbedding: EmbeddingCase, BitModel: BitsCase,
        NeighbourModel: NeighbourCase,
    }  # fmt: skip
    return next((case for kind, case in kinds.items() if isinstance(inner, kind)), _LinearCase)


class _LinearCase(Case):
    """A model of linear trees and one document."""

    def __init__(self, model: BaseModel, document: Any, texts: Sequence[str] | None = None) -> None:
        self.trees = trees_of(innermost(model))
        super().__init__(model, document, texts)
        self.x: CSR = unit_rows(self.row)
        self.levels = cache(lambda t: walk(self.trees[t].linear, self.x, self.trees[t].beam))

    def explained(self, column: int) -> Explanation:
        """Explain the best path to a label: one the search found, else the one that scores best."""
        nodes = [
            (t, int(v)) for t, tree in enumerate(self.trees)
            for v in np.flatnonzero(tree.linear.tree.label == column)
        ]  # fmt: skip
        if not nodes:
            raise DataError(
                f"No tree of the model holds the label {self.labels.ids[column]!r}.",
                "Trees are grown from labels that training documents carry.",
            )
        found = [self._path(tree, node, column) for tree, node in nodes]
        return max(found, key=lambda e: (e.fell_out is None, e.score))

    def _path(self, tree: int, node: int, column: int) -> Explanation:
        linear = self.trees[tree].linear
        path = linear.tree.path(node)
        steps = [self._step(linear, v) for v in path]
        rank, answer = self.answer(column)
        return Explanation(
            label=self.labels.ids[column],
            name=self.labels.names[column],
            score=float(np.prod([step.score for step in steps])),
            tree=tree,
            n_trees=len(self.trees),
            rank=rank,
            answer=answer,
            steps=steps,
            fell_out=self._fell_out(tree, path, steps),
        )

    def _step(self, linear: LinearTree, node: int) -> Step:
        opened = open_node(linear, self.x, int(linear.tree.parent[node]))
        parts, bias = self._parts(linear, node)
        return Step(
            name=node_name(linear.tree, node, self.labels),
            score=float(np.exp(opened.log_scores[node - opened.first])),
            margin=bias + sum(parts.values()),
            bias=bias,
            words=sorted(self.named(parts.items()), key=lambda word: -word[1]),
            rival=self._rival(linear, node, opened),
        )

    def _rival(self, linear: LinearTree, node: int, opened: Opened) -> Rival | None:
        mine, my_bias = self._parts(linear, node)
        logs = opened.log_scores.copy()
        logs[node - opened.first] = -np.inf
        best = int(logs.argmax())
        if logs[best] == -np.inf or np.isposinf(my_bias):
            return None
        other, bias = self._parts(linear, opened.first + best)
        ahead = {f: mine.get(f, 0.0) - other.get(f, 0.0) for f in mine | other}
        return Rival(
            name=node_name(linear.tree, opened.first + best, self.labels),
            score=float(np.exp(logs[best])),
            margin=bias + sum(other.values()),
            bias=my_bias - bias,
            words=sorted(self.named(ahead.items()), key=lambda word: -abs(word[1])),
        )

    def _parts(self, linear: LinearTree, node: int) -> tuple[dict[int, float], float]:
        """Return what each feature of the document adds to a node's margin, and the bias."""
        features, weights = linear.weights.of_child(node, int(linear.tree.parent[node]))
        known, here, there = np.intersect1d(
            features, self.x.indices, assume_unique=True, return_indices=True
        )
        values = weights[here].astype(np.float64) * self.x.data[there]
        parts = dict(zip(known.tolist(), values.tolist(), strict=True))
        return parts, float(linear.weights.bias[node])

    def _fell_out(self, tree: int, path: list[int], steps: list[Step]) -> FellOut | None:
        linear, _, exact = self.trees[tree]
        for depth, node in enumerate(path):
            possible = steps[depth].margin > -np.inf
            if possible and (exact or depth == len(path) - 1):
                continue  # a beam keeps inner nodes only, and finds labels as it meets them
            levels = () if exact else self.levels(tree)
            level = levels[depth] if depth < len(levels) else Level.empty()
            at = np.flatnonzero(level.nodes == node)
            if not len(at) or at[0] >= level.n_kept:
                return self._lost(linear, steps, depth, level, at)
        return None

    def _lost(
        self, linear: LinearTree, steps: list[Step], depth: int, level: Level, at: Any
    ) -> FellOut:
        last = level.n_kept - 1
        return FellOut(
            step=depth,
            name=steps[depth].name,
            score=float(np.prod([step.score for step in steps[: depth + 1]])),
            rank=int(at[0]) + 1 if len(at) else None,
            kept=level.n_kept,
            last=node_name(linear.tree, int(level.nodes[last]), self.labels) if last >= 0 else "",
            last_score=float(np.exp(level.log_scores[last])) if last >= 0 else 0.0,
        )
