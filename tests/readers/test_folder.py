import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from labeltree.core.errors import DataError, ParameterError
from labeltree.core.hierarchy import Hierarchy
from labeltree.core.labels import Labels
from labeltree.readers import read


def put(folder, part, *documents, name="{}.jsonl"):
    """Write (text, labels...) as JSON lines, compressed by the file's ending."""
    lines = "".join(
        json.dumps({"text": text, "labels": labels}) + "\n" for text, *labels in documents
    ).encode()
    file = folder / name.format(part)
    pack = {".gz": gzip.compress, ".zst": zstandard.compress}.get(file.suffix, bytes)
    file.write_bytes(pack(lines))
    return file


def rows(dataset):
    return [
        sorted(dataset.labels.ids[c] for c in dataset.Y[[i]].indices) for i in range(len(dataset))
    ]


# ---- parts ---------------------------------------------------------------------------------------


def test_a_folder_with_all_parts(tmp_path):
    put(tmp_path, "train", ("x", "a"), ("y", "b"))
    put(tmp_path, "valid", ("v", "b"), name="{}.jsonl.gz")
    put(tmp_path, "test", ("t", "a"), name="{}.jsonl.zst")
    splits = read(str(tmp_path))
    assert list(splits.parts) == ["train", "val", "test"]
    assert splits.report.documents == {"train": 2, "val": 1, "test": 1}
    for part in splits.parts.values():
        assert part.labels is splits.labels
        assert part.n_universe == 2
    assert rows(splits.val) == [["b"]]


def test_a_file_is_the_train_part_unless_said_otherwise(tmp_path):
    file = put(tmp_path, "anything", ("x", "a"))
    assert len(read(file).train) == 1
    splits = read(file, part="test")
    assert splits.train is None
    assert len(splits.test) == 1
    assert splits.test.labels.ids == ("a",)
    assert splits.labels.n_train == 0
    assert splits.labels.counts.tolist() == [0]


def test_one_part_of_a_folder(tmp_path):
    put(tmp_path, "train", ("x", "a"))
    put(tmp_path, "test", ("y", "b"))
    splits = read(tmp_path, part="test")
    assert list(splits.parts) == ["test"]
    with pytest.raises(DataError, match="There is no val part; found train, test"):
        read(tmp_path, part="val")
    with pytest.raises(ParameterError, match="part must be one of train, val, test"):
        read(tmp_path, part="dev")


def test_missing_and_unknown(tmp_path):
    with pytest.raises(DataError, match="no such file or folder"):
        read(tmp_path / "nowhere")
    with pytest.raises(DataError, match="No train, val or test file"):
        read(tmp_path)
    file = tmp_path / "train.yaml"
    file.write_text("{}")
    with pytest.raises(DataError, match="Unknown file ending"):
        read(file)


def test_two_files_for_one_part(tmp_path):
    put(tmp_path, "dev", ("x", "a"))
    put(tmp_path, "val", ("x", "a"))
    with pytest.raises(DataError, match="Two files hold the val part: dev.jsonl and val.jsonl"):
        read(tmp_path)


def test_a_part_in_an_unknown_format_is_reported(tmp_path):
    put(tmp_path, "train", ("x", "a"))
    (tmp_path / "test.npz").touch()
    assert read(tmp_path).report.lines() == [
        "test: 1 file of an unknown format left unread, first 'test.npz'"
    ]


# ---- the universe --------------------------------------------------------------------------------


def test_labels_of_train_and_taxonomy(tmp_path):
    put(tmp_path, "train", ("x", "cat"), ("y", "stone"))
    put(tmp_path, "test", ("z", "dog"))
    (tmp_path / "taxonomy.tsv").write_text("Root\tanimal\nanimal\tcat\nanimal\tdog\n")
    splits = read(tmp_path)
    assert splits.labels.ids == ("animal", "cat", "dog", "stone")
    assert splits.labels.counts.tolist() == [0, 1, 0, 1]
    assert splits.labels.hierarchy.ids == ("", "animal", "stone", "cat", "dog")
    assert splits.labels.hierarchy.n_labels == 4
    assert splits.test.n_universe == 4
    assert splits.train.closed is False
    assert splits.report.lines() == [
        "taxonomy.tsv: 1 label that is not in the taxonomy hangs below the root, first 'stone'"
    ]


