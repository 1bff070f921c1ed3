import pytest

from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.readers.paths import PathFinder, path_edges, path_ids


def test_names_where_unique_and_full_paths_where_not():
    ids = path_ids([("a", "x"), ("b", "x"), ("b", "y"), ("c", "x", "z")], "/")
    assert ids == {
        ("a",): "a",
        ("a", "x"): "a/x",
        ("b",): "b",
        ("b", "x"): "b/x",
        ("b", "y"): "y",
        ("c",): "c",
        ("c", "x"): "c/x",
        ("c", "x", "z"): "z",
    }
    assert path_edges(ids) == [("a", "a/x"), ("b", "b/x"), ("b", "y"), ("c", "c/x"), ("c/x", "z")]


def test_a_name_below_itself():
    assert list(path_ids([("p", "p")], "/").values()) == ["p", "p/p"]


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("a/x", "a/x"),
        ("b/y", "y"),
        ("y", "y"),
        ("a/y", "a/y"),
        ("b/new", "b/new"),
        ("q/b/y", "q/b/y"),
        ("new", "new"),
    ],
)
def test_find(path, label):
    ids = path_ids([("a", "x"), ("b", "x"), ("b", "y")], "/")
    universe = tuple(ids.values())
    labels = Labels(universe, hierarchy=Hierarchy.from_edges(path_edges(ids), universe))
    assert PathFinder(labels, "/").find(tuple(path.split("/"))) == label


def test_without_a_hierarchy_names_decide():
    assert PathFinder(Labels(("y",)), "/").find(("a", "y")) == "y"


def test_every_path_finds_itself():
    paths = [("Root", "a", "n"), ("Root", "b", "n"), ("Root", "b", "m"), ("Root", "c")]
    ids = path_ids(paths, " > ")
    universe = tuple(label for label in ids.values() if label != "Root")
    labels = Labels(universe, hierarchy=Hierarchy.from_edges(path_edges(ids), universe))
    finder = PathFinder(labels, " > ")
    assert {path: finder.find(path) for path in ids} == ids
