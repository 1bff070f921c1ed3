"""The sections of an evaluation report as HTML, and its table of labels as CSV."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Iterable
from html import escape
from typing import Any

import numpy as np

from labeltree.core.arrays import Longs
from labeltree.metrics import Group
from labeltree.run.report.findings import Findings
from labeltree.run.report.html import fact, figure, figures, grouped, isolated, number, score, table
from labeltree.run.report.mistakes import Case
from labeltree.run.results import by_cut_off

N_LABELS = 100
"""Labels shown in the table; the CSV in the page holds all."""
FACTS = {
    "n_documents": "documents",
    "n_without_labels": "documents without a label (they score 0)",
    "n_labels": "labels that count",
    "universe": "universe",
    "n_outside": "true labels outside it (misses)",
    "n_left_out": "true labels not counted",
    "closed": "label sets hold all ancestors",
    "specific": "most-specific labels only",
    "threshold": "threshold",
    "threshold_rule": "its rule",
    "calibration": "calibration before it",
    "propensity_a": "propensity A",
    "propensity_b": "propensity B",
    "zero_division": "F1 of 0 / 0",
    "seconds": "seconds to predict",
    "documents_per_second": "documents a second",
}


def metrics_section(found: Findings, plots: dict[str, str]) -> str:
    """Return metrics at k with a column each and their curves; the others; and the facts."""
    at_k, others = by_cut_off(found.report.metrics)
    ks = sorted({k for row in at_k.values() for k in row})
    rows = [[n, *(number(row.get(k)) for k in ks)] for n, row in at_k.items()]
    groups = [g.name.replace(" ", "-") for g in (*found.levels, *found.positions, *found.bins)]
    tabled = {f"{g}-{average}-F1" for g in groups for average in ("micro", "macro")}
    pairs = [[n, number(v)] for n, v in others.items() if n not in tabled]
    half = (len(pairs) + 1) // 2
    values = found.report.to_json()
    told = [[name, fact(values[key])] for key, name in FACTS.items() if values[key] is not None]
    first = table(["metric", *(f"@{k}" for k in ks)], rows) + figure(plots, "ranking")
    second = "".join(table(["metric", "value"], p) for p in (pairs[:half], pairs[half:]) if p)
    second += table(["what was measured", ""], told, text=2)
    return f'<div class="side">{first}</div><div class="side">{second}</div>'


def taxonomy_section(found: Findings, plots: dict[str, str]) -> str:
    """Return decisions by level; nothing without a hierarchy."""
    if not found.levels:
        return ""
    levels = _groups([*found.levels, *found.positions], "level")
    return (
        f"<p>{_decides(found)}Decisions over the labels of each level, and over leaves and the"
        " labels above them. A document without a label at a level is no class there.</p>"
        + levels
        + figures(plots, "levels")
    )


def frequencies_section(found: Findings, plots: dict[str, str]) -> str:
    """Return decisions and recall by training documents; nothing where these are unknown."""
    if not found.n_train.any():
        return ""
    text = (
        f"<p>{_decides(found)}Head: more than 100 training documents; torso: 26 to 100; tail: 1 to"
        " 25; zero-shot: none. Truth and decisions are both restricted to the bin.</p>"
    )
    return text + _groups(found.bins, "frequency") + figures(plots, "frequency", "share")


def _groups(groups: list[Group], what: str) -> str:
    header = [
        what, "labels", "documents with one", "true", "decided", "micro-P", "micro-R", "micro-F1",
        "macro-P", "macro-R", "macro-F1",
    ]  # fmt: skip
    rows = [
        [g.name, *map(grouped, (g.n_labels, g.n_documents, g.n_true, g.n_decided)),
         *(number(v if g.n_true else None) for v in (*g.micro, *g.macro))]
        for g in groups
    ]  # fmt: skip
    return table(header, rows)


def labels_section(found: Findings) -> str:
    """Return the labels with the most errors, and all of them behind a link."""
    order = _by_errors(found)
    header = ["label", "in training", "true", "decided", "right", "P", "R", "F1", "errors"]
    rows = [
        [_named(*row[:2]), *map(grouped, row[2:6]), *map(number, row[6:9]), grouped(row[9])]
        for row in _label_rows(found, order[:N_LABELS])
    ]
    link = base64.b64encode(labels_csv(found).encode("utf-8", "backslashreplace")).decode("ascii")
    return (
        f"<p>Those with the most errors (missed and wrongly decided) first, {len(rows)} of"
        f" {len(order):,}. {_decides(found)}"
        f'<a download="labels.csv" href="data:text/csv;charset=utf-8;base64,{link}">All as CSV</a>'
        f"</p>{table(header, rows)}"
    )


def _decides(found: Findings) -> str:
    """Return what stands for the decisions where the model makes none."""
    if found.report.threshold_rule:
        return ""
    return "The model decides nothing: first answers stand for its decisions. "


def labels_csv(findings: Findings) -> str:
    """Return the table of all labels as CSV, those with the most errors first."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ("id", "name", "train", "true", "decided", "right", "precision", "recall", "f1", "errors")
    )
    writer.writerows(_label_rows(findings, _by_errors(findings)))
    return out.getvalue()


