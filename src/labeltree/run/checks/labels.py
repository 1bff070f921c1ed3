"""Checks of the labels: unseen, unused, everywhere, hard to tell apart, unevenly spread."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from labeltree.core.arrays import Bools, Longs
from labeltree.run.checks.material import N_EXAMPLES, Finding, Material, counted, folded

NEAR_CONSTANT = 0.9
"""A label on this share of the training documents says little."""
HEAD, TORSO = 100, 10
"""Training documents from which on a label belongs to the head, and to the torso."""


def unseen(material: Material) -> Iterator[Finding]:
    """Labels of val and test that no training document carries."""
    if material.splits.train is None:
        return
    known = material.splits.labels.counts > 0
    for part in material.parts[1:]:
        Y, labels = part.data.Y, part.data.labels
        new = np.ones(len(labels), bool)
        new[: len(known)] = ~known
        times = np.bincount(Y.indices, minlength=len(labels)) * new
        at = np.flatnonzero(times)
        if len(at):
            at = at[np.argsort(-times[at], kind="stable")]
            shown = [labels.ids[c] for c in at[:N_EXAMPLES].tolist()]
            yield Finding(
                "warning", "unseen_labels",
                f"{part.name}: {counted(len(at), 'label is', 'labels are')} on no training"
                f" document; {times.sum() / max(1, Y.nnz):.1%} of all that can be found there.",
                len(at), tuple(shown),
                "They count as misses. Split anew with `labeltree split --anew --stratified`.",
            )  # fmt: skip


def unused(material: Material) -> Iterator[Finding]:
    """Labels of the taxonomy that no document carries."""
    if material.hierarchy is None:
        return
    n = len(material.splits.labels)
    used = np.zeros(n, bool)
    for part in material.parts:
        used[part.data.Y.indices[part.data.Y.indices < n]] = True
    at = np.flatnonzero(~used)
    if len(at):
        yield Finding(
            "note", "unused_labels",
            f"{counted(len(at), 'label')} of the taxonomy ({len(at) / n:.0%})"
            f" {'is' if len(at) == 1 else 'are'} on no document.",
            len(at), material.names(at),
            "They can never be answered: fine for parents, else more documents are needed.",
        )  # fmt: skip


def near_constant(material: Material) -> Iterator[Finding]:
    """Labels on nearly all training documents."""
    labels = material.splits.labels
    share = labels.counts / max(1, labels.n_train)
    at = np.flatnonzero(share >= NEAR_CONSTANT)
    if len(at) and len(labels) > 1:
        shown = tuple(f"{labels.ids[c]} ({share[c]:.0%})" for c in at[:N_EXAMPLES])
        yield Finding(
            "warning", "near_constant",
            f"{counted(len(at), 'label is', 'labels are')} on {NEAR_CONSTANT:.0%} or more of the"
            " training documents.",
            len(at), shown,
            "They make P@1 look good: leave them out, or evaluate with --specific.",
        )  # fmt: skip


def without_labels(material: Material) -> Iterator[Finding]:
    """Documents without a label."""
    for part in material.parts:
        at = np.flatnonzero(np.diff(part.data.Y.indptr) == 0)
        if len(at):
            yield Finding(
                "warning", "no_labels",
                f"{part.name}: {counted(len(at), 'document has', 'documents have')} no label"
                f" ({len(at) / len(part.data):.1%}).",
                len(at), part.examples(at),
                "Leave them out if nobody looked at them; as true negatives they may stay.",
            )  # fmt: skip


def alike(material: Material) -> Iterator[Finding]:
    """Ids, and names, that differ only in case, space and punctuation, or not at all."""
    labels = material.splits.labels
    for what, values in (("id", labels.ids), ("name", labels.names)):
        if what == "name" and values == labels.ids:
            continue
        groups = _alike(values)
        if groups:
            shown = tuple(
                " = ".join(_told(labels.ids[c], values[c]) for c in group[:3])
                for group in groups[:N_EXAMPLES]
            )
            yield Finding(
                "warning" if what == "id" else "note", f"alike_{what}s",
                f"{counted(len(groups), f'group of {what}s differs', f'groups of {what}s differ')}"
                " only in case, space or punctuation, or not at all.",
                len(groups), shown,
                "Join the labels if they mean the same; else give them names that differ.",
            )  # fmt: skip


def untrimmed(material: Material) -> Iterator[Finding]:
    """Ids with blanks around them."""
    ids = material.splits.labels.ids
    at = [label for label in ids if label != label.strip()]
    if at:
        yield Finding(
            "warning", "untrimmed_ids",
            f"{counted(len(at), 'label id has', 'label ids have')} blanks around it."
            if len(at) == 1 else f"{len(at):,} label ids have blanks around them.",
            len(at), tuple(map(repr, at[:N_EXAMPLES])),
            "Strip them: 'a' and 'a ' are two labels.",
        )  # fmt: skip


def spread(material: Material) -> Iterator[Finding]:
    """How evenly documents are spread over labels: head, torso, tail."""
    labels = material.splits.labels
    counts = labels.counts
    if not counts.any():
        return
    head, torso, tail = (
        counts >= HEAD, (counts >= TORSO) & (counts < HEAD), (counts > 0) & (counts < TORSO),
    )  # fmt: skip
    once = int((counts == 1).sum())
    top = np.argsort(-counts, kind="stable")
    yield Finding(
        "note", "spread",
        f"head {int(head.sum()):,} labels with {HEAD} documents or more ({_share(counts, head)} of"
        f" all occurrences), torso {int(torso.sum()):,} with {TORSO} to {HEAD - 1}"
        f" ({_share(counts, torso)}), tail {int(tail.sum()):,} with fewer"
        f" ({_share(counts, tail)}), {once:,} of them with one.",
        int(tail.sum()),
        tuple(f"{name}: {n:,}" for name, n in zip(material.names(top), counts[top], strict=False)),
        "For the tail look at PSP@k and macro-F1, and split with --stratified.",
    )  # fmt: skip


def _share(counts: Longs, chosen: Bools) -> str:
    return f"{counts[chosen].sum() / counts.sum():.0%}"


def _alike(values: Sequence[str]) -> list[list[int]]:
    """Return the groups of columns whose values fold to the same words."""
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for column, value in enumerate(values):
        groups[folded(value)].append(column)
    return [group for group in groups.values() if len(group) > 1]


def _told(label: str, value: str) -> str:
    return repr(value) if label == value else f"{value!r} [{label}]"
