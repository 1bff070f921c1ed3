"""The tables of docs/neural.md, from bench/results/neural.jsonl and training_speed.jsonl."""

from __future__ import annotations

import statistics
from collections import defaultdict
from typing import Any

from classical_tables import spread
from common import results
from neural import CONTROLS, GRID, MATCHING, STRUCTURE

from labeltree.metrics.significance import holm

Runs = list[dict[str, Any]]
METRICS = (
    "micro-F1", "macro-F1", "hierarchical-F1", "specific R-Precision", "specific P@1",
    "specific P@5",
)  # fmt: skip
Named = dict[tuple[str, str], tuple[str, str]]
READS: Named = {
    ("one_vs_rest", "none"): ("`one_vs_rest`", "TF-IDF"),
    ("one_vs_rest", "logistic"): ("`one_vs_rest`, logistic loss", "TF-IDF"),
    ("one_vs_rest", "tokens"): ("`one_vs_rest`", "TF-IDF of the tokens that MiniLM reads"),
    ("one_vs_rest", "vectors"): ("`one_vs_rest`", "frozen MiniLM"),
    ("flat", "none"): ("`flat`", "frozen MiniLM"),
    ("flat", "words"): ("`flat`", "TF-IDF (`tfidf_mlp`)"),
}
KNOWS: Named = {
    ("flat", "none"): ("`flat`", "none"),
    ("flat", "projection"): ("`flat`, wrapped", "a head for each branch"),
    ("flat", "random"): ("`flat`, wrapped", "a head for each of as many random groups"),
    ("flat", "routing"): ("`flat`, wrapped", "gradients routed by branches"),
    ("hiagm", "none"): ("`hiagm`", "given"),
    ("hiagm", "shuffled"): ("`hiagm`", "labels dealt out anew"),
    ("hiagm", "star"): ("`hiagm`", "none"),
    ("hiagm", "projection"): ("`hiagm`, wrapped", "a head for each branch"),
    ("hiagm", "random"): ("`hiagm`, wrapped", "a head for each of as many random groups"),
    ("hitin", "none"): ("`hitin`", "given"),
    ("hitin", "shuffled"): ("`hitin`", "labels dealt out anew"),
    ("hitin", "star"): ("`hitin`", "none"),
}
MATCHES: Named = {
    ("himatch", "none"): ("`himatch`", "joint space and ranking"),
    ("himatch", "shuffled"): ("`himatch`", "the same, labels dealt out anew to the hierarchy"),
    ("himatch", "no_match"): ("`himatch`", "joint space"),
    ("himatch", "no_joint"): ("`himatch`", "ranking"),
    ("himatch", "no_labels"): ("`himatch`", "neither: its text side alone"),
}


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
    return controlled("reads", READS, CONTROLS)


def structure() -> str:
    """Draw what heads answer that know another hierarchy, or none."""
    return controlled("hierarchy", KNOWS, STRUCTURE)


def matching() -> str:
    """Draw what each loss of himatch is worth."""
    return controlled("trained by, beside its answers", MATCHES, MATCHING)


def controlled(what: str, named: Named, controls: list[tuple[str, str]]) -> str:
    """Draw cells beside their controls, where there are any; `named` tells what they are called."""
    rows = cells("frozen", list(named))
    measured = {key[0] for key in rows if key[1:] in controls}
    if not measured:
        return "Not measured yet.\n"
    shown = ("micro-F1", "macro-F1", "specific R-Precision", "specific P@1")
    lines = [
        f"| data | model | {what} | seeds | " + " | ".join(shown) + " |",
        "| --- | --- | --- | ---: |" + " ---: |" * len(shown),
    ]
    for (data, *key), runs in rows.items():
        if data not in measured:
            continue
        model, value = named[key[0], key[1]]
        values = " | ".join(spread(runs, m) for m in shown)
        lines.append(f"| {data} | {model} | {value} | {len(runs)} | {values} |")
    return "\n".join(lines) + "\n"


def cells(mode: str, order: list[tuple[str, str]]) -> dict[tuple[str, str, str], Runs]:
    """Return {(data, model, layout): runs}, one a seed, in an order of models and layouts."""
    found: dict[tuple[str, str, str], Runs] = defaultdict(list)
    for row in results("neural"):
        if row.get("mode") == mode and "seed" in row:
            found[row["data"], row["model"], row["layout"]].append(row)
    data = sorted({key[0] for key in found})
    return {(d, *pair): found[d, *pair] for d in data for pair in order if (d, *pair) in found}


def wrapping() -> str:
    """Draw what wrapping changes."""
    return bootstrap(
        "wrapped", {"masking": ("masking", "none"), "projection": ("projection", "none")}
    )


def hierarchies() -> str:
    """Draw what the hierarchy changes, and where it is cut."""
    return bootstrap("what, and instead of what", {
        "branches of the root, random groups": ("projection", "random"),
        "the hierarchy, its labels dealt out anew": ("none", "shuffled"),
    })  # fmt: skip


def bootstrap(what: str, pairs: dict[str, tuple[str, str]]) -> str:
    """Draw differences between layouts; `pairs` tells how two of them are called."""
    rows = {
        (r["data"], r["mode"], r["model"], name): r for r in results("neural")
        for name, pair in pairs.items()
        if r.get("what") == "bootstrap" and (r["layout"], r["other"]) == pair
    }  # fmt: skip
    if not rows:
        return "Not measured yet.\n"
    lines = [
        f"| data | encoder | head | {what} | seeds | metric | change, points | 95 % interval | p"
        " | p, Holm |",
        "| --- | --- | --- | --- | ---: | --- | ---: | ---: | ---: | ---: |",
    ]
    adjusted = holm([row["p"] for row in rows.values()])
    for ((data, mode, model, name), row), of_all in zip(rows.items(), adjusted, strict=True):
        low, high = 100 * row["low"], 100 * row["high"]
        p, p_holm = (f"{v:.3f}" if v >= 0.0005 else "< 0.001" for v in (row["p"], of_all))
        lines.append(
            f"| {data} | {mode} | `{model}` | {name} | {row['seeds']} | {row['metric']}"
            f" | {100 * row['difference']:+.2f} | {low:+.2f} to {high:+.2f} | {p} | {p_holm} |"
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
