"""Draw a tree: names and lines where they fit, else an icicle of its levels."""

from __future__ import annotations

import os
import warnings
from bisect import bisect_right
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labeltree.core.arrays import Bools, Doubles
from labeltree.core.errors import MissingExtraError, ParameterError
from labeltree.run.picture import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ENDINGS = (".png", ".svg", ".pdf")
MOST_ROWS = 130
"""Trees with more leaves are drawn as an icicle."""
ROW = 0.2
"""Inches between two leaves."""
LONGEST = 3.4
"""Inches of a name beside its node; longer ones are cut."""
POINTS, SMALL = 9.0, 7.5
"""Sizes of names and of counts."""
LOW, HIGH, WIDTH = 9.0, 14.0, 9.0
"""Inches of an icicle: height, more where its first two levels have many nodes, and least width."""
WIDE, NARROW = 2.6, 0.7
"""Inches of a level of an icicle that has names, and of one that has none."""
GREY, INK = "#8a8f98", "#1f2430"


def check_plot(file: str | Path) -> None:
    """Check before long work that a picture can be drawn.

    Raises
    ------
    ParameterError
        If the ending is none of .png, .svg and .pdf.
    MissingExtraError
        If matplotlib is not installed.
    """
    if Path(file).suffix.lower() not in ENDINGS:
        raise ParameterError(f"--plot: a file ending in {', '.join(ENDINGS)} wanted, found {file}")
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("tree --plot", "plot") from error


def plot(picture: Picture, file: str | Path) -> None:
    """Draw a picture into a file; its ending says how.

    Raises
    ------
    ParameterError, MissingExtraError
        See `check_plot`.
    """
    check_plot(file)
    target = Path(file)
    fresh = target.with_name(f".writing-{os.getpid()}-{target.name}")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing")  # a box is drawn instead
            fits = picture.leaves[0] <= MOST_ROWS
            figure = _lines_and_names(picture) if fits else _icicle(picture)
            figure.savefig(fresh, dpi=130, facecolor="white")
        os.replace(fresh, target)
    finally:
        fresh.unlink(missing_ok=True)


def _figure(width: float, height: float, title: str) -> tuple[Figure, Axes]:
    """Return a figure of that many inches and axes over all of it, y downwards."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.text(
        0.25, 0.3, title, fontsize=12, color=INK, va="center", weight="bold", parse_math=False
    )
    return figure, axes


def _colours(picture: Picture) -> Any:
    """Return a colour for each node: more documents, darker; without documents by level."""
    from matplotlib import colormaps

    if picture.documents is None:
        value = 1 - picture.tree.level / max(1, picture.tree.depth)
    else:
        most = max(2, int(picture.documents[1:].max(initial=0)))
        value = np.log1p(picture.documents) / np.log1p(most)
    return colormaps["YlGnBu"](0.12 + 0.8 * np.clip(value, 0, 1))


def _shown(picture: Picture, node: int, points: float, room: float) -> str:
    """Return the name of a node, cut where it is wider than `room` inches."""
    hidden = f" (+{picture.hidden[node]:,})" if picture.hidden[node] else ""
    name = picture.name(node)
    if _inches(name + hidden, points) <= room:
        return name + hidden

    def cut(letters: int) -> str:
        return name[:letters].rstrip(" ,.") + "…" + hidden

    fits = bisect_right(range(len(name)), room, key=lambda n: _inches(cut(n), points))
    return cut(max(1, fits - 1))


@cache
def _inches(text: str, points: float) -> float:
    """Return the width of a text."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    width, _, _ = TextToPath().get_text_width_height_descent(text, FontProperties(), False)
    return float(width) / 10 * points / 72  # the default font's size is 10 points


# ---- lines and names -----------------------------------------------------------------------------


def _lines_and_names(picture: Picture) -> Figure:
    tree = picture.tree
    nodes = range(1, tree.n_nodes)
    names = ["", *(_shown(picture, node, POINTS, LONGEST) for node in nodes)]
    counts = [""] * tree.n_nodes
    if picture.documents is not None:
        counts = ["", *(f"{n:,}" for n in picture.documents[1:].tolist())]
    named = np.array([_inches(name, POINTS) * 1.03 + 0.16 for name in names])
    room = named + [_inches(count, SMALL) + 0.1 for count in counts]
    room[0] = 0.05
    cuts = zip(tree.level_ptr, tree.level_ptr[1:], strict=False)
    widest = np.array([room[first:last].max() for first, last in cuts])
    left = 0.3 + np.concatenate(([0], np.cumsum(widest[:-1] + 0.45)))  # of each level
    x, y = left[tree.level], 0.7 + ROW * picture.middle
    width, height = left[-1] + widest[-1] + 0.2, 0.9 + ROW * int(picture.leaves[0])
    figure, axes = _figure(max(width, 5.0), height, picture.title)
    up, down = tree.parent[1:], np.arange(1, tree.n_nodes)
    _curves(axes, (x + room)[up], y[up], x[down], y[down], "-")
    up, down = picture.further
    ahead = (x + room)[up] < x[down]
    _curves(axes, (x + room)[up[ahead]], y[up[ahead]], x[down[ahead]], y[down[ahead]], ":")
    up, down = up[~ahead], down[~ahead]  # further left than the parent: an arc beside the names
    _curves(axes, x[up], y[up], x[down], y[down], ":", bulge=0.3)
    axes.scatter(x, y, s=16, c=_colours(picture), zorder=3, linewidths=0.4, edgecolors=GREY)
    for v in nodes:
        axes.text(x[v] + 0.08, y[v], names[v], va="center_baseline", fontsize=POINTS, color=INK,
                  parse_math=False)  # fmt: skip
        axes.text(x[v] + named[v], y[v], counts[v], va="center_baseline", fontsize=SMALL,
                  color=GREY)  # fmt: skip
    return figure


