"""Draw the tables of the docs from bench/results: between <!-- table: x --> and <!-- end -->."""

from __future__ import annotations

import re
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import classical_tables
import neural_tables
import speed_tables
from common import HERE, results

PAGES = [HERE.parent / "README.md", *sorted((HERE.parent / "docs").glob("*.md"))]
METRICS = ("P@1", "P@3", "P@5", "PSP@5")


def main() -> None:
    for page in PAGES:
        text = page.read_text("utf8")
        for name, draw in TABLES.items():
            pattern = rf"(<!-- table: {name} -->\n).*?(<!-- end -->)"
            text = re.sub(pattern, lambda m, d=draw: m[1] + d() + m[2], text, flags=re.DOTALL)
        page.write_text(text, "utf8")
    speed_tables.plot(HERE.parent / "docs" / "performance.png")


def grouped(rows: Iterable[dict[str, Any]], *keys: str) -> dict[tuple, list[dict[str, Any]]]:
    groups: dict[tuple, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[k] for k in keys)].append(row)
    return groups


def spread(rows: list[dict[str, Any]], metric: str) -> str:
    """Mean over seeds in percent, with the distance of the farthest seed."""
    values = [100 * r[metric] for r in rows]
    mean = statistics.mean(values)
    return f"{mean:.1f} ± {max(abs(v - mean) for v in values):.1f}"


def gap(ours: list[dict[str, Any]], theirs: list[dict[str, Any]], metric: str) -> str:
    """Difference of the means in points, with its 95 % interval over seeds (normal)."""
    a, b = ([100 * r[metric] for r in runs] for runs in (ours, theirs))
    error = sum(statistics.variance(v) / len(v) for v in (a, b) if len(v) > 1) ** 0.5
    return f"{statistics.mean(a) - statistics.mean(b):+.2f} ± {1.96 * error:.2f}"


def quality() -> str:
    rows = results("quality_vs_peers")
    lines = [
        "| data | model | trees | system | seeds | "
        + " | ".join(METRICS)
        + " | fit, s | peak MB |",
        "| --- | --- | ---: | --- | ---: |" + " ---: |" * (len(METRICS) + 2),
    ]
    for (data, model, n_trees), cell in grouped(rows, "data", "model", "n_trees").items():
        systems = grouped(cell, "system")
        for (system,), runs in systems.items():
            values = " | ".join(spread(runs, m) for m in METRICS)
            seconds = statistics.median(r["seconds"] for r in runs)
            peak = statistics.median(r["peak_mb"] for r in runs)
            lines.append(
                f"| {data} | {model} | {n_trees} | {system} | {len(runs)} | {values}"
                f" | {seconds:.1f} | {peak:.0f} |"
            )
        if len(systems) == 2:
            theirs = next(runs for (system,), runs in systems.items() if system != "labeltree")
            gaps = " | ".join(f"*{gap(systems['labeltree',], theirs, m)}*" for m in METRICS)
            lines.append(f"| {data} | {model} | {n_trees} | *difference* | | {gaps} | | |")
    return "\n".join(lines) + "\n"


def trees() -> str:
    shown = ("P@1", "P@3", "P@5", "R-Precision", "PSP@5", "micro-F1", "macro-F1")
    lines = [
        "| data | label sets | tree | seeds | " + " | ".join(shown) + " | fit, s |",
        "| --- | --- | --- | ---: |" + " ---: |" * (len(shown) + 1),
    ]
    for (data, sets, specific, tree), runs in sorted(
        grouped(results("trees"), "data", "sets", "specific", "tree").items(),
        key=lambda g: g[0][:3],
    ):
        kind = f"{sets}: most specific" if specific else sets
        values = " | ".join(spread(runs, m) for m in shown)
        seconds = statistics.median(r["seconds"] for r in runs)
        lines.append(f"| {data} | {kind} | {tree} | {len(runs)} | {values} | {seconds:.1f} |")
    return "\n".join(lines) + "\n"


def update() -> str:
    shown = ("P@1", "P@3", "P@5", "R-Precision", "PSP@5")
    lines = [
        "| data | new documents | new labels | trees | what | seeds | " + " | ".join(shown)
        + " | seconds | share of the time |",
        "| --- | ---: | ---: | ---: | --- | ---: |" + " ---: |" * (len(shown) + 2),
    ]  # fmt: skip
    keys = ("data", "new_documents", "new_labels", "n_trees", "drift")
    for (data, documents, labels, n_trees, drift), cell in grouped(
        results("update"), *keys
    ).items():
        seconds: dict[str, float] = {}
        for (what,), runs in grouped(cell, "what").items():
            values = " | ".join(spread(runs, m) for m in shown)
            seconds[what] = statistics.median(r["seconds"] for r in runs)
            share = seconds[what] / seconds.get("fit again", seconds[what])
            name = f"update, drift {drift}" if what == "update" else what
            lines.append(
                f"| {data} | {documents} | {labels} | {n_trees} | {name} | {len(runs)} | {values}"
                f" | {seconds[what]:.1f} | {100 * share:.0f} % |"
            )
    return "\n".join(lines) + "\n"


