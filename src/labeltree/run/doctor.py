"""What is wrong with a data set: everything that can be found, counted, with the fix."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labeltree.core.errors import DataError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.core.pool import phase
from labeltree.readers import ReadOptions, ReadReport, Splits, read
from labeltree.readers.parts import taxonomy_file
from labeltree.readers.report import Notes
from labeltree.readers.taxonomy import Edge, read_edges
from labeltree.run.checks import labels, taxonomy, texts
from labeltree.run.checks.material import Finding, Material, Severity

Check = Callable[[Material], Iterator[Finding]]

CHECKS: tuple[Check, ...] = (
    taxonomy.cycles, texts.leaks, texts.repeated, texts.damaged, texts.lengths,
    labels.unseen, labels.without_labels, labels.near_constant, labels.alike, labels.untrimmed,
    taxonomy.unclosed, taxonomy.redundant_edges, taxonomy.chains, labels.unused, labels.spread,
)  # fmt: skip

_DEFAULTS = ReadOptions()
_ORDER: dict[Severity, int] = {"error": 0, "warning": 1, "note": 2}

_FROM_READER: dict[str, tuple[Severity, str]] = {
    "blank_line": ("note", "Nothing need be done."),
    "empty_text": ("warning", "Fill the text field, or remove the documents."),
    "repeated_label": ("note", "Nothing need be done: a label counts once."),
    "not_in_taxonomy": ("warning", "Add them to taxonomy.tsv, or correct the ids of documents."),
    "repeated_edge": ("note", "Remove the lines."),
    "unused_name": ("note", "Remove the lines, or check that ids are written the same way."),
    "empty_name": ("note", "Name them in the file of names."),
    "unread_file": ("warning", "Convert the file to a format that can be read."),
}
"""What the reader reports; `no_labels` and `outside_universe` have checks of their own."""
_CHECKED_HERE = ("no_labels", "outside_universe")


@dataclass(frozen=True)
class Diagnosis:
    """All findings about a data set, the most serious first."""

    facts: dict[str, Any]
    findings: tuple[Finding, ...]

    @property
    def serious(self) -> bool:
        """Whether there is an error among the findings."""
        return any(finding.severity == "error" for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"facts": self.facts, "findings": [f.to_json() for f in self.findings]}


def diagnose(
    path: str | Path, *, near: bool = False, options: ReadOptions = _DEFAULTS
) -> Diagnosis:
    """Examine a data set: a file or a folder as `labeltree.read` takes it.

    Parameters
    ----------
    near
        Take texts for the same that differ in case, space and punctuation only.
    options
        How the files are read.

    Raises
    ------
    DataError
        If there is no such file or folder, or no part in it. Anything else is a finding.
    """
    path = Path(path)
    edges = _edges(path)
    splits, troubles = _read(path, options)
    if splits is None:
        return Diagnosis({}, tuple(_unreadable(error) for error in troubles))
    material = Material(splits, edges, near)
    with phase("checking"):
        found = [finding for check in CHECKS for finding in check(material)]
    known = _cycle_error(edges)
    found += [_unreadable(e) for e in troubles if known is None or known not in str(e)]
    found += list(_of_reader(splits.report))
    by_weight = sorted(found, key=lambda finding: _ORDER[finding.severity])
    return Diagnosis(_facts(splits), tuple(by_weight))


def _read(path: Path, options: ReadOptions) -> tuple[Splits | None, list[DataError]]:
    """Return the data set, without what stands beside the documents where that is at fault."""
    if not path.exists():
        raise DataError("There is no such file or folder.", "Check the path.", file=path)
    try:
        return read(path, options=options), []
    except DataError as error:
        first = error
    try:
        bare = read(path, labels=Labels(()), options=options)
        seen = next(iter(bare.parts.values()))
        known = Labels(seen.labels.ids).counted(seen.Y)
        return read(path, labels=known, options=options), [first]
    except DataError as error:
        return None, [error] if str(error) == str(first) else [first, error]


def _edges(path: Path) -> list[Edge]:
    """Return the edges of the taxonomy's file as they stand; none if it cannot be read."""
    try:
        file = taxonomy_file(path)
        return [] if file is None else read_edges(file, Notes())
    except DataError:  # `read` says so too
        return []


def _cycle_error(edges: list[Edge]) -> str | None:
    """Return what the reader says about a cycle, for which there is a finding already."""
    try:
        Hierarchy.from_edges(edges)
    except DataError as error:
        return str(error)
    return None


def _unreadable(error: DataError) -> Finding:
    said = str(error).removesuffix(error.remedy).strip()
    fix = error.remedy or "Correct the file."
    return Finding("error", "unreadable", said, 1, (), fix)


def _of_reader(report: ReadReport) -> Iterator[Finding]:
    """Yield what the reader skipped or merged."""
    for found in report.findings:
        if found.kind in _CHECKED_HERE:
            continue
        severity, fix = _FROM_READER.get(found.kind, ("note", "See docs/formats.md."))
        said = found.sentence().rpartition(", first")[0] + "."
        yield Finding(severity, found.kind, said, found.count, found.examples, fix)


def _facts(splits: Splits) -> dict[str, Any]:
    parts = splits.parts.values()
    occurrences = sum(part.Y.nnz for part in parts)
    n = sum(len(part) for part in parts)
    sizes = np.concatenate([np.diff(part.Y.indptr) for part in parts])
    return {
        "documents": {name: len(part) for name, part in splits.parts.items()},
        "labels": len(splits.labels),
        "labels of a document (mean, most)": [round(occurrences / n, 2), int(sizes.max())],
        "edges of the taxonomy": _n_edges(splits.labels.hierarchy),
    }


def _n_edges(hierarchy: Hierarchy | None) -> int | None:
    return None if hierarchy is None else hierarchy.edges.shape[1] - len(hierarchy.branches)
