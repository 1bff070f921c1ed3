"""The pictures of an evaluation report, drawn by matplotlib as SVG."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from labeltree.core.errors import MissingExtraError
from labeltree.metrics import Group
from labeltree.run.report.findings import Findings

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#8a8f98"
"""Told apart by readers with any colour vision (Okabe & Ito, 2008)."""
SIZE = (6.0, 3.6)
"""Inches."""
STYLE: dict[Any, Any] = {
    "font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "grid.color": "#e4e6ea", "axes.axisbelow": True, "axes.edgecolor": "#5c6370",
    "legend.frameon": False, "svg.hashsalt": "labeltree",
}  # fmt: skip


def check_matplotlib() -> None:
    """Raise `MissingExtraError` if matplotlib is not installed: before the work, not after it."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("A report with plots", "plot") from error


def draw(findings: Findings) -> dict[str, str]:
    """Return the pictures that there is something to draw for, SVG by name."""
    found = findings
    plots: dict[str, Any] = {"ranking": lambda ax: _ranking(ax, found)}
    plots["frequency"] = lambda ax: _frequency(ax, found)
    if found.frequency.share.any():
        plots["share"] = lambda ax: _share(ax, found)
    plots["thresholds"] = lambda ax: _thresholds(ax, found)
    plots["reliability"] = lambda ax: _reliability(ax, found)
    if any(g.n_true for g in found.levels):
        plots["levels"] = lambda ax: _levels(ax, found.levels)
    return {name: _svg(plot) for name, plot in plots.items()}


def _svg(plot: Any) -> str:
    """Return a plot as SVG; text becomes paths, so that it looks alike everywhere."""
    check_matplotlib()
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(STYLE):
        figure: Figure = Figure(figsize=SIZE, layout="constrained")
        plot(figure.add_subplot())
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()


def _ranking(ax: Axes, found: Findings) -> None:
    curves = found.ranking
    k = np.arange(1, len(curves.precision) + 1)
    ax.plot(k, curves.attainable, color=GREY, linestyle="--", label="attainable P@k")
    ax.plot(k, curves.precision, color=BLUE, marker="o", markersize=4, label="P@k")
    ax.plot(k, curves.recall, color=ORANGE, marker="s", markersize=4, label="R@k")
    ax.plot(k, curves.ndcg, color=GREEN, marker="^", markersize=4, label="nDCG@k")
    ax.set(xlabel="k, labels answered", ylabel="metric", xticks=k, ylim=(0, 1.02))
    _legend(ax, 4)


def _frequency(ax: Axes, found: Findings) -> None:
    curve = found.frequency
    shown = np.flatnonzero(curve.n_true)
    x = np.arange(len(shown))
    bars = ax.bar(x, curve.recall[shown], 0.65, color=BLUE)
    ax.bar_label(bars, [f"{v:.2f}" for v in curve.recall[shown]], padding=2)
    ticks = [f"{curve.names[b]}\n{_short(curve.n_true[b])} true" for b in shown]
    ax.set_xticks(x, ticks)
    ax.set(xlabel="training documents of the label", ylabel="R@5, pooled", ylim=(0, 1.1))
    ax.grid(visible=False, axis="x")


def _share(ax: Axes, found: Findings) -> None:
    curve = found.frequency
    shown = np.flatnonzero(curve.n_true)
    x, width = np.arange(len(shown)), 0.4
    true = curve.n_true[shown] / max(1, curve.n_true.sum())
    ax.bar(x - width / 2, true, width, color=GREY, label="of true labels")
    ax.bar(x + width / 2, curve.share[shown], width, color=BLUE, label="of hits among the first 5")
    ax.set_xticks(x, [curve.names[b] for b in shown])
    top = max(true.max(), curve.share.max())
    ax.set(xlabel="training documents of the label", ylabel="share", ylim=(0, 1.05 * top))
    ax.grid(visible=False, axis="x")
    _legend(ax, 2)


def _thresholds(ax: Axes, found: Findings) -> None:
    curve = found.thresholds
    some = curve.precision > 0
    ax.plot(curve.threshold[some], curve.precision[some], color=BLUE, label="precision")
    ax.plot(curve.threshold, curve.recall, color=ORANGE, label="recall")
    ax.plot(curve.threshold, curve.f1, color=GREEN, linewidth=2.2, label="F1")
    stored = found.report.threshold
    # Most-specific scores are other scores than those that were cut, calibrated ones too.
    other = found.report.specific or found.report.calibration is not None
    if stored is not None and stored <= 1 and not other:
        ax.axvline(stored, color="#22262e", linewidth=1, linestyle=":", label="threshold used")
    ax.set(xlabel="threshold on the score", ylabel="micro metric", xlim=(0, 1), ylim=(0, 1.02))
    _legend(ax, 4)


def _reliability(ax: Axes, found: Findings) -> None:
    ax.plot((0, 1), (0, 1), color=GREY, linestyle="--", label="perfect")
    pairs, first = found.reliability, found.reliability_first
    ax.plot(pairs.score, pairs.share, color=BLUE, marker="o", markersize=4, label="all scores")
    ax.plot(first.score, first.share, color=ORANGE, marker="s", markersize=4, label="first answers")
    ax.set(xlabel="mean score", ylabel="share that is true", xlim=(0, 1), ylim=(0, 1.02))
    _legend(ax, 3)


def _levels(ax: Axes, levels: list[Group]) -> None:
    shown = [g for g in levels if g.n_true]
    x, width = np.arange(len(shown)), 0.4
    ax.bar(x - width / 2, [g.micro.f1 for g in shown], width, color=BLUE, label="micro-F1")
    ax.bar(x + width / 2, [g.macro.f1 for g in shown], width, color=ORANGE, label="macro-F1")
    ticks = [f"{g.name.removeprefix('level ')}\n{_short(g.n_labels)}" for g in shown]
    ax.set_xticks(x, ticks)
    ax.set(xlabel="level of the taxonomy, and its labels", ylabel="F1", ylim=(0, 1.02))
    ax.grid(visible=False, axis="x")
    _legend(ax, 2)


def _legend(ax: Axes, n_columns: int) -> None:
    """Put the legend above the axes, where it hides no curve."""
    ax.legend(
        loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=n_columns, handlelength=1.6,
        columnspacing=1.2, borderaxespad=0.2,
    )  # fmt: skip


def _short(number: int) -> str:
    """Return a count in at most four characters and a unit."""
    if number < 10_000:
        return f"{number:,}"
    return f"{number / 1000:.0f}k" if number < 1_000_000 else f"{number / 1e6:.1f}M"
