import gzip
import json

import numpy as np
import pytest
import scipy.sparse
from scipy.sparse import csr_array

from labeltree.core.dataset import Dataset
from labeltree.core.errors import DataError, ParameterError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.readers import ReadReport, Splits, read, repair_cafe
from labeltree.readers.write import texts as text_writers
from labeltree.readers.write import write


def splits_of(ids=("a", "b"), texts=("x y", "z"), X=None, labels=None, Y=None):
    labels = labels or Labels(tuple(ids))
    Y = csr_array(np.eye(2, len(labels))) if Y is None else csr_array(Y)
    data = Dataset(Y, labels, None if texts is None else list(texts), X)
    return Splits(data, None, None, labels, ReadReport())


FEATURES = csr_array(np.array([[0.1, 0, 2], [0, 0, 0]], np.float32))


# ---- what files look like ------------------------------------------------------------------------


def content(folder, format, splits, name):
    write(splits, folder / format, format)
    return (folder / format / name).read_text("utf8")


def test_texts_look_as_documented(tmp_path):
    splits = splits_of(texts=('say "x"', "é z"))
    line = '{"text":"say \\"x\\"","labels":["a"]}\n{"text":"é z","labels":["b"]}\n'
    assert content(tmp_path, "jsonl", splits, "train.jsonl") == line
    table = 'text,labels\n"say ""x""","a"\n"é z","b"\n'
    assert content(tmp_path, "csv", splits, "train.csv") == table
    assert content(tmp_path, "tsv", splits, "train.tsv") == table.replace(",", "\t")
    lines = '1\ta\tsay "x"\n2\tb\té z\n'
    assert content(tmp_path, "libmultilabel", splits, "train.txt") == lines
    first = json.loads(content(tmp_path, "hiagm", splits, "train.json").splitlines()[0])
    assert first == {"token": ["say", '"x"'], "label": ["a"], "doc_topic": [], "doc_keyword": []}


def test_features_look_as_documented(tmp_path):
    splits = splits_of(texts=None, X=FEATURES)
    assert content(tmp_path, "xmc", splits, "train.txt") == "2 3 2\n0 0:0.1 2:2\n1\n"
    assert content(tmp_path, "svmlight", splits, "train.svm") == "0 1:0.1 3:2\n1\n"
    assert (tmp_path / "svmlight" / "label_ids.tsv").read_text() == "a\nb\n"
    write(splits, tmp_path / "npz", "npz")
    for name, matrix in (("X", FEATURES.toarray()), ("Y", np.eye(2))):
        found = scipy.sparse.load_npz(tmp_path / "npz" / f"train.{name}.npz")
        np.testing.assert_array_equal(found.toarray(), matrix)


def test_svmlight_says_how_many_features_there_are(tmp_path):
    X = csr_array(np.array([[1, 0, 0], [0, 0, 0]], np.float32))
    splits = splits_of(texts=None, X=X, Y=np.zeros((2, 2)))
    assert content(tmp_path, "svmlight", splits, "train.svm") == " 1:1 3:0\n 3:0\n"


def test_numbers_that_are_ids_need_no_list(tmp_path):
    splits = splits_of(("3", "11"), texts=None, X=FEATURES)
    assert content(tmp_path, "svmlight", splits, "train.svm") == "3 1:0.1 3:2\n11\n"
    assert not (tmp_path / "svmlight" / "label_ids.tsv").exists()
    splits = splits_of(("0", "1"), texts=None, X=FEATURES)
    report = write(splits, tmp_path / "xmc", "xmc")
    assert list(report.files) == ["train.txt"]


def test_the_taxonomy_as_two_formats_have_it(tmp_path):
    ids = ("a", "b")
    labels = Labels(ids, hierarchy=Hierarchy.from_edges([("a", "b"), ("m", "b")], ids))
    splits = splits_of(labels=labels)
    edges = content(tmp_path, "jsonl", splits, "taxonomy.tsv")
    assert edges == "Root\ta\nRoot\tm\na\tb\nm\tb\n"
    assert content(tmp_path, "hiagm", splits, "data.taxonomy") == "Root\ta\tm\na\tb\nm\tb\n"
    assert (tmp_path / "jsonl" / "label_ids.tsv").read_text() == "a\nb\nm\toutside\n"


def test_the_same_data_give_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        write(repair_cafe(), tmp_path / name, "jsonl", compress="gz")
    one, two = ((tmp_path / name / "train.jsonl.gz").read_bytes() for name in ("one", "two"))
    assert one == two
    assert len(gzip.decompress(one).splitlines()) == 330


# ---- one file ------------------------------------------------------------------------------------


def test_one_part_as_one_file(tmp_path):
    report = write(splits_of(), tmp_path / "notes.csv.gz", "csv", compress="gz")
    assert list(report.files) == ["notes.csv.gz"]
    assert report.not_carried == ()
    assert read(tmp_path / "notes.csv.gz").train.texts == ["x y", "z"]


def test_one_file_says_what_it_leaves_out(tmp_path):
    ids = ("a", "b", "c")
    hierarchy = Hierarchy.from_edges([("a", "b")], ids)
    labels = Labels(ids, ("A", "B", "C"), hierarchy=hierarchy)
    report = write(splits_of(labels=labels), tmp_path / "x.jsonl", "jsonl")
    assert [line.partition(":")[0] for line in report.not_carried] == [
        "the taxonomy",
        "names of labels",
        "labels that no document has",
    ]


