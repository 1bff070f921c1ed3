"""What the terminal shows: progress and tables, through rich."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from labeltree.core.pool import reporting

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Bars:
    """Draws one progress bar a phase: parts done, rate, time left."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None

    def start(self, what: str, total: int) -> None:
        """Begin a phase; one of a single part is not drawn."""
        if total != 1 and what:
            self._task = self._progress.add_task(what, total=total or None)

    def advance(self, units: int = 1) -> None:
        """Report finished units."""
        if self._task is not None:
            self._progress.advance(self._task, units)

    def finish(self) -> None:
        """Remove the bar."""
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None


@contextmanager
def progress(quiet: bool) -> Iterator[None]:
    """Draw progress on standard error inside the block, unless `quiet` or no terminal."""
    if quiet or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    class Rate(TextColumn):
        def render(self, task):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            from rich.text import Text

            return Text(f"{task.speed or 0:,.0f}/s")

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(""),
        TimeRemainingColumn(),
    )  # fmt: skip
    drawn = RichProgress(*columns, console=Console(stderr=True), transient=True)
    with drawn as bars, reporting(Bars(bars)):
        yield


def show_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: drawn on a terminal, plain columns elsewhere."""
    if not sys.stdout.isatty():
        widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
        for row in (header, *rows):
            print("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip())
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(*header)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def note(message: str, quiet: bool = False) -> None:
    """Say something on standard error, where it disturbs no output."""
    if not quiet:
        print(message, file=sys.stderr)
