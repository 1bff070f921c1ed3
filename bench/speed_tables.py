"""The tables and the picture of docs/performance.md, from bench/results/linear_vs_peers.jsonl."""

from __future__ import annotations

import statistics
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from common import results
from synthetic import SHAPES

Cell = dict[str, float]
OURS = "labeltree"
COLUMNS = {
    "train_s": ("train, s", "{:.2f}"),
    "train_cpu_s": ("CPU, s", "{:.2f}"),
    "peak_mb": ("peak MB", "{:.0f}"),
    "model_mb": ("model MB", "{:.1f}"),
    "docs_per_s": ("docs/s", "{:,.0f}"),
    "p50_us": ("one, p50 us", "{:.0f}"),
    "p99_us": ("p99 us", "{:.0f}"),
    "kernel_p50_us": ("kernel p50 us", "{:.0f}"),
    "load_s": ("load, s", "{:.2f}"),
    "first_s": ("first answer, s", "{:.2f}"),
    "P@1": ("P@1", "{:.1%}"),
    "P@5": ("P@5", "{:.1%}"),
}

FEWER_LABELS = ("amazon10k", "amazon40k", "amazon160k")
"""Shown in the table of growth only."""


def medians() -> dict[tuple[str, str, int], dict[str, Cell]]:
    """Return {(data, shape, threads): {system: medians of the repeats}}."""
    runs: dict[tuple[str, str, int], dict[str, list[dict[str, Any]]]] = defaultdict(dict)
    for row in results("linear_vs_peers"):
        cell = row["data"], row["shape"], row["threads"]
        runs[cell].setdefault(row["system"], []).append(row)
    return {
        cell: {system: median_of(rows) for system, rows in systems.items()}
        for cell, systems in sorted(runs.items())
    }


def median_of(rows: list[dict[str, Any]]) -> Cell:
    found = {"runs": float(len(rows))}
    for column in COLUMNS:
        values = [row[column] for row in rows if column in row]
        if values:
            found[column] = statistics.median(values)
    return found


def best(systems: dict[str, Cell], column: str, largest: bool = False) -> float | None:
    """Return the best value of any peer."""
    values = [c[column] for s, c in systems.items() if s != OURS and column in c]
    return (max if largest else min)(values) if values else None


def detail() -> str:
    shown = [title for title, _ in COLUMNS.values()]
    lines = [
        "| data | trees | threads | system | runs | " + " | ".join(shown) + " |",
        "| --- | --- | ---: | --- | ---: |" + " ---: |" * len(shown),
    ]
    for (data, shape, threads), systems in medians().items():
        for system, cell in systems.items():
            name = f"**{system}**" if system == OURS else system
            values = [f.format(cell[c]) if c in cell else "" for c, (_, f) in COLUMNS.items()]
            lines.append(
                f"| {data} | {shape} | {threads} | {name} | {cell['runs']:.0f} | "
                + " | ".join(values) + " |"
            )  # fmt: skip
    return "\n".join(lines) + "\n"


RATIOS = {
    "training": ("train_s", False),
    "bulk answers": ("docs_per_s", True),
    "one document, kernel": ("kernel_p50_us", False),
    "one document, public call": ("p50_us", False),
    "model on disk": ("model_mb", False),
}


def ratio(systems: dict[str, Cell], what: str) -> float | None:
    """Return ours over the best peer's; a kernel is held against the peers' fastest call."""
    column, largest = RATIOS[what]
    theirs = best(systems, "p50_us" if column == "kernel_p50_us" else column, largest)
    ours = systems.get(OURS, {}).get(column)
    return None if ours is None or not theirs else ours / theirs


def summary() -> str:
    """For each shape and number of threads: ours over the best peer's, data set by data set."""
    cells = medians()
    datasets = sorted({data for data, _, _ in cells if data not in FEWER_LABELS})
    lines = [
        "| ours / best peer's | trees | threads | " + " | ".join(datasets) + " | geometric mean |",
        "| --- | --- | ---: |" + " ---: |" * (len(datasets) + 1),
    ]
    for what in RATIOS:
        for shape, threads in sorted({(s, t) for _, s, t in cells}):
            found = [ratio(cells.get((d, shape, threads), {}), what) for d in datasets]
            known = [r for r in found if r is not None]
            if known:
                mean = statistics.geometric_mean(known)
                values = " | ".join("" if r is None else f"{r:.2f}" for r in found)
                lines.append(f"| {what} | {shape} | {threads} | {values} | **{mean:.2f}** |")
    return "\n".join(lines) + "\n"