def _curves(  # noqa: PLR0913 - two points, each two numbers
    axes: Axes, x0: Doubles, y0: Doubles, x1: Doubles, y1: Doubles, style: str, bulge: float = 0.0
) -> None:
    """Draw a smooth line from each first to each second point, `bulge` inches to the left."""
    from matplotlib.collections import LineCollection

    t = np.linspace(0, 1, 24)[:, None]
    smooth = t * t * (3 - 2 * t)
    left = bulge * np.sin(np.pi * t)
    points = np.stack([x0 + t * (x1 - x0) - left, y0 + smooth * (y1 - y0)], axis=2)
    lines = LineCollection(
        list(points.transpose(1, 0, 2)), colors=GREY, linewidths=0.8, linestyles=style, zorder=1
    )
    axes.add_collection(lines)


# ---- icicle --------------------------------------------------------------------------------------


def _icicle(picture: Picture) -> Figure:
    tree = picture.tree
    upper = int(tree.level_ptr[min(3, tree.depth + 1)])  # nodes of the first two levels
    height = float(np.clip(ROW * 0.75 * upper, LOW, HIGH))
    row = height / picture.leaves[0]
    named = row * picture.leaves >= ROW * 0.62
    widths = _widths(picture, named)
    left = np.concatenate(([0.0, 0.25], 0.25 + np.cumsum(widths)))
    figure, axes = _figure(left[-1] + 0.25, height + 1.55, picture.title)
    nodes = np.arange(1, tree.n_nodes)
    x0, x1 = left[tree.level[nodes]], left[tree.level[nodes] + 1]
    y0 = 0.65 + row * picture.start[nodes]
    y1 = y0 + row * picture.leaves[nodes]
    colours = _colours(picture)
    _rectangles(axes, (x0, x1, y0, y1), colours[nodes])
    for node in nodes[named[nodes]].tolist():
        _name_in(axes, picture, node, (x0[node - 1], x1[node - 1]), (y0[node - 1], y1[node - 1]),
                 colours[node])  # fmt: skip
    _legend(axes, picture, height + 0.95)
    return figure


def _widths(picture: Picture, named: Bools) -> Doubles:
    """Return the width of each level below the root: as wide as its names, if it has any."""
    tree = picture.tree
    widths = np.full(tree.depth, NARROW)
    for node in np.flatnonzero(named[1:]) + 1:
        wanted = _inches(picture.name(int(node)), POINTS) + 0.3
        level = tree.level[node] - 1
        widths[level] = max(widths[level], min(WIDE, wanted))
    return np.asarray(widths * max(1.0, WIDTH / widths.sum()))


def _rectangles(axes: Axes, box: tuple[Doubles, Doubles, Doubles, Doubles], colours: Any) -> None:
    from matplotlib.collections import PolyCollection

    x0, x1, y0, y1 = box
    corners = np.stack([np.stack([x0, x1, x1, x0], 1), np.stack([y0, y0, y1, y1], 1)], axis=2)
    edge = np.clip((y1 - y0) * 8, 0, 0.7)  # hairlines would hide what they divide
    axes.add_collection(
        PolyCollection(list(corners), facecolors=colours, edgecolors="white", linewidths=edge)
    )


def _name_in(
    axes: Axes, picture: Picture, node: int, x: tuple[float, float], y: tuple[float, float],
    colour: Any,
) -> None:  # fmt: skip
    """Write a name into its rectangle, as large as fits."""
    points = float(np.clip((y[1] - y[0]) * 72 * 0.72, 6, 10))
    bright = float(np.dot(colour[:3], (0.3, 0.59, 0.11))) > 0.55
    name = _shown(picture, node, points, x[1] - x[0] - 0.12)
    axes.text(
        x[0] + 0.06, (y[0] + y[1]) / 2, name, fontsize=points,
        va="center", color=INK if bright else "white", parse_math=False, clip_on=True,
    )  # fmt: skip


def _legend(axes: Axes, picture: Picture, y: float) -> None:
    """Say what heights and colours mean."""
    from matplotlib import colormaps

    further = picture.further.shape[1]
    said = "height: labels below" + (
        f"; {further:,} further parents are not drawn" if further else ""
    )
    axes.text(0.25, y + 0.3, said, fontsize=8.5, color=GREY, va="center")
    if picture.documents is None:
        return
    most = max(2, int(picture.documents[1:].max()))
    ramp = colormaps["YlGnBu"](0.12 + 0.8 * np.linspace(0, 1, 120))[None]
    axes.imshow(ramp, extent=(0.25, 2.25, y + 0.08, y - 0.08), aspect="auto", zorder=2)
    axes.set_xlim(0, axes.figure.get_figwidth())  # type: ignore[union-attr]
    axes.set_ylim(axes.figure.get_figheight(), 0)  # type: ignore[union-attr]
    axes.text(2.35, y, f"0 to {most:,} {picture.counted}", fontsize=8.5, color=GREY, va="center")
