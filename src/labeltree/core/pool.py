"""One thread pool for everything that runs in parallel, and the progress it reports.

Kernels release the interpreter lock, so threads suffice. Results come back in the order of the
items, whatever the number of threads.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from queue import SimpleQueue
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
def phase(what: str, total: int = 0) -> Iterator[Progress]:
    """Report work inside the block: so many units, told by `advance`, or 0 if not known."""
    progress = _progress.get()
    progress.start(what, total)
    try:
        yield progress
    finally:
        progress.finish()


class Pool(Protocol):
    """Maps a function over items; Ray or processes may stand behind it too."""

    n_jobs: int
    """How many items are worked on at once."""

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
            return _in_threads(fn, items, self.n_jobs, progress)
        finally:
            progress.finish()


def _in_threads(
    fn: Callable[[T], R], items: Sequence[T], n_threads: int, progress: Progress
) -> list[R]:
    """Return the results in order.

    The calling thread waits at a queue written in C. Waiting for futures takes a lock each in
    Python; an interrupt in between leaves locks taken, and everybody waits for ever.
    """
    todo = deque(enumerate(items))
    done: SimpleQueue[tuple[int, Any, BaseException | None]] = SimpleQueue()

    def work() -> None:
        while True:
            try:
                i, item = todo.popleft()
            except IndexError:
                return
            try:
                done.put((i, fn(item), None))
            except BaseException as error:
                todo.clear()
                done.put((i, None, error))

    threads = [threading.Thread(target=work, name="labeltree") for _ in items[:n_threads]]
    results: dict[int, R] = {}
    try:
        with _uninterrupted():
            for thread in threads:
                thread.start()
        while len(results) < len(items):
            i, result, error = done.get()
            if error is not None:
                raise error
            results[i] = result
            progress.advance()
    finally:
        todo.clear()
        for thread in threads:
            if thread.ident is not None:
                thread.join()
    return [results[i] for i in range(len(items))]


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold back signals, here and in the threads begun here, which leave them to the main one.

    An interrupt within `Thread.start` would leave its locks taken.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def serial_blas() -> Iterator[None]:
    """Keep dense linear algebra inside the block to one thread each.

    A pool's threads are enough, more would wait for one another; and a sum that is cut among
    threads depends on how many there are.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield


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