def test_a_root_that_documents_carry_is_a_label(tmp_path):
    put(tmp_path, "train", ("x", "Root", "a"))
    (tmp_path / "taxonomy.tsv").write_text("Root\ta\n")
    splits = read(tmp_path)
    assert splits.labels.ids == ("Root", "a")
    assert splits.train.closed


def test_one_source_among_others_called_root_is_a_label(tmp_path):
    put(tmp_path, "train", ("x", "a"))
    (tmp_path / "taxonomy.tsv").write_text("Root\ta\nOther\tb\n")
    assert read(tmp_path).labels.ids == ("Other", "Root", "a", "b")


def test_labels_only_in_test_count_as_misses(tmp_path):
    put(tmp_path, "train", ("x", "m"))
    put(tmp_path, "val", ("v", "k"))
    put(tmp_path, "test", ("y", "z", "m"), ("w", "z", "a", "z"))
    (tmp_path / "taxonomy.tsv").write_text("top\tm\n")
    (tmp_path / "label_names.tsv").write_text("m\tM\nz\tZett\ttext of z\n")
    splits = read(tmp_path)
    assert splits.labels.ids == ("m", "top")
    test = splits.test
    assert test.labels.ids == ("m", "top", "a", "z")
    assert test.labels.names == ("M", "top", "a", "Zett")
    assert test.Y.toarray().tolist() == [[1, 0, 0, 1], [0, 0, 1, 1]]
    assert test.n_universe == 2
    assert test.labels.hierarchy is splits.labels.hierarchy
    assert test.labels.counts.tolist() == [1, 0, 0, 0]
    assert test.labels.n_train == 1
    assert splits.val.labels.ids == ("m", "top", "k")
    assert splits.report.count("outside_universe", "test") == 3
    assert splits.report.count("outside_universe", "val") == 1
    assert (
        "test: 3 label occurrences outside the universe count as misses, first at test.jsonl:1"
        in splits.report.lines()
    )


def test_names_and_texts(tmp_path):
    put(tmp_path, "train", ("x", "a", "b", "c"))
    (tmp_path / "label_names.tsv").write_text("a\tAh\tall about a\nb\tBe\nq\tQueue\n")
    splits = read(tmp_path)
    assert splits.labels.names == ("Ah", "Be", "c")
    assert splits.labels.texts == ("all about a", "Be", "c")
    assert splits.report.lines() == [
        "label_names.tsv: 1 name belongs to no label, first at label_names.tsv:3"
    ]


def test_two_files_of_names(tmp_path):
    put(tmp_path, "train", ("x", "a"))
    (tmp_path / "label_names.tsv").write_text("a\tA\n")
    (tmp_path / "label_names.txt").write_text("A\n")
    with pytest.raises(DataError, match="Both label_names.tsv and label_names.txt"):
        read(tmp_path)


def test_numbered_names_do_not_fit_other_ids(tmp_path):
    put(tmp_path, "train", ("x", "a"))
    (tmp_path / "label_names.txt").write_text("A\nB\n")
    splits = read(tmp_path)
    assert splits.labels.names == ("a",)
    assert splits.report.count("unused_name") == 2


@pytest.mark.parametrize("edges", ["a\tb\nb\ta\n", "a\ta\n", "top\ta\na\tb\nb\tc\nc\ta\n"])
def test_a_cycle_names_the_file(tmp_path, edges):
    put(tmp_path, "train", ("x", "a"))
    (tmp_path / "taxonomy.tsv").write_text(edges)
    with pytest.raises(DataError, match=r"taxonomy.tsv: The taxonomy has a cycle: .*a.*remove one"):
        read(tmp_path)


def test_labels_are_not_closed_on_reading_but_on_demand(tmp_path):
    put(tmp_path, "train", ("x", "cat"), ("y", "animal", "dog"))
    put(tmp_path, "test", ("z", "dog", "fox"))
    (tmp_path / "taxonomy.tsv").write_text("animal\tcat\nanimal\tdog\n")
    splits = read(tmp_path)
    assert rows(splits.train) == [["cat"], ["animal", "dog"]]
    closed = splits.close_labels()
    assert rows(closed.train) == [["animal", "cat"], ["animal", "dog"]]
    assert rows(closed.test) == [["animal", "dog", "fox"]]
    assert closed.test.n_universe == 3
    assert closed.val is None
    assert splits.labels.counts.tolist() == [1, 1, 1]
    assert closed.labels.counts.tolist() == [2, 1, 1]
    assert closed.test.labels.counts.tolist() == [2, 1, 1, 0]
    assert closed.train.labels is closed.labels
    assert closed.report is splits.report
    assert rows(splits.train) == [["cat"], ["animal", "dog"]]


