"""What is written is read back as it was."""

import numpy as np
import pytest
from scipy.sparse import csr_array

import labeltree
from labeltree.core.dataset import Dataset
from labeltree.core.errors import DataError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.readers import ReadReport, Splits, repair_cafe
from labeltree.run.write import write_splits


def same(found, expected):
    assert list(found.parts) == list(expected.parts)
    assert found.labels.ids == expected.labels.ids
    assert found.labels.names == expected.labels.names
    assert found.labels.texts == expected.labels.texts
    for name, part in expected.parts.items():
        again = found.parts[name]
        assert again.labels.ids == part.labels.ids
        assert (again.Y != part.Y).nnz == 0
        if part.texts is not None:
            assert list(again.texts) == list(part.texts)
        else:
            assert (again.X != part.X).nnz == 0
    h, wanted = found.labels.hierarchy, expected.labels.hierarchy
    assert (h is None) == (wanted is None)
    if h is not None:
        edges = [{(g.ids[p], g.ids[c]) for p, c in g.edges.T.tolist()} for g in (h, wanted)]
        assert edges[0] == edges[1]


def test_the_projects_own_corpus(tmp_path):
    corpus = repair_cafe()
    write_splits(corpus, tmp_path / "out")
    same(labeltree.read(tmp_path / "out"), corpus)


def test_unicode_odd_texts_label_texts_and_documents_without_labels(tmp_path):
    ids = ("a b", "ü|x", "日本")
    labels = Labels(ids, ("A", "Ü", "Japan"), ("about a", "über", "land"))
    texts = ["line\nbreak\tand tab", 'quote " and \\', "日本 ☕\u2028"]
    Y = csr_array([[1.0, 1, 0], [0, 0, 1], [0, 0, 0]])
    labels = labels.counted(Y)
    given = Splits(Dataset(Y, labels, texts), None, None, labels, ReadReport())
    write_splits(given, tmp_path / "out")
    same(labeltree.read(tmp_path / "out"), given)


@pytest.mark.parametrize(
    "edges",
    [
        [("a", "b"), ("b", "c")],
        [("Root", "a"), ("a", "b"), ("Root", "c")],
        [("a", "c"), ("b", "c")],
    ],
)
def test_taxonomies(edges, tmp_path):
    ids = ("a", "b", "c")
    labels = Labels(ids, hierarchy=Hierarchy.from_edges(edges, ids))
    Y = csr_array([[1.0, 0, 0]])
    given = Splits(Dataset(Y, labels, ["x y"]), None, None, labels, ReadReport())
    write_splits(given, tmp_path / "out")
    same(labeltree.read(tmp_path / "out"), given)


def test_features(tmp_path):
    X = csr_array(np.array([[0.1, 0, 1e-7], [0, 2, 0]], np.float32))
    labels = Labels.numbered(4)
    Y = csr_array([[1.0, 0, 0, 1], [0, 0, 0, 0]])
    given = Splits(Dataset(Y, labels, X=X), None, None, labels, ReadReport())
    write_splits(given, tmp_path / "out")
    same(labeltree.read(tmp_path / "out"), given)


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match="something already"):
        write_splits(repair_cafe(), tmp_path / "out")
    assert [f.name for f in tmp_path.rglob("*")] == ["out", "mine.txt"]


def test_what_cannot_be_written_leaves_nothing(tmp_path):
    labels = Labels(("a",), ("tab\there",))
    data = Dataset(csr_array([[1.0]]), labels, ["x y"])
    with pytest.raises(DataError, match="cannot be written"):
        write_splits(Splits(data, None, None, labels, ReadReport()), tmp_path / "out")
    assert not list(tmp_path.iterdir())
