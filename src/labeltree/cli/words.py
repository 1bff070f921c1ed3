"""What all explanations have in common when `labeltree explain` shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from labeltree.run.case import Words

Line = tuple[int, str, list[str]]
"""Depth, what is said, and remarks below it."""


class Answered(Protocol):
    """What every explanation says of its label."""

    @property
    def label(self) -> str: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def rank(self) -> int | None: ...  # noqa: D102
    @property
    def answer(self) -> float: ...  # noqa: D102


def headline(explanation: Answered) -> str:
    """Return the label, its score and its rank."""
    name = explanation.name
    if explanation.label != name:
        name += f" [{explanation.label}]"
    place = "not found" if explanation.rank is None else f"rank {explanation.rank}"
    return f"{name}  {explanation.answer:.3f} ({place})"


def spelled(words: Words, n_words: int, sign: str = "+") -> str:
    """Return the first words with what they add."""
    shown = ", ".join(f"{word} {part:{sign}.2f}" for word, part in words[:n_words])
    return shown or "no known word"
