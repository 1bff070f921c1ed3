"""How `labeltree explain` shows a forest over documents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from labeltree.cli.words import Line, headline, spelled

if TYPE_CHECKING:
    from labeltree.run.explain_forest import ForestExplanation, Split, Way


def forest_title(explanation: ForestExplanation) -> str:
    """Return the label, its score and rank, and how many trees vote for it."""
    votes = f"in the leaves of {len(explanation.ways)} of {explanation.n_trees} trees"
    return f"{headline(explanation)}, {votes}: mean share {explanation.share:.3f}"


def forest_lines(explanation: ForestExplanation, n_words: int) -> Iterator[Line]:
    """Yield the words of all ways, the tree that votes most, and the tail classifier."""
    if explanation.ways:
        yield 0, f"words on the ways there: {spelled(explanation.words, n_words)}", []
        yield from _way(explanation.ways[0], n_words)
    if explanation.centre is not None:
        centre = explanation.centre
        told = f"squared distance {centre.distance:.2f} from the label's centre"
        shared = f"{centre.length:.2f} less {spelled(centre.words, n_words, sign='')}"
        yield 0, f"tail classifier {centre.score:.3g}: {told}", [shared]


def _way(way: Way, n_words: int) -> Iterator[Line]:
    leaf = ", ".join(f"{name} {share:.2f}" for name, share in way.leaf[:n_words])
    yield 0, f"tree {way.tree + 1} votes {way.share:.3f}", [f"its leaf: {leaf}"]
    for depth, split in enumerate(way.splits):
        yield depth + 1, _split(split, n_words), []


def _split(split: Split, n_words: int) -> str:
    bias = f"bias {split.bias:+.2f}; " if split.bias else ""
    return f"margin {split.margin:.2f}  ({bias}{spelled(split.words, n_words)})"
