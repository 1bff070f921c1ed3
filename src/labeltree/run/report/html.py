"""Small pieces of HTML: cells, tables, pictures. What comes from data is escaped here."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from typing import Any

CAPTIONS = {
    "ranking": "Quality of the first k labels. P@k cannot exceed the dashed line: documents have"
    " few labels.",
    "thresholds": "What one cut through all scores would give on these documents.",
    "reliability": "Of answers with score s, a share of s should be true: points below the diagonal"
    " are too sure. All scores in bins of equal width, first answers in bins of equal size.",
    "levels": "F1 over the labels of each level (longest path from the root). Below each level:"
    " its number of labels.",
    "frequency": "Share of true labels found among the first five, by how often the label was seen"
    " in training.",
    "share": "Where true labels and hits come from. Bins whose blue bar is lower are found less"
    " often than the average.",
}


def figures(plots: dict[str, str], *names: str) -> str:
    """Return pictures side by side; names without a picture are left out."""
    return '<div class="plots">' + "".join(figure(plots, n) for n in names) + "</div>"


def figure(plots: dict[str, str], name: str) -> str:
    """Return a picture as an image of its own: its ids and styles touch nothing else."""
    if name not in plots:
        return ""
    data = base64.b64encode(plots[name].encode()).decode("ascii")
    caption = escape(CAPTIONS[name])
    return (
        f'<figure><img alt="{caption}" src="data:image/svg+xml;base64,{data}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]], text: int = 1) -> str:
    """Return a table of ready cells; columns from number `text` on are numbers."""
    kinds = ["label" if i < text else "n" for i in range(len(header))]
    head = "".join(f'<th class="{k}">{escape(c)}</th>' for k, c in zip(kinds, header, strict=True))
    body = "".join(
        "<tr>" + "".join(f'<td class="{k}">{c}</td>' for k, c in zip(kinds, row, strict=True))
        + "</tr>\n"
        for row in rows
    )  # fmt: skip
    return f'<div class="scroll"><table><tr>{head}</tr>\n{body}</table></div>'


def isolated(text: str) -> str:
    """Return a text of the data, in its own writing direction."""
    return f"<bdi>{escape(text)}</bdi>"


def number(value: float | None) -> str:
    """Return a metric, empty for None."""
    return "" if value is None else f"{value:.3f}"


def score(value: float) -> str:
    """Return a score; tiny ones by their power of ten."""
    return f"{value:.3f}" if value >= 0.001 else f"{value:.0e}"


def grouped(value: int) -> str:
    """Return a count with its thousands apart."""
    return f"{value:,}"


def fact(value: Any) -> str:
    """Return a value of the report in words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.4g}" if value < 1000 else f"{value:,.0f}"
    return escape(grouped(value) if isinstance(value, int) else str(value))
