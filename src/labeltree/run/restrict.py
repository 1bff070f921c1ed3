"""Restrict an evaluation to labels seen in training: `--universe train`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from labeltree.core.arrays import Longs
from labeltree.core.errors import DataError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels


def seen_in_training(labels: Labels) -> Longs:
    """Return the columns of labels with a training document, ascending.

    Raises
    ------
    DataError
        If no label has one: the counts of training are not known.
    """
    columns = np.flatnonzero(labels.counts > 0)
    if not len(columns):
        raise DataError(
            "No label has a training document: the universe of training labels is empty.",
            "Evaluate a fitted model, or pass labels with counts.",
        )
    return columns


def restricted_labels(labels: Labels, columns: Longs) -> Labels:
    """Return what is known about some columns, ascending; other nodes become meta-labels."""
    own = columns.tolist()
    hierarchy = labels.hierarchy
    return replace(
        labels,
        ids=tuple(labels.ids[c] for c in own),
        names=tuple(labels.names[c] for c in own),
        texts=None if labels.texts is None else tuple(labels.texts[c] for c in own),
        counts=labels.counts[columns],
        counts_specific=labels.counts_specific[columns],
        hierarchy=None if hierarchy is None else _relabelled(hierarchy, columns),
    )


def _relabelled(hierarchy: Hierarchy, columns: Longs) -> Hierarchy:
    number = np.full(hierarchy.n_labels, -1, np.int32)
    inside = columns[columns < hierarchy.n_labels]
    number[inside] = np.arange(len(inside))
    is_label = hierarchy.label >= 0
    label = np.where(is_label, number[np.where(is_label, hierarchy.label, 0)], -1)
    return replace(hierarchy, label=label.astype(np.int32))
