"""Labels written as paths from the top: their ids, their edges, and who is who in other data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from labeltree.core.hierarchy import ROOT
from labeltree.core.labels import Labels
from labeltree.readers.taxonomy import Edge

LabelPath = tuple[str, ...]


def path_ids(paths: Iterable[LabelPath], separator: str) -> dict[LabelPath, str]:
    """Return the id of every node on the paths, in order of first sight.

    Examples
    --------
    >>> ids = path_ids([("a", "cat"), ("a", "other"), ("b", "other")], ">")
    >>> list(ids.values())
    ['a', 'cat', 'a>other', 'b', 'b>other']
    """
    nodes = dict.fromkeys(path[:n] for path in paths for n in range(1, len(path) + 1))
    places = Counter(node[-1] for node in nodes)
    return {node: node[-1] if places[node[-1]] == 1 else separator.join(node) for node in nodes}


def path_edges(ids: dict[LabelPath, str]) -> list[Edge]:
    """Return the edges between the nodes of `path_ids`."""
    return [(ids[node[:-1]], label) for node, label in ids.items() if len(node) > 1]


class PathFinder:
    """Finds the label that a path of another part means."""

    def __init__(self, labels: Labels, separator: str) -> None:
        self._column, self._separator = labels.column, separator
        self._parents: dict[str, set[str]] = {}
        if labels.hierarchy is not None:
            ids = labels.hierarchy.ids
            for parent, child in labels.hierarchy.edges.T.tolist():
                self._parents.setdefault(ids[child], set()).add(ids[parent])

    def find(self, path: LabelPath) -> str:
        """Return the label's id; one outside the universe has its full path as id."""
        whole = self._separator.join(path)
        if whole in self._column or len(path) == 1:
            return whole
        name = path[-1]
        parent = self.find(path[:-1])
        if parent == ROOT and ROOT not in self._column:
            parent = ""  # absorbed by the virtual root
        known = name in self._column and parent in self._parents.get(name, {parent})
        return name if known else whole
