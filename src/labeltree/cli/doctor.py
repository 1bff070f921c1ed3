"""`labeltree doctor`: what is wrong with a data set, and how to mend it."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from labeltree.cli.reading import add_reading_flags

if TYPE_CHECKING:
    from labeltree.run.checks.material import Finding
    from labeltree.run.doctor import Diagnosis

SUMMARY = "examine a data set: leaks, duplicates, cycles, orphans, damaged texts"
EPILOG = """Findings are errors (figures would be wrong, or the data cannot be used), warnings
(worth mending) or notes (good to know). Exit status: 0 without an error, 1 with one. Documents
are counted from 1 in each part, those without text left out. Nothing is changed."""
STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("data", metavar="DATA", help="a file, or a folder with train, val, test")
    parser.add_argument(
        "--near", action="store_true",
        help="texts that differ in case, space and punctuation only are duplicates too",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quiet", action="store_true", help="no progress, no notes")
    add_reading_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the findings; return 1 if one of them is an error."""
    import json

    from labeltree.cli.console import progress
    from labeltree.cli.reading import reading_options
    from labeltree.run.doctor import diagnose

    options = reading_options(arguments)
    with progress(arguments.quiet):
        diagnosis = diagnose(arguments.data, near=arguments.near, options=options)
    if arguments.json:
        print(json.dumps(diagnosis.to_json(), ensure_ascii=False))
    else:
        _show(diagnosis, arguments.quiet)
    return int(diagnosis.serious)


def _show(diagnosis: Diagnosis, quiet: bool) -> None:
    for name, value in diagnosis.facts.items():
        print(f"{name}: {_shown(value)}")
    findings = [f for f in diagnosis.findings if not (quiet and f.severity == "note")]
    for finding in findings:
        _show_finding(finding)
    counts = {kind: sum(f.severity == kind for f in diagnosis.findings) for kind in STYLES}
    said = ", ".join(f"{n} {kind}{'' if n == 1 else 's'}" for kind, n in counts.items())
    print(f"\n{said}")


def _show_finding(finding: Finding) -> None:
    lines = [f"  e.g. {example}" for example in finding.examples]
    lines.append(f"  fix: {finding.fix}")
    if not sys.stdout.isatty():
        print(f"\n{finding.severity} {finding.check}: {finding.problem}", *lines, sep="\n")
        return
    from rich.console import Console
    from rich.text import Text

    text = Text("\n")
    text.append(finding.severity, style=STYLES[finding.severity])
    text.append(f" {finding.check}", style="bold")
    text.append(f": {finding.problem}\n")
    text.append("\n".join(lines), style="dim")
    Console(highlight=False).print(text)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {n:,}" for name, n in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "none" if value is None else f"{value:,}"
