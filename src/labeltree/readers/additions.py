"""New documents for a fitted model: labels that it does not know join its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from labeltree.core.arrays import widened
from labeltree.core.dataset import Dataset
from labeltree.core.errors import DataError
from labeltree.core.hierarchy import ROOT, Hierarchy
from labeltree.core.labels import Labels
from labeltree.readers.documents import ReadOptions
from labeltree.readers.folder import read
from labeltree.readers.parts import read_beside, read_label_ids
from labeltree.readers.report import Notes, ReadReport
from labeltree.readers.taxonomy import Edge
from labeltree.readers.universe import extended

_DEFAULTS = ReadOptions()


def read_additions(
    path: str | Path, labels: Labels, *, options: ReadOptions = _DEFAULTS
) -> tuple[Dataset, ReadReport]:
    """Read the train part of a file or folder, to be learned by a fitted model.

    Parameters
    ----------
    labels
        The model's labels, which are the first columns. Labels that only the documents know
        follow, and those that only the taxonomy beside them knows, if the model has one; with the
        names beside them.

    Raises
    ------
    DataError
        As `read`; and if the taxonomy closes a cycle with the model's.
    """
    splits = read(path, labels=labels, options=options)
    data = splits.train
    if data is None:
        raise DataError("There is no training part.", "Name a file train.jsonl, train.csv ...")
    beside = read_beside(path, read_label_ids(path), Notes())
    new = dict.fromkeys(data.labels.ids[len(labels) :])
    if labels.hierarchy is None:
        known = extended(labels, tuple(new), beside.names)
    else:
        edges = [(_top(p), c) for p, c in beside.edges]
        nodes = (label for edge in edges for label in edge if label)
        new |= dict.fromkeys(label for label in nodes if label not in labels.column)
        known = extended(labels, tuple(new), beside.names)
        try:
            known = replace(known, hierarchy=_joined(labels.hierarchy, edges, known.ids))
        except DataError as error:
            raise DataError(str(error), file=beside.taxonomy) from error
    Y = widened(data.Y, len(known))
    return replace(data, Y=Y, labels=known, n_universe=len(known)), splits.report


def _top(parent: str) -> str:
    """Return the virtual root for the node that readers absorb."""
    return "" if parent == ROOT else parent


def _joined(hierarchy: Hierarchy, edges: Iterable[Edge], label_ids: tuple[str, ...]) -> Hierarchy:
    """Return the hierarchy with more edges; those that place a new label only.

    A label that the model knows keeps its place: its classifiers were trained there.
    """
    known = set(hierarchy.ids)
    return hierarchy.with_edges([e for e in edges if e[1] not in known], label_ids)