def test_closing_needs_a_taxonomy(tmp_path):
    with pytest.raises(DataError, match="no taxonomy"):
        read(put(tmp_path, "train", ("x", "cat"))).close_labels()


# ---- a model's universe --------------------------------------------------------------------------

MODEL = Labels(
    ("z", "a", "top"),
    names=("Zett", "Ah", "Top"),
    counts=np.array([5, 3, 8]),
    n_train=8,
    hierarchy=Hierarchy.from_edges([("top", "z"), ("top", "a")], ["z", "a", "top"]),
)


def test_a_models_labels_are_the_universe(tmp_path):
    put(tmp_path, "train", ("x", "a"), ("y", "z", "new"))
    put(tmp_path, "test", ("t", "top"))
    (tmp_path / "taxonomy.tsv").write_text("broken\n")
    (tmp_path / "label_names.tsv").write_text("a\tA\na\tA\n")
    splits = read(tmp_path, labels=MODEL)
    assert splits.labels is MODEL
    assert splits.test.labels is MODEL
    assert splits.test.Y.toarray().tolist() == [[0, 0, 1]]
    assert splits.train.labels.ids == ("z", "a", "top", "new")
    assert splits.train.labels.names == ("Zett", "Ah", "Top", "new")
    assert splits.train.labels.counts.tolist() == [5, 3, 8, 0]
    assert splits.train.n_universe == 3
    assert splits.report.count("outside_universe", "train") == 1


def test_closing_keeps_a_models_counts(tmp_path):
    put(tmp_path, "train", ("x", "a"), ("y", "z", "new"))
    closed = read(tmp_path, labels=MODEL).close_labels()
    assert rows(closed.train) == [["a", "top"], ["new", "top", "z"]]
    assert closed.labels is MODEL


def test_a_models_numbers_in_the_repositorys_format(tmp_path):
    file = tmp_path / "new.txt"
    file.write_text("1 2 3\n0,2 1:1\n")
    test = read(file, labels=Labels(("2", "1")), part="test").test
    assert test.labels.ids == ("2", "1", "0")
    assert test.Y.toarray().tolist() == [[1, 0, 1]]


# ---- round trips ---------------------------------------------------------------------------------

label_sets = st.lists(
    st.tuples(
        st.sets(st.integers(0, 6)),
        st.dictionaries(
            st.integers(0, 4), st.floats(-100, 100, width=32).filter(lambda v: v != 0), max_size=5
        ),
    ),
    min_size=1,
    max_size=8,
)


@settings(deadline=None, max_examples=60)
@given(label_sets, st.sampled_from(["", ".gz", ".zst"]), st.randoms(use_true_random=False))
def test_jsonl_and_repository_text_give_the_same_matrices(documents, packed, random):
    pack = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}[packed]
    Y = np.zeros((len(documents), 7))
    X = np.zeros((len(documents), 5), np.float32)
    text, jsonl = [f"{len(documents)} 5 7"], []
    for i, (labels, features) in enumerate(documents):
        Y[i, list(labels)] = 1
        X[i, list(features)] = list(features.values())
        shuffled = random.sample(sorted(labels), len(labels))
        pairs = random.sample(sorted(features.items()), len(features))
        text.append(",".join(map(str, shuffled)) + "".join(f" {j}:{v!r}" for j, v in pairs))
        jsonl.append(json.dumps({"text": f"t{i}", "labels": shuffled}))
    with tempfile.TemporaryDirectory() as folder:
        one, two = Path(folder, f"a.txt{packed}"), Path(folder, f"b.jsonl{packed}")
        one.write_bytes(pack("\n".join(text).encode() + b"\n"))
        two.write_bytes(pack("\n".join(jsonl).encode()))
        from_text, from_jsonl = read(one), read(two, labels=Labels.numbered(7))
        own = read(two).labels
    np.testing.assert_array_equal(from_text.train.X.toarray(), X)
    np.testing.assert_array_equal(from_text.train.Y.toarray(), Y)
    np.testing.assert_array_equal(from_jsonl.train.Y.toarray(), Y)
    assert from_text.train.X.dtype == np.float32
    assert from_text.labels.counts.tolist() == Y.sum(axis=0).tolist()
    assert own.ids == tuple(str(c) for c in np.flatnonzero(Y.any(axis=0)))


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.text(min_size=1).filter(lambda t: not t.isspace()),
            st.sets(st.text(min_size=1, max_size=5), max_size=4),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_any_strings_come_back(documents):
    lines = [
        json.dumps({"text": t, "labels": sorted(ls)}, ensure_ascii=False) for t, ls in documents
    ]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "a.jsonl")
        file.write_text("\n".join(lines), encoding="utf-8", newline="")
        train = read(file).train
    assert train.texts == [text for text, _ in documents]
    assert rows(train) == [sorted(labels) for _, labels in documents]


