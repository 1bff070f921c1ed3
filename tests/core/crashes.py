"""Processes that die while they write a model; run by test_store.py, prints what went wrong.

One argument says how: `everywhere` ends a writer before each of its system calls in turn, `kill`
sends SIGKILL at random moments.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np

from labeltree.core import store


def write(folder, version, size=1000):
    names = tuple(f"label {i}" for i in range(size))
    values = np.full(size, version, np.int64)
    store.write_folder(folder, {"version": version}, {"a": values, "b": values, "names": names})


def read(folder):
    """Return the version of a whole model; anything else raises."""
    header, state = store.read_folder(folder)
    assert (state["a"] == header["version"]).all()
    assert (state["b"] == header["version"]).all()
    assert len(state["names"]) == len(state["a"])
    return header["version"]


def in_child(work):
    """Run in a process of its own; return its number."""
    child = os.fork()
    if not child:
        try:
            work()
        finally:
            os._exit(0)
    return child


def dying_at(n):
    """Make the n-th system call of the writer its last."""
    calls = 0

    def deadly(call):
        def counted(*arguments, **named):
            nonlocal calls
            calls += 1
            if calls == n:
                os._exit(9)
            return call(*arguments, **named)

        return counted

    for name in ("mkdir", "open", "fsync", "rename", "rmdir", "unlink"):
        setattr(os, name, deadly(getattr(os, name)))
    store.write_tensors = deadly(store.write_tensors)


def everywhere(folder):
    for old in (None, 1):  # without and with a model before
        deaths, gaps, seen = 0, 0, set()
        for n in range(1, 1000):
            for left in folder.parent.glob("*"):
                assert left == folder, f"{left} is left from round {n - 1}"
            if old is None and folder.exists():
                os.rename(folder, folder.parent.parent / f"done-{n}")
            elif old is not None:
                write(folder, old, 10)
            child = in_child(lambda n=n: (dying_at(n), write(folder, 2, 10)))
            _, status = os.waitpid(child, 0)
            is_there = folder.exists()
            gaps += not is_there
            seen.add(read(folder) if is_there or old is not None else None)
            write(folder, 3, 10)  # goes on, and removes what is left
            assert read(folder) == 3
            if not status:
                break
            deaths += 1
        assert seen == {old, 2}, seen
        assert deaths > 8, deaths
        assert gaps, "no writer died between its two renames"
        sys.stdout.write(f"{deaths} deaths beside {old}\n")


def keep_writing(folder, first, done):
    for version in range(first, first + 1000):
        write(folder, version, 1000 + version % 7)
        if version == first:
            os.write(done, b".")


def kill(folder):
    rng, seen, left = random.Random(0), set(), 0
    start = time.monotonic()
    for version in range(5):
        write(folder, version)
    duration = (time.monotonic() - start) / 5
    for round_ in range(1, 31):
        written, done = os.pipe()
        child = in_child(lambda first=round_ * 1000, done=done: keep_writing(folder, first, done))
        os.close(done)
        os.read(written, rng.randrange(2))  # some finish a version, on however busy a machine
        os.close(written)
        time.sleep(rng.uniform(0, duration))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        left += any(f != folder for f in folder.parent.iterdir())
        seen.add(read(folder))
    assert len(seen) > 3, seen
    assert left, "no process died while it wrote"
    write(folder, 1)
    assert read(folder) == 1
    assert list(folder.parent.iterdir()) == [folder]
    sys.stdout.write(f"{len(seen)} versions survived {left} unfinished writes\n")


if __name__ == "__main__":
    os.fsync = lambda handle: None  # the disk lives on when a process dies
    {"everywhere": everywhere, "kill": kill}[sys.argv[1]](Path(sys.argv[2]) / "in" / "model")
