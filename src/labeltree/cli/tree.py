"""`labeltree tree`: the shape of a model's trees, or of a taxonomy."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labeltree.core.hierarchy import Hierarchy

SUMMARY = "show the shape of a model's trees, or of a taxonomy"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "path", metavar="DIR|FILE", help="a saved model, a taxonomy.tsv, or a data folder with one"
    )


def run(arguments: argparse.Namespace) -> None:
    """Print one table a tree."""
    from labeltree.cli.console import show_table

    path = Path(arguments.path)
    for title, shape in _shapes(path):
        print(title)
        show_table(("property", "value"), [(k, _shown(v)) for k, v in shape.items()])


def _shapes(path: Path) -> list[tuple[str, dict[str, Any]]]:
    from labeltree.core.errors import DataError
    from labeltree.core.hierarchy import Hierarchy
    from labeltree.models import load
    from labeltree.readers.report import Notes
    from labeltree.readers.taxonomy import read_edges

    if (path / "model.json").is_file():
        model: Any = load(path)
        trees = getattr(getattr(model, "model_", model), "trees_", None)
        if trees is None:
            raise DataError(f"The model in {path} has no tree.")
        return [(f"tree {t} of {len(trees)}", tree.tree.shape()) for t, tree in enumerate(trees, 1)]
    file = path
    if path.is_dir():
        found = sorted(path.glob("taxonomy.tsv*"))
        if not found:
            raise DataError(f"{path} holds neither a model.json nor a taxonomy.tsv.")
        file = found[0]
    return [(str(file), _taxonomy_shape(Hierarchy.from_edges(read_edges(file, Notes()))))]


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