# ---- cost of importing ---------------------------------------------------------------------------


def test_importing_the_readers_loads_no_table_library():
    code = (
        "import sys, labeltree.readers; print([m for m in ('polars', 'numba') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


# ---- real data -----------------------------------------------------------------------------------

DATA = os.environ.get("LABELTREE_DATA")
needs_data = pytest.mark.skipif(
    DATA is None, reason="LABELTREE_DATA names no folder with real data"
)
slow = pytest.mark.slow

# name: train, val, test documents; labels; labels by level
REAL = [
    pytest.param("arxiv_msc", (52684, 6586, 6586), 5496, [63, 527, 4906]),
    pytest.param("arxiv_subjects", (79998, 10000, 10000), 154, [6, 107, 41], marks=slow),
    pytest.param("arxiv_subjects_small", (4500, None, 1000), 154, [6, 107, 41]),
    pytest.param("bibtex", (4880, None, 2515), 159, None),
    pytest.param("biotools_edam", (15557, None, 3889), 1684, None),
    pytest.param("clinc150", (14939, 2995, 4499), 160, [10, 150]),
    pytest.param("delicious", (12920, None, 3185), 983, None),
    pytest.param("newsgroups20", (11251, None, 7492), 27, [7, 13, 7]),
    pytest.param("reuters21578", (9341, None, 3267), 404, [5, 284, 115]),
    pytest.param("tibkat_gnd", (108726, None, 25047), 38246, None, marks=slow),
]


@needs_data
@pytest.mark.parametrize(("name", "sizes", "n_labels", "levels"), REAL)
def test_real_data(name, sizes, n_labels, levels):
    splits = read(Path(DATA, name))
    parts = (splits.train, splits.val, splits.test)
    assert tuple(None if part is None else len(part) for part in parts) == sizes
    assert len(splits.labels) == n_labels
    assert all(part.n_universe == len(part.labels) for part in splits.parts.values())
    if levels is not None:
        assert np.bincount(splits.labels.hierarchy.level).tolist() == [1, *levels]
        assert all(part.closed for part in splits.parts.values())


@needs_data
def test_real_features_and_names():
    splits = read(Path(DATA, "bibtex"))
    assert splits.train.X.shape == (4880, 1836)
    assert splits.labels.names[:2] == ("TAG_2005", "TAG_2006")
    assert splits.labels.counts.min() > 25
    assert round(splits.train.Y.nnz / 4880, 2) == 2.38


@needs_data
def test_real_rows_without_labels():
    report = read(Path(DATA, "delicious")).report
    assert report.count("no_labels") == 14


@needs_data
def test_a_real_graph_with_several_parents():
    splits = read(Path(DATA, "biotools_edam"))
    hierarchy = splits.labels.hierarchy
    assert len(hierarchy.branches) == 4
    assert (np.diff(hierarchy.parent_ptr) > 1).sum() == 570
    assert hierarchy.level.max() == 9
    assert (splits.labels.counts > 0).sum() == 1516
    assert ((splits.labels.counts == 0) & (splits.test.Y.sum(axis=0) > 0)).sum() == 73
    assert not splits.train.closed
    assert re.match("[A-Z]", splits.labels.names[0])
