"""How `labeltree explain` shows words behind codes, buckets and nearest neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from labeltree.cli.words import Line, headline, spelled

if TYPE_CHECKING:
    from labeltree.run.explain_bits import BitsExplanation, Bucket
    from labeltree.run.explain_embedding import EmbeddingExplanation
    from labeltree.run.explain_neighbours import Neighbour, NeighbourExplanation

TEXT_SHOWN = 90
"""Characters of a training text."""


def embedding_lines(explanation: EmbeddingExplanation, n_words: int) -> Iterator[Line]:
    """Yield the words and what else makes the score."""
    shown, left = explanation.words[:n_words], explanation.words[n_words:]
    terms = [f"rest {explanation.rest:+.2f}", spelled(shown, n_words)]
    if left:
        more = sum(part for _, part in left)
        terms.append(f"{_counted(len(left), 'other word')} {more:+.2f}")
    beside = ", ".join(explanation.beside)
    given = [f"given that these are chosen too: {beside}"] if beside else []
    yield 0, f"score {explanation.score:.3f}  ({'; '.join(terms)})", given


def bits_title(explanation: BitsExplanation) -> str:
    """Return the label, its score and rank, and how many buckets it has."""
    n = len(explanation.buckets)
    how = "unbiased estimate" if explanation.together == "unbiased" else explanation.together
    return f"{headline(explanation)}, {how} of {_counted(n, 'bucket')}: {explanation.score:.3f}"


def bits_lines(explanation: BitsExplanation, n_words: int) -> Iterator[Line]:
    """Yield the words through all buckets, then each bucket."""
    yield 0, f"words through all buckets: {spelled(explanation.words, n_words)}", []
    for bucket in explanation.buckets:
        yield 1, _bucket(bucket, n_words), [_shared(bucket, n_words)]


def _bucket(bucket: Bucket, n_words: int) -> str:
    why = f"bias {bucket.bias:+.2f}; {spelled(bucket.words, n_words)}"
    return f"bucket {bucket.value:.3f}  (margin {bucket.margin:+.2f}: {why})"


def _shared(bucket: Bucket, n_words: int) -> str:
    if not bucket.sharing:
        return "of this label alone"
    more = len(bucket.sharing) - n_words
    return f"shared with {', '.join(bucket.sharing[:n_words])}" + (f" and {more} more" * (more > 0))


def neighbour_title(explanation: NeighbourExplanation) -> str:
    """Return the label, its score and rank, and how many neighbours carry it."""
    carrying = len(explanation.neighbours)
    n = carrying + len(explanation.others)
    return f"{headline(explanation)}, carried by {carrying} of {_counted(n, 'nearest document')}"


def neighbour_lines(explanation: NeighbourExplanation, n_shown: int) -> Iterator[Line]:
    """Yield the neighbours that carry the label, or the nearest that do not."""
    found = explanation.neighbours or explanation.others
    for neighbour in found[:n_shown]:
        yield 0, _voter(neighbour, explanation.nearness), _text(neighbour)
    if explanation.neighbours[n_shown:]:
        votes = [neighbour.vote for neighbour in explanation.neighbours[n_shown:]]
        yield 0, f"{len(votes)} more, votes {sum(votes):.3f}", []
    if found and explanation.lacks_texts:
        yield 0, "the model keeps no texts: --train DATA shows them", []


def _voter(neighbour: Neighbour, nearness: str) -> str:
    near = f"{nearness} {neighbour.nearness:.2f}"
    labels = ", ".join(neighbour.labels) or "no label"
    return f"document {neighbour.row}, vote {neighbour.vote:.3f}  ({near}): {labels}"


def _text(neighbour: Neighbour) -> list[str]:
    if neighbour.text is None:
        return []
    text = " ".join(neighbour.text.split())
    return [text if len(text) <= TEXT_SHOWN else text[: TEXT_SHOWN - 4] + " ..."]


def _counted(n: int, what: str) -> str:
    return f"{n} {what}" + "s" * (n != 1)
