"""Why a label embedding scores a label: what each word adds through the label's code.

A code is linear in the words and a score is linear in the code, so that a score is the sum of what
the words add, and of a rest that does not depend on the document.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from labeltree.run.case import Case, Words, finite


@dataclass(frozen=True)
class EmbeddingExplanation:
    """What words add to the score of a label; `rest` and all words add up to it."""

    label: str
    name: str
    rank: int | None
    """The label's rank in the model's answer, from 1; None if the model does not rank it."""
    answer: float
    """The model's score, in (0, 1]; 0 if it does not rank the label."""
    score: float
    """Before it is brought to (0, 1]."""
    rest: float
    """What is added whatever the document."""
    words: Words
    """Terms and what they add, the largest first."""
    beside: list[str]
    """Labels that were chosen with it, which is taken as given: by compressed_sensing only."""

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {k: finite(v) for k, v in asdict(self).items()}


class EmbeddingCase(Case):
    """A label embedding and one document."""

    def explained(self, column: int) -> EmbeddingExplanation:
        """Explain a label by the words."""
        evidence = self.inner.evidence(self.row, column)
        words = self.named(zip(evidence.feature.tolist(), evidence.part.tolist(), strict=True))
        rank, answer = self.answer(column)
        return EmbeddingExplanation(
            label=self.labels.ids[column],
            name=self.labels.names[column],
            rank=rank,
            answer=answer,
            score=evidence.rest + float(evidence.part.sum()),
            rest=evidence.rest,
            words=sorted(words, key=lambda word: (-word[1], word[0])),
            beside=[self.labels.names[c] for c in evidence.beside.tolist()],
        )