def decisions() -> str:
    """Every rule; bold where it loses neither F1 against the global cut on raw scores."""
    shown = ("micro-F1", "macro-F1", "sample-F1")
    lines = [
        "| data | calibration | rule | seeds | " + " | ".join(shown) + " | labels a document"
        " | violations |",
        "| --- | --- | --- | ---: |" + " ---: |" * (len(shown) + 2),
    ]
    rows = [r for r in results("decisions") if r["what"] == "rule"]
    for (data,), cell in grouped(rows, "data").items():
        kinds = grouped(cell, "calibrate", "rule")
        plain = kinds["none", "global"]
        for (calibrate, rule), runs in kinds.items():
            ours, theirs = (
                [statistics.mean(r[m] for r in x) for m in shown[:2]] for x in (runs, plain)
            )
            holds = all(a >= b for a, b in zip(ours, theirs, strict=True)) and rule != "oracle"
            name = {"oracle": "*global, chosen on test*"}.get(rule, f"`{rule}`")
            name = f"**{name}**" if holds else name
            values = " | ".join(spread(runs, m) for m in shown)
            size = statistics.mean(r["per_document"] for r in runs)
            broken = sum(r["violations"] for r in runs) if runs[0]["closed"] else ""
            lines.append(
                f"| {data} | {calibrate} | {name} | {len(runs)} | {values} | {size:.1f}"
                f" | {broken} |"
            )
    return "\n".join(lines) + "\n"


def calibration() -> str:
    lines = [
        "| data | calibration | seeds | ECE, all ranked pairs | ECE, first answers |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    rows = [r for r in results("decisions") if r["what"] == "calibration"]
    for (data, calibrate), runs in grouped(rows, "data", "calibrate").items():
        means = (statistics.mean(r[m] for r in runs) for m in ("ece", "ece_first"))
        values = " | ".join(f"{v:.4f}" for v in means)
        lines.append(f"| {data} | {calibrate} | {len(runs)} | {values} |")
    return "\n".join(lines) + "\n"


def coverage() -> str:
    shown = ("coverage", "answered", "full")
    lines = [
        "| data | target | seeds | coverage | answered | at full depth | mean depth |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    rows = [r for r in results("decisions") if r["what"] == "coverage"]
    for (data, target), runs in grouped(rows, "data", "target").items():
        values = " | ".join(spread(runs, m) for m in shown)
        depth = statistics.mean(r["depth"] for r in runs)
        lines.append(f"| {data} | {100 * target:.0f} | {len(runs)} | {values} | {depth:.2f} |")
    return "\n".join(lines) + "\n"


def startup() -> str:
    lines = ["| what | model, MB | seconds |", "| --- | ---: | ---: |"]
    last = {row["what"]: row for row in results("startup")}
    for what, row in last.items():
        lines.append(f"| {what} | {row.get('model_mb', '')} | {row['seconds']:.2f} |")
    return "\n".join(lines) + "\n"


def tfidf() -> str:
    lines = [
        "| data | documents | word n-grams | what | system | seconds |",
        "| --- | ---: | ---: | --- | --- | ---: |",
    ]
    keys = ("data", "n_documents", "ngrams", "what", "system")
    last = {tuple(row[k] for k in keys): row for row in results("tfidf_speed")}
    for cell, row in last.items():
        lines.append("| " + " | ".join(map(str, cell)) + f" | {row['seconds']:.4g} |")
    return "\n".join(lines) + "\n"


def provenance() -> str:
    """Which commits and machines the figures come from."""
    seen: dict[str, set[str]] = defaultdict(set)
    for bench in (
        "quality_vs_peers",
        "trees",
        "decisions",
        "decision_constants",
        "update",
        "startup",
        "tfidf_speed",
        "linear_vs_peers",
        "phases",
        "classical",
        "classical_splits",
        "classical_specific",
        "neural",
        "training_speed",
    ):
        for row in results(bench):
            seen[bench].add(f"{row['commit']} on {row.get('machine', '?')}")
    return "".join(f"- `{b}`: {', '.join(sorted(v))}\n" for b, v in seen.items())


TABLES: dict[str, Callable[[], str]] = {
    "quality_vs_peers": quality,
    "trees": trees,
    "decisions": decisions,
    "calibration": calibration,
    "coverage": coverage,
    "update": update,
    "startup": startup,
    "tfidf_speed": tfidf,
    "provenance": provenance,
    "speed_summary": speed_tables.summary,
    "speed_memory": speed_tables.memory,
    "speed_growth": speed_tables.growth,
    "speed_detail": speed_tables.detail,
    "phases": speed_tables.phases,
    "classical_published": classical_tables.published,
    "classical_splits": classical_tables.splits,
    "classical_large": classical_tables.large,
    "classical_specific": classical_tables.specific,
    "neural_frozen": lambda: neural_tables.grid("frozen"),
    "neural_reads": neural_tables.controls,
    "neural_branches": neural_tables.branches,
    "neural_structure": neural_tables.structure,
    "neural_matching": neural_tables.matching,
    "neural_tuned": lambda: neural_tables.grid("tuned"),
    "neural_bootstrap": neural_tables.wrapping,
    "neural_hierarchies": neural_tables.hierarchies,
    "training_speed": neural_tables.speed,
}

if __name__ == "__main__":
    main()