def test_what_one_file_cannot_hold(tmp_path):
    with pytest.raises(DataError, match="A file holds one part, not 3"):
        write(repair_cafe(), tmp_path / "x.jsonl", "jsonl")
    splits = splits_of(texts=None, X=FEATURES)
    with pytest.raises(DataError, match="X and Y are two files"):
        write(splits, tmp_path / "x.npz", "npz")
    with pytest.raises(DataError, match="label ids need a file beside it"):
        write(splits, tmp_path / "x.txt", "xmc")
    assert list(tmp_path.iterdir()) == []


# ---- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format", "splits", "message"),
    [
        ("csv", splits_of(("a|b", "c")), r"label id 'a\|b' holds the separator.*jsonl, parquet"),
        ("libmultilabel", splits_of(("a b", "c")), "label id 'a b' holds a blank"),
        ("libmultilabel", splits_of(texts=("x\ty", "z")), "document 1 holds a tab"),
        ("libmultilabel", splits_of(texts=("x", "z\rz")), "document 2 holds a tab or a line end"),
        ("jsonl", splits_of(texts=("x", " ")), "train: document 2 has an empty text"),
        ("jsonl", splits_of(texts=("x", "\ud800")), "no valid Unicode"),
        ("parquet", splits_of(texts=("x", "\ud800")), "no valid Unicode"),
        ("csv", splits_of(texts=("x", "\ud800")), "no valid Unicode"),
        ("xmc", splits_of(), "xmc holds features, the train part has texts only.*--vectorize"),
        ("jsonl", splits_of(texts=None, X=FEATURES), "jsonl holds texts.*xmc or svmlight or npz"),
        ("npz", splits_of(texts=None, X=csr_array((2, 0))), r"The parts have \[0\] features"),
        (
            "xmc",
            splits_of(("a\tb", "c"), texts=None, X=FEATURES),
            "'a.tb' cannot be written to a table of labels",
        ),
        ("jsonl", splits_of(labels=Labels(("a", "b"), ("A", " "))), "name of the label 'b' is emp"),
        ("jsonl", splits_of(labels=Labels(("a", "b"), ("A", "x\ny"))), "cannot be written"),
    ],
)
def test_what_a_format_cannot_hold(tmp_path, format, splits, message):
    with pytest.raises(DataError, match=message):
        write(splits, tmp_path / "out", format)
    assert list(tmp_path.iterdir()) == []


def test_a_node_that_cannot_be_written(tmp_path):
    ids = ("Root", "b")
    hierarchy = Hierarchy.from_edges([("", "alone"), ("Root", "b"), ("x", "b")], ids)
    hierarchy = Hierarchy(
        ("", "Root", "alone", "b"),
        np.array([-1, 0, -1, 1], np.int32),
        np.array([0, 0, 1, 2, 3], np.int32),
        np.array([0, 0, 1], np.int32),
    )
    with pytest.raises(DataError, match="The node 'alone' is no label"):
        write(splits_of(labels=Labels(ids, hierarchy=hierarchy)), tmp_path / "out")


def test_parameters_are_checked(tmp_path):
    with pytest.raises(ParameterError, match="format must be one of jsonl"):
        write(splits_of(), tmp_path / "out", "xml")
    with pytest.raises(ParameterError, match="compress must be gz or zst"):
        write(splits_of(), tmp_path / "out", compress="bz2")
    with pytest.raises(ParameterError, match="parquet is compressed by itself"):
        write(splits_of(), tmp_path / "out", "parquet", compress="gz")


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name in ("full", "file"):
        with pytest.raises(DataError, match="Something is there already"):
            write(splits_of(), tmp_path / name)
    (tmp_path / "empty").mkdir()
    write(splits_of(), tmp_path / "empty")
    assert (tmp_path / "empty" / "train.jsonl").is_file()
    assert (tmp_path / "full" / "mine").read_text() == "mine"


def test_an_interrupted_writer_leaves_nothing(tmp_path, monkeypatch):
    def stop(texts, data, part):
        yield b"half"
        raise KeyboardInterrupt

    monkeypatch.setitem(text_writers._WRITERS, "jsonl", stop)
    with pytest.raises(KeyboardInterrupt):
        write(splits_of(), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_both_views_of_the_documents(tmp_path):
    splits = splits_of(X=FEATURES)
    texts, features = (write(splits, tmp_path / f, f).not_carried for f in ("csv", "svmlight"))
    assert texts == ("features: csv holds texts only",)
    assert features == ("texts: svmlight holds features only",)


def test_many_blocks_are_one_file(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    X = csr_array((rng.random((50, 7)) < 0.5) * rng.normal(size=(50, 7)), dtype=np.float32)
    Y = csr_array(rng.random((50, 4)) < 0.3)
    labels = Labels.numbered(4)
    splits = Splits(Dataset(Y, labels, X=X), None, None, labels, ReadReport())
    write(splits, tmp_path / "one", "xmc")
    for size in (1, 7, 50):
        monkeypatch.setattr("labeltree.readers.write.features.BLOCK", size)
        write(splits, tmp_path / str(size), "xmc")
        one, other = (tmp_path / n / "train.txt" for n in ("one", str(size)))
        assert one.read_bytes() == other.read_bytes()
