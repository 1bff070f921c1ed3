"""How long does a user wait? `labeltree --help`, and from process start to the first answer.

startup.py [--repeat 7]
On a model of the project's own corpus, and on the largest model in bench/work if there is one.
The first run of all compiles kernels into an empty cache, the second finds them there.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from common import WORK, record

BENCH = "startup"
LABELTREE = [sys.executable, "-m", "labeltree"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=7)
    repeat = parser.parse_args().repeat
    record(BENCH, what="--help", seconds=median(repeat, [*LABELTREE, "--help"]))
    cache = WORK / "empty_cache"
    shutil.rmtree(cache, ignore_errors=True)
    fresh = os.environ | {"LABELTREE_CACHE": str(cache)}
    demo = [*LABELTREE, "demo", "--out", str(WORK / "demo"), "--quiet"]
    for what in ("demo, compiling kernels", "demo, kernels in the cache"):
        record(BENCH, what=what, seconds=round(timed(demo, fresh), 3))
    models = [WORK / "demo", *WORK.glob("*/ours")]
    for model in (models[0], max(models, key=size)):
        command = [*LABELTREE, "predict", str(model), "-", "--k", "5"]
        name = model.parent.name if model.name == "ours" else model.name
        record(
            BENCH, what=f"first answer, {name}", model_mb=round(size(model) / 1e6, 1),
            seconds=median(repeat, command, b"A kettle full of limescale\n"),
        )  # fmt: skip


def size(folder: Path) -> int:
    return sum(f.stat().st_size for f in folder.glob("*")) if folder.exists() else 0


def timed(command: list[str], env: dict | None = None, stdin: bytes = b"") -> float:
    began = time.perf_counter()
    subprocess.run(command, input=stdin, env=env, check=True, capture_output=True)
    return time.perf_counter() - began


def median(repeat: int, command: list[str], stdin: bytes = b"") -> float:
    timed(command, None, stdin)
    return round(statistics.median(timed(command, None, stdin) for _ in range(repeat)), 3)


if __name__ == "__main__":
    main()
