"""What a reader skipped, merged or met: counted by part, with examples, never silent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from labeltree.core.arrays import Longs

N_EXAMPLES = 3

_SENTENCES = {
    "blank_line": ("blank line skipped", "blank lines skipped"),
    "empty_text": ("empty text skipped", "empty texts skipped"),
    "no_labels": ("document without labels kept", "documents without labels kept"),
    "repeated_label": (
        "label repeated within a document merged",
        "labels repeated within a document merged",
    ),
    "outside_universe": (
        "label occurrence outside the universe counts as a miss",
        "label occurrences outside the universe count as misses",
    ),
    "not_in_taxonomy": (
        "label that is not in the taxonomy hangs below the root",
        "labels that are not in the taxonomy hang below the root",
    ),
    "repeated_edge": (
        "repeated edge of the taxonomy merged",
        "repeated edges of the taxonomy merged",
    ),
    "unused_name": ("name belongs to no label", "names belong to no label"),
    "empty_name": (
        "empty name: the label's id is shown instead",
        "empty names: the labels' ids are shown instead",
    ),
    "unread_file": (
        "file of an unknown format left unread",
        "files of unknown formats left unread",
    ),
}

_BY_NAME = ("not_in_taxonomy", "unread_file")


@dataclass(frozen=True)
class Finding:
    """One kind of thing a reader met in one part."""

    kind: str
    """One of `blank_line`, `empty_text`, `no_labels`, `repeated_label`, `outside_universe`,
    `not_in_taxonomy`, `repeated_edge`, `unused_name`, `empty_name`, `unread_file`."""
    part: str
    """`train`, `val`, `test`; or the name of the file beside them."""
    count: int
    """How often, in all."""
    examples: tuple[str, ...]
    """The first three places, as file:line (Parquet: file:row); ids of labels, names of files."""

    def sentence(self) -> str:
        """Return it as a sentence: "train: 12 empty texts skipped, first at train.jsonl:17"."""
        said = _SENTENCES[self.kind][self.count != 1]
        first = self.examples[0]
        first = f"{first!r}" if self.kind in _BY_NAME else f"at {first}"
        return f"{self.part}: {self.count} {said}, first {first}"


@dataclass(frozen=True)
class ReadReport:
    """What was read and what was not taken as it stood.

    Examples
    --------
    >>> finding = Finding("empty_text", "train", 12, ("train.jsonl:17",))
    >>> ReadReport({"train": 500}, (finding,)).lines()
    ['train: 12 empty texts skipped, first at train.jsonl:17']
    """

    documents: dict[str, int] = field(default_factory=dict)
    """Documents in each part."""
    findings: tuple[Finding, ...] = ()
    """In the order in which they were met."""

    def count(self, kind: str, part: str | None = None) -> int:
        """Return how often `kind` was met, in one part or in all."""
        return sum(f.count for f in self.findings if f.kind == kind and part in (None, f.part))

    def lines(self) -> list[str]:
        """Return one sentence for each finding; none if everything was taken as it stood."""
        return [finding.sentence() for finding in self.findings]


class Notes:
    """Collects findings while files are read."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], tuple[int, tuple[str, ...]]] = {}

    def add(self, kind: str, part: str, example: str, count: int = 1) -> None:
        """Count something, with an example: a place or an id."""
        before, examples = self._found.get((kind, part), (0, ()))
        if len(examples) < N_EXAMPLES:
            examples = (*examples, example)
        self._found[kind, part] = (before + count, examples)

    def add_all(self, kind: str, part: str, examples: Sequence[str], count: int) -> None:
        """Count `count` things of which `examples` are the first; nothing if there are none."""
        for i, example in enumerate(examples[:N_EXAMPLES]):
            self.add(kind, part, example, 0 if i else count)

    def add_lines(self, kind: str, part: str, file: Path, lines: Longs) -> None:
        """Count something met at `lines` (count,) of a file; a line may come more than once."""
        places = [place(file, line) for line in np.unique(lines)[:N_EXAMPLES].tolist()]
        self.add_all(kind, part, places, len(lines))

    def report(self, documents: dict[str, int]) -> ReadReport:
        """Return what was collected."""
        found = self._found.items()
        return ReadReport(documents, tuple(Finding(*key, *value) for key, value in found))


def place(file: Path, line: int) -> str:
    """Return "train.jsonl:17"."""
    return f"{file.name}:{line}"