def memory() -> str:
    """Peak of training less the leanest peer's; what two threads gain."""
    lines = [
        "| data | trees | peak MB, 1 thread | leanest peer's | gain by 2 threads | best peer's |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    cells = medians()
    for (data, shape, threads), systems in cells.items():
        two = cells.get((data, shape, 2), {})
        if threads != 1 or OURS not in systems or OURS not in two:
            continue
        gains = {
            s: c["train_s"] / two[s]["train_s"]
            for s, c in systems.items() if s in two and "train_s" in c
        }  # fmt: skip
        theirs = max((g for s, g in gains.items() if s != OURS), default=float("nan"))
        lean = best(systems, "peak_mb") or float("nan")
        lines.append(
            f"| {data} | {shape} | {systems[OURS]['peak_mb']:.0f} | {lean:.0f}"
            f" | {gains[OURS]:.2f} | {theirs:.2f} |"
        )
    return "\n".join(lines) + "\n"


def growth() -> str:
    """Tell what more labels cost at a fixed number of documents a label; slopes on log scales."""
    lines = [
        "| labels | documents | trees | threads | system | train, s | peak MB | docs/s |",
        "| ---: | ---: | --- | ---: | --- | ---: | ---: | ---: |",
    ]
    series: dict[tuple[str, int, str], list[tuple[int, float, float]]] = defaultdict(list)
    for (data, shape, threads), systems in medians().items():
        if not data.startswith("amazon"):
            continue
        size = SHAPES[data]
        for system, cell in systems.items():
            seconds, peak = cell["train_s"], cell["peak_mb"]
            series[shape, threads, system].append((size.n_labels, seconds, peak))
            row = f"| {size.n_labels:,} | {size.n_train:,} | {shape} | {threads} | {system} |"
            lines.append(f"{row} {seconds:.1f} | {peak:,.0f} | {cell['docs_per_s']:,.0f} |")
    lines[2:] = sorted(lines[2:], key=lambda line: int(line.split("|")[1].replace(",", "")))
    for (shape, threads, system), points in series.items():
        if len(points) > 2:
            labels, *values = np.log(np.array(points).T)
            time, memory = (np.polyfit(labels, v, 1)[0] for v in values)
            row = f"| **slope** | | {shape} | {threads} | {system} |"
            lines.append(f"{row} **{time:.2f}** | **{memory:.2f}** | |")
    return "\n".join(lines) + "\n"


def phases() -> str:
    lines = [
        "| data | phase | seconds | multiply-adds, least | G/s | share |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    last = {(r["data"], r["phase"]): r for r in results("phases")}
    total: dict[str, float] = defaultdict(float)
    for (data, phase), row in last.items():
        total[data] += row["seconds"] if phase != "answers" else 0
    for (data, phase), row in last.items():
        share = "" if phase == "answers" else f"{row['seconds'] / total[data]:.0%}"
        work = f"{row['madds'] / 1e6:,.0f} M" if row["madds"] else ""
        rate = f"{row['madds'] / row['seconds'] / 1e9:.2f}" if row["madds"] else ""
        lines.append(f"| {data} | {phase} | {row['seconds']:.2f} | {work} | {rate} | {share} |")
    return "\n".join(lines) + "\n"


def plot(file: Path) -> None:
    """Draw training seconds and documents answered in a second, a panel each, a dot a system."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    cells = [
        (k, v) for k, v in medians().items()
        if k[2] == 1 and k[0] not in FEWER_LABELS and OURS in v and len(v) > 1
    ]  # fmt: skip
    names = sorted({s for _, v in cells for s in v}, key=lambda s: (s != OURS, s))
    colour = {s: plt.get_cmap("tab10")(i) for i, s in enumerate(names)}
    figure, axes = plt.subplots(1, 2, figsize=(11, 0.42 * len(cells) + 1.6), sharey=True)
    for axis, column, title in zip(
        axes, ("train_s", "docs_per_s"), ("training, seconds", "documents a second"), strict=True
    ):
        for at, (_, systems) in enumerate(reversed(cells)):
            for name, cell in systems.items():
                if column in cell:
                    size = 70 if name == OURS else 35
                    axis.scatter(cell[column], at, s=size, color=colour[name], zorder=3)
        axis.set_xscale("log")
        axis.set_xlabel(title + " (log scale)")
        axis.grid(axis="both", alpha=0.3)
    axes[0].set_yticks(range(len(cells)), [f"{d}, {s}" for (d, s, _), _ in reversed(cells)])
    handles = [
        plt.Line2D([], [], marker="o", ls="", color=colour[s], label=s) for s in names
    ]  # fmt: skip
    figure.legend(handles=handles, loc="upper center", ncols=len(names), frameon=False)
    figure.tight_layout(rect=(0, 0, 1, 0.95))
    figure.savefig(file, dpi=110)
