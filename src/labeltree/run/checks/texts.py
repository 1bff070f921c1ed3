"""Checks of the documents: repeated ones, leaks between parts, damaged and odd texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations

import numpy as np

from labeltree.run.checks.material import Finding, Material, PartMaterial, counted

SERIOUS_LEAK = 0.01
"""A leak is an error from this share of a part's documents on: figures rise by about as much."""
FEW_WORDS = 3
LONG = 20
"""A text is very long that has this many times the median's characters ..."""
LONG_AT_LEAST = 20_000
"""... and at least so many."""

# UTF-8 read as Latin-1 or Windows-1252 shows lead bytes as letters and continuation bytes as signs.
# After a letter, quotes, dashes and hard spaces are common in good texts too: they count only where
# the letter is one that hardly ever ends a word.
_SIGNS = "\u0080-\u009f\u00a1-\u00aa\u00ac-\u00b6\u00b9\u00ba\u00bc-\u00bf\u20ac\u0192"
_LETTERS = "\u02c6\u2030\u0160\u0152\u017d\u02dc\u0161\u0153\u017e\u0178"
_QUOTES = (
    "\u00a0\u00ab\u00b7\u00b8\u00bb\u2013\u2014\u2018-\u201e\u2020-\u2022\u2026\u2039\u203a\u2122"
)
_ANY, _SURE = f"[{_SIGNS}{_LETTERS}{_QUOTES}]", f"[{_SIGNS}{_LETTERS}]"
MOJIBAKE = re.compile(
    f"[\u00c2\u00c3]{_ANY}|\u00e2[\u20ac\u201a]{_ANY}|[\u00c4-\u00df]{_SURE}|[\u00e0-\u00ef]{_SURE}{{2}}"
    "|\u00f0\u0178"
)
REPLACED = re.compile("\ufffd")
CONTROL = re.compile("[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u0084\u0086-\u009f\ufeff]")
HTML = re.compile(
    r"&(?:amp|lt|gt|quot|apos|nbsp|[a-zA-Z]{1,5}(?:uml|grave|acute|circ|tilde|dash|slig)"
    r"|#\d{2,6}|#x[0-9a-fA-F]{2,6});"
    r"|</?(?:p|br|div|span|a|b|i|u|em|strong|ul|ol|li|h[1-6]|table|tr|td|img|sub|sup)"
    r"(?:\s+[a-z-]+=[^<>\n]*|\s*/?)>"
)


def repeated(material: Material) -> Iterator[Finding]:
    """Documents that occur more than once in a part; with other labels each time."""
    for part in material.parts:
        at = part.same.repeats
        if not len(at):
            continue
        yield Finding(
            "warning", "duplicates",
            f"{part.name}: {counted(len(at), 'document repeats', 'documents repeat')} an earlier"
            " one.",
            len(at), part.examples(at),
            "Keep one of each; `labeltree split` keeps them in one part.",
        )  # fmt: skip
        first = part.same.first[at]
        other = np.diff((part.data.Y[at] != part.data.Y[first]).tocsr().indptr) > 0
        if other.any():
            yield Finding(
                "warning", "contradictions",
                f"{part.name}: {counted(int(other.sum()), 'document repeats', 'documents repeat')}"
                " an earlier one with other labels.",
                int(other.sum()), part.examples(at[other]),
                "Decide which labels are right, or join the label sets.",
            )  # fmt: skip


def leaks(material: Material) -> Iterator[Finding]:
    """Documents that stand in two parts."""
    for early, late in combinations(material.parts, 2):
        known = early.same.keys
        at = np.array([i for key, i in late.same.keys.items() if key in known], np.int64)
        at = np.flatnonzero(np.isin(late.same.first, at))
        if not len(at):
            continue
        share = len(at) / len(late.data)
        shown = tuple(
            f"{early.name} {known[key] + 1} = {late.shown(i)}"
            for key, i in late.same.keys.items()
            if key in known
        )
        yield Finding(
            "error" if share >= SERIOUS_LEAK else "warning", "leak",
            f"{counted(len(at), 'document')} of {late.name} ({share:.1%})"
            f" {'is' if len(at) == 1 else 'are'} also in {early.name}.",
            len(at), shown[:3],
            f"Figures on {late.name} are too good: remove them from {early.name}, or split anew"
            " with `labeltree split --anew`.",
        )  # fmt: skip


def damaged(material: Material) -> Iterator[Finding]:
    """Texts with encoding accidents, control characters or markup."""
    kinds = (
        ("mojibake", MOJIBAKE, "warning", "UTF-8 that was read as Latin-1 or Windows-1252",
         "Read the source as UTF-8 again: text.encode('cp1252').decode('utf-8') mends most."),
        ("replacement_characters", REPLACED, "warning", "the replacement character U+FFFD",
         "Letters were lost when the source was decoded: read it again with its own encoding."),
        ("control_characters", CONTROL, "warning", "control characters or a byte order mark",
         "Remove them; they often come from PDF or from a wrong encoding."),
        ("html", HTML, "note", "HTML tags or entities",
         "Strip the tags and decode the entities (html.unescape): they become words else."),
    )  # fmt: skip
    for part in material.parts:
        for check, pattern, severity, what, fix in kinds:
            at = part.matching(pattern)
            if len(at):
                said = f"{part.name}: {counted(len(at), 'text holds', 'texts hold')} {what}."
                shown = tuple(_around(part, int(i), pattern) for i in at[:3])
                yield Finding(severity, check, said, len(at), shown, fix)  # type: ignore[arg-type]


def lengths(material: Material) -> Iterator[Finding]:
    """Texts with hardly a word, and texts far longer than the others."""
    for part in material.parts:
        if part.data.texts is None:
            continue
        n_words = np.fromiter((len(t.split(None, FEW_WORDS)) for t in part.data.texts), np.int64)
        short = np.flatnonzero(n_words < FEW_WORDS)
        if len(short):
            yield Finding(
                "note", "very_short",
                f"{part.name}: {counted(len(short), 'text has', 'texts have')} fewer than"
                f" {FEW_WORDS} words.",
                len(short), part.examples(short),
                "Little can be learnt from them: add a field (abstract, keywords) to the text.",
            )  # fmt: skip
        size = np.fromiter(map(len, part.data.texts), np.int64)
        long = np.flatnonzero(size > max(LONG_AT_LEAST, LONG * np.median(size)))
        if len(long):
            yield Finding(
                "note", "very_long",
                f"{part.name}: {counted(len(long), 'text is', 'texts are')} very long, up to"
                f" {size.max():,} characters where the median is {int(np.median(size)):,}.",
                len(long), part.examples(long),
                "Check that no documents were joined; cut what is not about the subject.",
            )  # fmt: skip


def _around(part: PartMaterial, document: int, pattern: re.Pattern[str]) -> str:
    """Return the place where a pattern occurs, with what stands around it."""
    assert part.data.texts is not None
    text = part.data.texts[document]
    found = pattern.search(text)
    start = max(0, found.start() - 20) if found else 0
    return f"{part.name} {document + 1}: {text[start : start + 45]!r}"
