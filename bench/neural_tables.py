"""The tables of docs/neural.md, from bench/results/neural.jsonl and training_speed.jsonl."""

from __future__ import annotations

import statistics
from collections import defaultdict
from typing import Any

from classical_tables import spread
from common import results
from neural import CONTROLS, GRID

Runs = list[dict[str, Any]]
METRICS = (
    "micro-F1", "macro-F1", "hierarchical-F1", "specific R-Precision", "specific P@1",
    "specific P@5",
)  # fmt: skip


def grid(mode: str) -> str:
    """Draw networks and linear trees on the same documents."""
    rows = cells(mode, GRID)
    if not rows:
        return "Not measured yet.\n"
    lines = [
        "| data | model | wrapped | seeds | " + " | ".join(METRICS)
        + " | violations, decided / scores | fit, CPU s | head, ms | peak MB |",
        "| --- | --- | --- | ---: |" + " ---: |" * (len(METRICS) + 4),
    ]  # fmt: skip
    for (data, model, layout), runs in rows.items():
        values = " | ".join(spread(runs, m) for m in METRICS)
        broken = " / ".join(
            f"{statistics.mean(r[m] for r in runs):.3f}" for m in ("violations", "score-violations")
        )
        seconds = statistics.median(r["cpu_s"] for r in runs)
        head = (
            f"{statistics.median(r['head_ms'] for r in runs):.1f}" if "head_ms" in runs[0] else ""
        )
        wrapped = "" if layout == "none" else layout
        lines.append(
            f"| {data} | `{model}` | {wrapped} | {len(runs)} | {values} | {broken}"
            f" | {seconds:,.0f} | {head} | {max(r['peak_mb'] for r in runs):,} |"
        )
    return "\n".join(lines) + "\n"


def controls() -> str:
    """Draw what is lost in reading, beside what heads answer."""
    named = {
        ("one_vs_rest", "none"): ("`one_vs_rest`", "TF-IDF"),
        ("one_vs_rest", "logistic"): ("`one_vs_rest`, logistic loss", "TF-IDF"),
        ("one_vs_rest", "tokens"): ("`one_vs_rest`", "TF-IDF of the tokens that MiniLM reads"),
        ("one_vs_rest", "vectors"): ("`one_vs_rest`", "frozen MiniLM"),
        ("flat", "none"): ("`flat`", "frozen MiniLM"),
        ("flat", "words"): ("`flat`", "TF-IDF (`tfidf_mlp`)"),
    }
    rows = cells("frozen", list(named))
    if not any(key[1:] in CONTROLS for key in rows):
        return "Not measured yet.\n"
    shown = ("micro-F1", "specific R-Precision", "specific P@1")
    lines = [
        "| data | model | reads | seeds | " + " | ".join(shown) + " |",
        "| --- | --- | --- | ---: |" + " ---: |" * len(shown),
    ]
    for (data, *key), runs in rows.items():
        model, reads = named[key[0], key[1]]
        values = " | ".join(spread(runs, m) for m in shown)
        lines.append(f"| {data} | {model} | {reads} | {len(runs)} | {values} |")
    return "\n".join(lines) + "\n"


def cells(mode: str, order: list[tuple[str, str]]) -> dict[tuple[str, str, str], Runs]:
    """Return {(data, model, layout): runs}, one a seed, in an order of models and layouts."""
    found: dict[tuple[str, str, str], Runs] = defaultdict(list)
    for row in results("neural"):
        if row.get("mode") == mode and "seed" in row:
            found[row["data"], row["model"], row["layout"]].append(row)
    data = sorted({key[0] for key in found})
    return {(d, *pair): found[d, *pair] for d in data for pair in order if (d, *pair) in found}


def bootstrap() -> str:
    """Draw what wrapping changes."""
    rows = {(r["mode"], r["data"], r["model"], r["layout"], r["metric"]): r
            for r in results("neural") if r.get("what") == "bootstrap"}  # fmt: skip
    if not rows:
        return "Not measured yet.\n"
    lines = [
        "| data | encoder | head | wrapped | seeds | metric | change, points | 95 % interval | p |",
        "| --- | --- | --- | --- | ---: | --- | ---: | ---: | ---: |",
    ]
    for (mode, data, model, layout, metric), row in rows.items():
        low, high = 100 * row["low"], 100 * row["high"]
        p = f"{row['p']:.3f}" if row["p"] >= 0.0005 else "< 0.001"
        lines.append(
            f"| {data} | {mode} | `{model}` | {layout} | {row['seeds']} | {metric}"
            f" | {100 * row['difference']:+.2f} | {low:+.2f} to {high:+.2f} | {p} |"
        )
    return "\n".join(lines) + "\n"


def branches() -> str:
    """Draw where vectors lose: F1 by branch."""
    rows = {(r["data"], r["branch"]): r for r in results("neural") if r.get("what") == "branch"}
    if not rows:
        return "Not measured yet.\n"
    shown = {
        "one_vs_rest tokens": "`one_vs_rest` on TF-IDF of the tokens",
        "one_vs_rest vectors": "`one_vs_rest` on vectors", "flat none": "`flat` on vectors",
    }  # fmt: skip
    lines = [
        "| data | branch | labels below | " + " | ".join(shown.values()) + " |",
        "| --- | --- | ---: |" + " ---: |" * len(shown),
    ]
    for (data, branch), row in rows.items():
        values = " | ".join(f"{100 * row[key]:.1f}" for key in shown)
        lines.append(f"| {data} | {branch} | {row['n_labels']} | {values} |")
    return "\n".join(lines) + "\n"


def speed() -> str:
    """Draw the loop beside a bare one."""
    rows = results("training_speed")
    if not rows:
        return "Not measured yet.\n"
    lines = [
        "| encoder | device | documents/s, ours | bare loop | ratio | repeats |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for row in {(r["encoder"], r["device"]): r for r in rows}.values():
        lines.append(
            f"| {row['encoder']} | {row['device']} | {row['ours']:,} | {row['bare']:,}"
            f" | {row['ratio']:.3f} | {row['repeat']} |"
        )
    return "\n".join(lines) + "\n"
