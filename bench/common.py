"""What the benches share: who measured what, when, on which commit, and where it is kept."""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
WORK = HERE / "work"


def data_root() -> Path:
    """Return the folder of data sets, from LABELTREE_DATA."""
    root = os.environ.get("LABELTREE_DATA")
    if not root:
        sys.exit("set LABELTREE_DATA to the folder that holds the data sets")
    return Path(root)


def commit() -> str:
    """Return the commit measured, with + where the source tree differs from it."""
    git = ["git", "-C", str(HERE.parent)]
    head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    changed = subprocess.run([*git, "status", "--porcelain", "src"], capture_output=True, text=True)
    return (head.stdout.strip() or "uncommitted") + ("+" if changed.stdout.strip() else "")


def record(bench: str, **values: Any) -> dict[str, Any]:
    """Append one measurement to bench/results/<bench>.jsonl and return it."""
    line = {
        "commit": commit(),
        "when": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "python": platform.python_version(),
        "versions": {p: version(p) for p in ("labeltree", "numba", "numpy", "scipy")},
        **values,
    }
    RESULTS.mkdir(exist_ok=True)
    with open(RESULTS / f"{bench}.jsonl", "a", encoding="utf8") as out:
        out.write(json.dumps(line) + "\n")
    print(json.dumps(values), flush=True)
    return line


def results(bench: str) -> list[dict[str, Any]]:
    """Return all measurements of a bench."""
    file = RESULTS / f"{bench}.jsonl"
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text("utf8").splitlines()]


def is_measured(bench: str, **cell: Any) -> bool:
    """Whether a measurement of a bench has all these values."""
    return any(all(row.get(k) == v for k, v in cell.items()) for row in results(bench))


def peak_mb() -> int:
    """Return this process's peak so far; `ru_maxrss` remembers the program that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        return round(int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def record_apart(bench: str, script: str, cell: dict[str, Any]) -> None:
    """Let a script measure a cell in a fresh process, and record it."""
    found = apart(script, cell)
    if found is not None:
        record(bench, **cell, **found)


def apart(script: str, cell: dict[str, Any]) -> dict[str, Any] | None:
    """Return what a script says of a cell (`--cell JSON`) in a fresh process; None if it failed."""
    command = [sys.executable, script, "--cell", json.dumps(cell)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        print(f"{cell}: {done.stderr[-1500:]}", file=sys.stderr)
        return None
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measured(command: Sequence[str], **options: Any) -> tuple[float, float, str]:
    """Run a command; return (wall seconds, peak resident MB, standard output)."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"failed with {process.returncode}: {' '.join(map(str, command))}")
    return time.perf_counter() - began, usage.ru_maxrss / 1024, output