def _by_errors(found: Findings) -> Longs:
    """Return columns by errors, then by true documents; ties in order of the columns."""
    return np.lexsort((-found.counts.true, -found.counts.errors)).astype(np.int64)


def _label_rows(found: Findings, order: Longs) -> Iterable[tuple[Any, ...]]:
    counts = found.counts.at(order)
    numbers = (found.n_train[order], counts.true, counts.decided, counts.right)
    shares = (x.round(4) for x in (counts.precision, counts.recall, counts.f1))
    columns = (x.tolist() for x in (*numbers, *shares, counts.errors))
    named = ((found.ids[c], found.names[c]) for c in order.tolist())
    return ((*name, *row) for name, row in zip(named, zip(*columns, strict=True), strict=True))


def confusions_section(found: Findings) -> str:
    """Return labels taken for others; nothing where none were."""
    if not found.confusions:
        return ""
    header = ["decided, but wrong", "true, but missed", "it is", "documents"]
    rows = [
        [_label(found, c.decided), _label(found, c.missed), c.relation, grouped(c.n_documents)]
        for c in found.confusions
    ]
    return (
        f"<p>{_decides(found)}A document with several wrong and several missed labels counts for"
        " each pair. Broader: an ancestor of the true label; narrower: below it.</p>"
        + table(header, rows, text=3)
    )


def documents_section(found: Findings) -> str:
    """Return the documents with the worst answers."""
    surest = "".join(_case(found, c) for c in found.confident)
    lost = "".join(_case(found, c) for c in found.overlooked)
    return (
        "<p>Worth reading: wrong labels in the data, missing labels, and what the model cannot"
        f" see.</p><h3>Surest wrong answers</h3>{surest}"
        f"<h3>True labels with the lowest scores</h3>{lost}"
    )


def _case(found: Findings, case: Case) -> str:
    answers = " · ".join(
        f'<span class="{"right" if true else "wrong"}">{"✓" if true else "✗"}'
        f" {_label(found, c)}</span> {score(value)}"
        for c, value, true in case.answers
    )
    truth = " · ".join(
        f"{_label(found, c)} {'not ranked' if value is None else score(value)}"
        for c, value in case.truth
    )
    more = case.n_true - len(case.truth)
    text = f'<p dir="auto">{escape(case.text)}</p>' if case.text else ""
    return (
        f'<article><span class="tag">document {case.row + 1}</span>{text}'
        f'<p><span class="tag">answers</span> {answers or "none"}</p>'
        f'<p><span class="tag">true</span> {truth or "none"}'
        f"{f' and {more} more' if more else ''}</p></article>"
    )


def _label(found: Findings, column: int) -> str:
    """Return the label of a column."""
    return _named(found.ids[column], found.names[column])


def _named(id_: str, name: str) -> str:
    """Return the name, with the id where it differs."""
    tag = "" if name == id_ else f' <span class="tag">{isolated(id_)}</span>'
    return isolated(name) + tag
