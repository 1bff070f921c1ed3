"""Why a model of shared bits scores a label: the words through each of the label's buckets.

Each bucket has a linear classifier, whose margin is the bias plus the sum of feature times weight;
what the buckets say together is the label's score. A bucket speaks for all labels in it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from labeltree.linear.bits import BitEvidence
from labeltree.run.case import Case, Words, finite


@dataclass(frozen=True)
class Bucket:
    """One of the label's buckets, or bits."""

    value: float
    """What its classifier says: a probability; with count sketches what stands in it."""
    margin: float
    """Bias plus contributions; the value is made of it."""
    bias: float
    words: Words
    """Terms and what they add to the margin, the largest first."""
    sharing: list[str]
    """The other labels in it, the most frequent first."""


@dataclass(frozen=True)
class BitsExplanation:
    """What the buckets of a label say, and why."""

    label: str
    name: str
    rank: int | None
    """The label's rank in the model's answer, from 1; None if the model does not rank it."""
    answer: float
    """The model's score, in (0, 1]; 0 if it does not rank the label."""
    score: float
    """What the buckets say together, before it is brought to (0, 1]."""
    together: str
    """How: their mean, min or median, or the unbiased estimate that the mean allows."""
    words: Words
    """Terms and what they add to the margins of all buckets, the largest first."""
    buckets: list[Bucket]
    """The highest value first."""

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {k: finite(v) for k, v in asdict(self).items()}


class BitsCase(Case):
    """A model of shared bits and one document."""

    def explained(self, column: int) -> BitsExplanation:
        """Explain a label by its buckets."""
        found = self.inner.evidence(self.row, column)
        buckets = sorted((self._bucket(one, column) for one in found), key=lambda b: -b.value)
        total: defaultdict[str, float] = defaultdict(float)
        for word, part in (word for bucket in buckets for word in bucket.words):
            total[word] += part
        rank, answer = self.answer(column)
        return BitsExplanation(
            label=self.labels.ids[column],
            name=self.labels.names[column],
            rank=rank,
            answer=answer,
            score=self.inner.together(np.array([one.value for one in found])),
            together=self.inner.how,
            words=_sorted(total.items()),
            buckets=buckets,
        )

    def _bucket(self, evidence: BitEvidence, column: int) -> Bucket:
        others = evidence.carriers[evidence.carriers != column]
        others = others[np.argsort(-self.labels.counts[others], kind="stable")]
        words = self.named(zip(evidence.feature.tolist(), evidence.part.tolist(), strict=True))
        return Bucket(
            value=evidence.value,
            margin=evidence.bias + float(evidence.part.sum()),
            bias=evidence.bias,
            words=_sorted(words),
            sharing=[self.labels.names[c] for c in others.tolist()],
        )


def _sorted(words: Any) -> Words:
    return sorted(words, key=lambda word: (-word[1], word[0]))
