"""An evaluation report as one HTML file that needs nothing else: tables, pictures, all labels.

Every text from the data is escaped and isolated in its own direction (`<bdi>`), so that labels
in any script neither break the page nor reorder their surroundings.
"""

from __future__ import annotations

import os
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from labeltree import __version__
from labeltree.core.errors import ParameterError
from labeltree.run.report import sections
from labeltree.run.report.findings import Findings
from labeltree.run.report.html import figures
from labeltree.run.report.plots import draw

KEY = ("P@1", "nDCG@5", "R-Precision", "PSP@5", "micro-F1", "macro-F1", "hierarchical-F1")
"""Metrics shown in large figures, where they were measured."""


def check_report_path(path: str | Path) -> Path:
    """Return the path if a report can be written there.

    Raises
    ------
    ParameterError
        If the name does not end in .html, or its folder does not exist.
    """
    path = Path(path)
    if path.suffix.lower() not in (".html", ".htm") or path.is_dir():
        raise ParameterError(f"--report: a file name.html wanted, found {str(path)!r}")
    if not path.parent.is_dir():
        raise ParameterError(f"--report: there is no folder {str(path.parent)!r}")
    return path


def write_page(path: str | Path, findings: Findings, title: str) -> None:
    """Write the report; the file appears under its name only when complete."""
    path = check_report_path(path)
    content = page(findings, title)
    fresh = path.with_name(f".{path.name}.writing-{os.getpid()}")
    try:
        # A lone surrogate, legal in JSON, is no character: it is shown by its number.
        fresh.write_bytes(content.encode("utf-8", "backslashreplace"))
        os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


def page(findings: Findings, title: str) -> str:
    """Return the report as HTML."""
    plots = draw(findings)
    bodies = {
        "Metrics": sections.metrics_section(findings, plots),
        "Scores and thresholds": figures(plots, "thresholds", "reliability"),
        "Taxonomy": sections.taxonomy_section(findings, plots),
        "Frequent and rare labels": sections.frequencies_section(findings, plots),
        "Labels": sections.labels_section(findings),
        "Confusions": sections.confusions_section(findings),
        "Documents": sections.documents_section(findings),
    }
    shown = {name: body for name, body in bodies.items() if body}
    anchors = {name: name.lower().replace(" ", "-") for name in shown}
    metrics = findings.report.metrics
    template = files("labeltree.run.report").joinpath("page.html").read_text("utf-8")
    return Template(template).substitute(
        title=escape(title),
        nav="".join(f'<a href="#{anchors[n]}">{n}</a>' for n in shown),
        key="".join(f"<div>{n}<b>{metrics[n]:.3f}</b></div>" for n in KEY if n in metrics),
        sections="\n".join(
            f'<section id="{anchors[n]}"><h2>{n}</h2>\n{body}</section>'
            for n, body in shown.items()
        ),
        version=__version__,
    )
