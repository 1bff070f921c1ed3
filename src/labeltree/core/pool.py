"""One thread pool for everything that runs in parallel, and the progress it reports.

Kernels release the interpreter lock, so threads suffice. Results come back in the order of the
items, whatever the number of threads.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

T = TypeVar("T")
R = TypeVar("R")


class Progress(Protocol):
    """Told about long work: how much there is, and each time a part is done."""

    def start(self, what: str, total: int) -> None:
        """Begin a phase of `total` units, 0 if unknown."""

    def advance(self, units: int = 1) -> None:
        """Report finished units."""

    def finish(self) -> None:
        """End the phase."""


class Silent:
    """The default: libraries do not print."""

    def start(self, what: str, total: int) -> None:
        """Say nothing."""

    def advance(self, units: int = 1) -> None:
        """Say nothing."""

    def finish(self) -> None:
        """Say nothing."""


_SILENT = Silent()
_progress: ContextVar[Progress] = ContextVar("labeltree_progress", default=_SILENT)


@contextmanager
def reporting(progress: Progress) -> Iterator[None]:
    """Send the progress of all work inside the block to `progress`."""
    token = _progress.set(progress)
    try:
        yield
    finally:
        _progress.reset(token)


@contextmanager
def phase(what: str) -> Iterator[None]:
    """Report work inside the block whose length is not known."""
    progress = _progress.get()
    progress.start(what, 0)
    try:
        yield
    finally:
        progress.finish()


class Pool(Protocol):
    """Maps a function over items; Ray or processes may stand behind it too."""

    def map(self, fn: Callable[[T], R], items: Sequence[T], *, what: str = "") -> list[R]:
        """Return `[fn(item) for item in items]`, in order."""


class ThreadPool:
    """A pool of threads.

    Parameters
    ----------
    n_jobs
        Number of threads; -1 for one a core.
    """

    def __init__(self, n_jobs: int = -1) -> None:
        self.n_jobs = n_jobs if n_jobs > 0 else _cores()

    def map(self, fn: Callable[[T], R], items: Sequence[T], *, what: str = "") -> list[R]:
        """Return `[fn(item) for item in items]`; the first error stops the rest and is raised."""
        progress = _progress.get()
        progress.start(what, len(items))
        try:
            if self.n_jobs == 1 or len(items) < 2:
                return [_ticked(fn(item), progress) for item in items]
            with ThreadPoolExecutor(self.n_jobs) as executor:
                futures = [executor.submit(fn, item) for item in items]
                try:
                    for future in as_completed(futures):
                        future.result()
                        progress.advance()
                except BaseException:
                    executor.shutdown(cancel_futures=True)
                    raise
                return [future.result() for future in futures]
        finally:
            progress.finish()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _ticked(result: R, progress: Progress) -> R:
    progress.advance()
    return result


class _Local(threading.local):
    def __init__(self) -> None:
        self.kept: dict[tuple[str, float], NDArray[Any]] = {}


_local = _Local()


def scratch(name: str, n: int, dtype: DTypeLike, fill: float = 0) -> NDArray[Any]:
    """Return this thread's array of that name, (n,), filled when made.

    Whoever borrows it hands it back as filled, so that its price is paid once a thread.
    """
    kept = _local.kept.get((name, fill))
    if kept is None or len(kept) != n or kept.dtype != dtype:
        kept = _local.kept[name, fill] = np.full(n, fill, dtype)
    return kept
