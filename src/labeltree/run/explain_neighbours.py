"""Why nearest neighbours give a label: the training documents that carry it, and their votes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from labeltree.core.errors import DataError
from labeltree.core.model import BaseModel
from labeltree.run.case import Case, finite


@dataclass(frozen=True)
class Neighbour:
    """A training document near the one explained."""

    row: int
    """Its row in the training data, from 0."""
    vote: float
    """What it gives each of its labels."""
    nearness: float
    """Mean over the spaces that found it of the cosine, or of the squared distance."""
    labels: list[str]
    text: str | None
    """None where the training texts are not at hand."""


@dataclass(frozen=True)
class NeighbourExplanation:
    """Who votes for a label; the votes add up to its score."""

    label: str
    name: str
    rank: int | None
    """The label's rank in the model's answer, from 1; None if no neighbour carries it."""
    answer: float
    """The model's score, in (0, 1]; 0 if no neighbour carries the label."""
    score: float
    """Sum of the votes of `neighbours`."""
    nearness: str
    """What tells who is near: cosine, or squared distance."""
    neighbours: list[Neighbour]
    """Those that carry the label, the largest vote first."""
    others: list[Neighbour]
    """Those that do not."""
    lacks_texts: bool
    """Whether the documents were texts, and these are not at hand: a model keeps none."""

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {k: finite(v) for k, v in asdict(self).items()}


class NeighbourCase(Case):
    """A model of nearest neighbours and one document.

    Raises
    ------
    DataError
        If there are not as many texts as the model has training documents.
    """

    def __init__(self, model: BaseModel, document: Any, texts: Sequence[str] | None = None) -> None:
        super().__init__(model, document, texts)
        n_documents = len(self.inner.memory_.ptr) - 1
        if texts is not None and len(texts) != n_documents:
            raise DataError(
                f"The model was trained on {n_documents} documents, found {len(texts)} texts.",
                "Name the data it was trained on: a neighbour is known by its row.",
            )
        n_voters = self.inner.n_learners * self.inner.n_neighbours
        self.voters = self.inner.neighbours(self.row, n_voters)

    def explained(self, column: int) -> NeighbourExplanation:
        """Explain a label by the neighbours that carry it."""
        carrying: list[Neighbour] = []
        others: list[Neighbour] = []
        for place, labels in enumerate(self.voters.labels[0]):
            (carrying if column in labels else others).append(self._neighbour(place))
        rank, answer = self.answer(column)
        return NeighbourExplanation(
            label=self.labels.ids[column],
            name=self.labels.names[column],
            rank=rank,
            answer=answer,
            score=sum(neighbour.vote for neighbour in carrying),
            nearness="cosine" if self.inner.by_cosine() else "squared distance",
            neighbours=carrying,
            others=others,
            lacks_texts=self.terms is not None and self.texts is None,
        )

    def _neighbour(self, place: int) -> Neighbour:
        row, similarity = int(self.voters.row[0, place]), float(self.voters.similarity[0, place])
        return Neighbour(
            row=row,
            vote=float(self.voters.vote[0, place]),
            # Where distances count, a similarity is minus half the squared one.
            nearness=similarity if self.inner.by_cosine() else abs(-2 * similarity),
            labels=[self.labels.names[int(c)] for c in self.voters.labels[0][place]],
            text=None if self.texts is None else self.texts[row],
        )
