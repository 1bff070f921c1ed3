"""New documents for a fitted model."""

import json

import numpy as np
import pytest

import labeltree
from labeltree.core.errors import DataError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.readers.additions import read_additions

IDS = ("a", "b", "c")
PLAIN = Labels(IDS, names=("Anna", "Ben", "Carl"))
PLACED = Labels(IDS, hierarchy=Hierarchy.from_edges([("a", "b"), ("a", "c")], IDS))


def folder(tmp_path, documents, taxonomy=None, names=None):
    lines = (json.dumps({"text": t, "labels": labels}) + "\n" for t, labels in documents)
    (tmp_path / "train.jsonl").write_text("".join(lines), "utf8")
    for name, rows in (("taxonomy", taxonomy), ("label_names", names)):
        if rows:
            text = "".join("\t".join(row) + "\n" for row in rows)
            (tmp_path / f"{name}.tsv").write_text(text, "utf8")
    return tmp_path


DOCUMENTS = [("one", ["b"]), ("two", ["new", "a"]), ("three", []), ("four", ["ü", "new"])]


def test_new_labels_follow_the_models(tmp_path):
    path = folder(tmp_path, DOCUMENTS, names=[("new", "Nora"), ("a", "Alice")])
    data, report = read_additions(path, PLAIN)
    assert data.labels.ids == ("a", "b", "c", "new", "ü")
    assert data.labels.names == ("Anna", "Ben", "Carl", "Nora", "ü"), "known names stay"
    assert data.Y.shape == (4, 5)
    assert data.n_universe == 5
    np.testing.assert_array_equal(
        data.Y.toarray(), [[0, 1, 0, 0, 0], [1, 0, 0, 1, 0], [0] * 5, [0, 0, 0, 1, 1]]
    )
    assert any("without labels" in line or "no label" in line for line in report.lines())


def test_the_taxonomy_beside_them_places_new_labels(tmp_path):
    taxonomy = [("Root", "a"), ("b", "new"), ("a", "more"), ("more", "ü"), ("c", "b")]
    data, _ = read_additions(folder(tmp_path, DOCUMENTS, taxonomy), PLACED)
    h = data.labels.hierarchy
    assert set(data.labels.ids) == {"a", "b", "c", "new", "ü", "more"}
    assert h.label_ids == data.labels.ids
    graph = h.to_networkx()
    assert list(graph.predecessors("new")) == ["b"]
    assert list(graph.predecessors("ü")) == ["more"]
    assert list(graph.predecessors("b")) == ["a"], "a known label keeps its place"


def test_a_new_label_in_no_taxonomy_hangs_below_the_root(tmp_path):
    data, _ = read_additions(folder(tmp_path, DOCUMENTS), PLACED)
    assert list(data.labels.hierarchy.to_networkx().predecessors("new")) == [""]


def test_a_models_without_taxonomy_ignores_the_one_beside(tmp_path):
    data, _ = read_additions(folder(tmp_path, DOCUMENTS, [("new", "other")]), PLAIN)
    assert data.labels.hierarchy is None
    assert data.labels.ids == ("a", "b", "c", "new", "ü")


def test_a_cycle_names_the_file(tmp_path):
    path = folder(tmp_path, DOCUMENTS, [("new", "ü"), ("ü", "new")])
    with pytest.raises(DataError, match=r"taxonomy\.tsv"):
        read_additions(path, PLACED)


def test_no_training_part(tmp_path):
    (tmp_path / "test.jsonl").write_text('{"text": "x", "labels": ["a"]}\n')
    with pytest.raises(DataError, match="training part"):
        read_additions(tmp_path, PLAIN)


def test_what_was_fitted_is_what_was_read(tmp_path):
    (tmp_path / "one").mkdir()
    path = folder(tmp_path / "one", [("red apple", ["b"]), ("green pear", ["c"])] * 10)
    labels = labeltree.read(path).labels
    data, _ = read_additions(path, labels)
    assert data.labels.ids == labels.ids
    np.testing.assert_array_equal(data.Y.toarray(), labeltree.read(path).train.Y.toarray())
