"""`labeltree tree`: the shape of a model's trees, or of a taxonomy, in figures or as a picture."""

from __future__ import annotations

import argparse
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labeltree.core.hierarchy import Hierarchy
    from labeltree.core.labels import Labels
    from labeltree.core.tree import LabelTree
    from labeltree.run.picture import Picture

SUMMARY = "show the shape of a model's trees, or of a taxonomy; draw it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "path", metavar="DIR|FILE", help="a saved model, a taxonomy.tsv, or a data folder with one"
    )
    parser.add_argument(
        "--plot", metavar="FILE", help="draw it: .png, .svg or .pdf (with data: coloured by them)"
    )
    parser.add_argument("--depth", type=int, metavar="N", help="draw so many levels only")
    parser.add_argument("--number", type=int, default=1, metavar="N", help="the tree to draw (1)")


def run(arguments: argparse.Namespace) -> None:
    """Print one table a tree, or draw one."""
    from labeltree.cli.console import show_table
    from labeltree.core.errors import ParameterError

    path = Path(arguments.path)
    if arguments.plot:
        _plot(path, arguments)
        return
    if arguments.depth is not None or arguments.number != 1:
        raise ParameterError("--depth and --number are for --plot")
    for title, shape in _shapes(path):
        print(title)
        show_table(("property", "value"), [(k, _shown(v)) for k, v in shape.items()])


def _shapes(path: Path) -> list[tuple[str, dict[str, Any]]]:
    if (path / "model.json").is_file():
        trees, _ = _model_trees(path)
        return [(f"tree {t} of {len(trees)}", tree.shape()) for t, tree in enumerate(trees, 1)]
    file = _taxonomy_file(path)
    return [(str(file), _taxonomy_shape(_hierarchy(file)))]


def _model_trees(path: Path) -> tuple[list[LabelTree], Labels]:
    from labeltree.core.errors import DataError
    from labeltree.models import load

    model: Any = load(path)
    trees = getattr(getattr(model, "model_", model), "trees_", None)
    if trees is None:
        raise DataError(f"The model in {path} has no tree.")
    return [tree.tree for tree in trees], model.labels_


def _taxonomy_file(path: Path) -> Path:
    from labeltree.core.errors import DataError
    from labeltree.readers.parts import taxonomy_file

    if not path.is_dir():
        return path
    found = taxonomy_file(path)
    if found is None:
        raise DataError(f"{path} holds neither a model.json nor a taxonomy.tsv.")
    return found


def _hierarchy(file: Path) -> Hierarchy:
    from labeltree.core.hierarchy import Hierarchy
    from labeltree.readers.report import Notes
    from labeltree.readers.taxonomy import read_edges

    return Hierarchy.from_edges(read_edges(file, Notes()))


# ---- the picture ---------------------------------------------------------------------------------


def _plot(path: Path, arguments: argparse.Namespace) -> None:
    from labeltree.run.plot import check_plot, plot

    check_plot(arguments.plot)
    picture = _picture(path, arguments.number)
    plot(picture if arguments.depth is None else picture.cut(arguments.depth), arguments.plot)
    print(f"drawn to {arguments.plot}")


def _picture(path: Path, number: int) -> Picture:
    """Return the tree to draw, with names and counts as far as they are known."""
    from labeltree.core.errors import DataError, ParameterError
    from labeltree.readers import read
    from labeltree.readers.parts import part_names
    from labeltree.run.picture import of_taxonomy, of_tree

    if (path / "model.json").is_file():
        trees, labels = _model_trees(path)
        if not 1 <= number <= len(trees):
            raise ParameterError(f"--number: 1 to {len(trees)} wanted, found {number}")
        which = f", tree {number} of {len(trees)}" if len(trees) > 1 else ""
        title = f"{path.resolve().name}{which}: {len(labels):,} labels"
        return of_tree(trees[number - 1], labels, title)
    file = _taxonomy_file(path)
    labels_known, hierarchy, name = None, None, path.resolve().name
    if path.is_dir():
        with suppress(DataError):
            if "train" in part_names(path):
                labels_known = read(path, part="train").labels
                hierarchy = labels_known.hierarchy
    if hierarchy is None:
        hierarchy = _hierarchy(file)
    title = f"{name}: {hierarchy.n_nodes - 1:,} nodes, {int(hierarchy.level.max())} levels"
    return of_taxonomy(hierarchy, labels_known, title)


def _taxonomy_shape(hierarchy: Hierarchy) -> dict[str, Any]:
    import numpy as np

    ptr, _ = hierarchy.children
    fan = np.diff(ptr)
    fan = fan[fan > 0]
    return {
        "nodes": hierarchy.n_nodes - 1,
        "edges": hierarchy.edges.shape[1] - len(hierarchy.branches),
        "branches": len(hierarchy.branches),
        "leaves": int(hierarchy.is_leaf.sum()),
        "nodes with several parents": int((np.diff(hierarchy.parent_ptr) > 1).sum()),
        "depth": int(hierarchy.level.max()),
        "level sizes (longest path)": np.bincount(hierarchy.level)[1:].tolist(),
        "fan-out (min, median, max)": [int(fan.min()), float(np.median(fan)), int(fan.max())],
    }


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
