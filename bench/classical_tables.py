"""The tables of docs/classical.md, from bench/results/classical.jsonl and bench/expected.toml."""

from __future__ import annotations

import statistics
import tomllib
from collections import defaultdict
from typing import Any

from classical import LARGE as LARGE_DATA
from classical import MODELS, SMALL
from common import HERE, results

Runs = list[dict[str, Any]]
RANKS = ("P@1", "P@3", "P@5")
LARGE = (*RANKS, "R-Precision", "PSP@1", "PSP@5")


def cells() -> dict[tuple[str, str], Runs]:
    """Return {(data, model): runs}, one a seed, in the order of the bench."""
    return measured("classical")


def measured(bench: str) -> dict[tuple[str, str], Runs]:
    runs: dict[tuple[str, str], Runs] = defaultdict(list)
    for row in results(bench):
        runs[row["data"], row["model"]].append(row)
    places = (*SMALL, *LARGE_DATA), MODELS
    order = sorted(runs, key=lambda k: (places[0].index(k[0]), places[1].index(k[1].split(",")[0])))
    return {key: runs[key] for key in order}


def mean(runs: Runs, what: str) -> float:
    """Mean over seeds."""
    return statistics.mean(run[what] for run in runs)


def spread(runs: Runs, metric: str) -> str:
    """Mean over seeds in percent, with the distance of the farthest seed."""
    values = [100 * run[metric] for run in runs]
    middle = statistics.mean(values)
    far = f" ± {max(abs(v - middle) for v in values):.1f}" if len(runs) > 1 else ""
    return f"{middle:.1f}{far}"


def published() -> str:
    """Ours beside published figures, on the very split."""
    expected = tomllib.loads((HERE / "expected.toml").read_text("utf8"))
    lines = [
        "| data | model | seeds | ours, P@1 / 3 / 5 | published | ours - published | source |",
        "| --- | --- | ---: | --- | --- | --- | --- |",
    ]
    for (data, model), runs in cells().items():
        if data not in expected:
            continue
        ours = [100 * mean(runs, m) for m in RANKS]
        shown = " / ".join(spread(runs, m) for m in RANKS)
        theirs = expected[data].get(model)
        figures = gaps = source = ""
        if theirs:
            figures = " / ".join(f"{v:.1f}" for v in theirs["p"])
            gaps = " / ".join(f"{a - b:+.1f}" for a, b in zip(ours, theirs["p"], strict=True))
            source = theirs["source"]
        lines.append(
            f"| {data} | `{model}` | {len(runs)} | {shown} | {figures} | {gaps} | {source} |"
        )
    return "\n".join(lines) + "\n"


def splits() -> str:
    """Ours on random splits beside published figures."""
    expected = tomllib.loads((HERE / "expected.toml").read_text("utf8"))
    lines = [
        "| data | model | splits | ours, P@1 / 3 / 5 | published | difference at 1 / 3 / 5 |",
        "| --- | --- | ---: | --- | --- | --- |",
    ]
    for (data, model), found in measured("classical_splits").items():
        theirs = expected[data][model.split(",")[0]]["p"]
        ours = [100 * mean(found, m) for m in RANKS]
        shown = " / ".join(spread(found, m) for m in RANKS)
        figures = " / ".join(f"{v:.1f}" for v in theirs)
        gaps = " / ".join(f"{a - b:+.1f}" for a, b in zip(ours, theirs, strict=True))
        lines.append(f"| {data} | `{model}` | {len(found)} | {shown} | {figures} | {gaps} |")
    return "\n".join(lines) + "\n"


def large() -> str:
    """All models that scale, on data with thousands of labels; one thread each."""
    rows = {k: [r for r in v if r["threads"] == 1] for k, v in cells().items()}
    rows = {k: v for k, v in rows.items() if v and k[0] in LARGE_DATA}
    if not rows:
        return "Not measured yet.\n"
    tails = sorted({m for runs in rows.values() for m in runs[0] if "tail" in m and "R@" in m})
    shown = (*LARGE, *tails)
    lines = [
        "| data | model | seeds | " + " | ".join(shown)
        + " | train, CPU s | docs/CPU s | model MB | peak MB |",
        "| --- | --- | ---: |" + " ---: |" * (len(shown) + 4),
    ]  # fmt: skip
    for (data, model), runs in rows.items():
        values = " | ".join(spread(runs, m) if m in runs[0] else "" for m in shown)
        sizes = f"{mean(runs, 'model_mb'):,.0f} | {mean(runs, 'peak_mb'):,.0f}"
        used = [r for r in runs if "train_cpu_s" in r][-1:]  # the newest: of the fastest code
        cost = [f"{mean(used, m):,.0f}" if used else "" for m in ("train_cpu_s", "docs_per_cpu_s")]
        times = " | ".join(cost)
        lines.append(f"| {data} | `{model}` | {len(runs)} | {values} | {times} | {sizes} |")
    return "\n".join(lines) + "\n"


def specific() -> str:
    """All labels learned, or most-specific ones only, by the same seed; the latter are counted."""
    rows = results("classical_specific")
    if not rows:
        return "Not measured yet.\n"
    shown = (*RANKS, "R-Precision", "PSP@5")
    lines = [
        "| data | model | learns | " + " | ".join(shown) + " |",
        "| --- | --- | --- |" + " ---: |" * len(shown),
    ]
    for row in rows:
        same = [r for r in cells()[row["data"], row["model"]] if r["seed"] == row["seed"]]
        for learns, run in (("all labels", same[-1]), ("most-specific ones", row)):
            values = " | ".join(f"{100 * run[m]:.1f}" for m in shown)
            lines.append(f"| {row['data']} | `{row['model']}` | {learns} | {values} |")
    return "\n".join(lines) + "\n"
