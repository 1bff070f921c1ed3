import gzip

import numpy as np
import pytest
import zstandard
from scipy.sparse import csr_array

from labeltree.core.errors import DataError
from labeltree.readers import ReadOptions, feature_rows, read


def write(folder, content, name="train.txt"):
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def test_a_small_file(tmp_path):
    splits = read(write(tmp_path, "3 4 12\n2,10 0:1 3:0.5\n11 2:2e-1\n0 0:1.25\n"))
    train = splits.train
    assert train.texts is None
    assert splits.labels.ids == tuple(map(str, range(12)))
    assert train.X.shape == (3, 4)
    assert train.X.dtype == np.float32
    np.testing.assert_allclose(train.X.toarray(), [[1, 0, 0, 0.5], [0, 0, 0.2, 0], [1.25, 0, 0, 0]])
    assert [train.Y[[i]].indices.tolist() for i in range(3)] == [[2, 10], [11], [0]]
    assert splits.labels.counts.sum() == 4
    assert splits.report.lines() == []


def test_rows_without_labels_or_features(tmp_path):
    content = "6 3 2\n 0:1\n1:1\n1\n\n \n0 2:1"
    splits = read(write(tmp_path, content))
    assert splits.train.X.toarray().tolist() == [
        [1, 0, 0],
        [0, 1, 0],
        [0] * 3,
        [0] * 3,
        [0] * 3,
        [0, 0, 1],
    ]
    assert splits.train.Y.toarray().tolist() == [[0, 0], [0, 0], [0, 1], [0, 0], [0, 0], [1, 0]]
    (finding,) = splits.report.findings
    assert (finding.kind, finding.count) == ("no_labels", 4)
    assert finding.examples == ("train.txt:2", "train.txt:3", "train.txt:5")


def test_any_blanks_and_line_ends(tmp_path):
    splits = read(write(tmp_path, b"\xef\xbb\xbf3  3 2 \r\n0\t0:1  2:1 \r\n  1:1\r\n1 0:1\t\r\n"))
    assert splits.train.X.toarray().tolist() == [[1, 0, 1], [0, 1, 0], [1, 0, 0]]
    assert splits.train.Y.toarray().tolist() == [[1, 0], [0, 0], [0, 1]]


def test_blank_lines_at_the_end(tmp_path):
    splits = read(write(tmp_path, "1 1 1\n0 0:1\n\n \n"))
    assert len(splits.train) == 1
    assert splits.report.lines() == ["train: 2 blank lines skipped, first at train.txt:3"]


def test_unsorted_features_are_sorted_and_zeros_left_out(tmp_path):
    X = read(write(tmp_path, "2 5 1\n0 4:4 1:1 3:0 2:2\n0 0:0 1:-1\n")).train.X
    assert X.indices.tolist() == [1, 2, 4, 1]
    assert X.data.tolist() == [1, 2, 4, -1]
    assert X.has_canonical_format


def test_repeated_labels_are_merged(tmp_path):
    splits = read(write(tmp_path, "1 1 3\n2,1,2 0:1\n"))
    assert splits.train.Y.toarray().tolist() == [[0, 1, 1]]
    assert splits.report.count("repeated_label") == 1


@pytest.mark.parametrize(("ending", "pack"), [(".gz", gzip.compress), (".zst", zstandard.compress)])
def test_compressed(tmp_path, ending, pack):
    file = write(tmp_path, pack(b"1 1 1\n0 0:1\n"), f"train.txt{ending}")
    assert read(file).train.X.toarray().tolist() == [[1]]


def test_numbered_names(tmp_path):
    (tmp_path / "label_names.txt").write_text("zéro\none\n\nunused\n")
    (tmp_path / "feature_names.txt").write_text("f\n")
    splits = read(write(tmp_path, "1 1 3\n0 0:1\n"))
    assert splits.labels.names == ("zéro", "one", "2")
    assert splits.report.count("empty_name") == 1
    assert splits.report.lines()[1] == (
        "label_names.txt: 1 name belongs to no label, first at label_names.txt:4"
    )


def test_too_few_names(tmp_path):
    (tmp_path / "label_names.txt").write_text("zero\none\n")
    with pytest.raises(DataError, match="label_names.txt: There are 2 names, but labels up to 2"):
        read(write(tmp_path, "1 1 3\n0 0:1\n"))


def test_a_taxonomy_over_numbers_keeps_the_columns(tmp_path):
    (tmp_path / "taxonomy.tsv").write_text("group\t10\ngroup\t2\n")
    splits = read(write(tmp_path, "1 1 11\n0 0:1\n"))
    assert splits.labels.ids == (*map(str, range(11)), "group")
    assert splits.labels.hierarchy.n_labels == 12
    assert splits.report.count("not_in_taxonomy") == 9


def test_a_test_part_with_more_labels(tmp_path):
    write(tmp_path, "1 2 2\n0 0:1\n")
    write(tmp_path, "2 2 20\n1 0:1\n0,10,9 1:1\n", "test.txt")
    splits = read(tmp_path)
    assert len(splits.labels) == 2
    assert splits.test.labels.ids == ("0", "1", "9", "10")
    assert splits.test.Y.toarray().tolist() == [[0, 1, 0, 0], [1, 0, 1, 1]]
    assert splits.test.n_universe == 2
    assert splits.report.count("outside_universe", "test") == 2


def test_a_test_part_with_other_features(tmp_path):
    write(tmp_path, "1 2 2\n0 0:1\n")
    write(tmp_path, "1 3 2\n1 0:1\n", "test.txt")
    with pytest.raises(
        DataError, match=r"test.txt:1: There are 3 features here but 2 in train.txt"
    ):
        read(tmp_path)


GOOD = "0,1 0:1 1:1\n"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("0 1:nan", "Feature 1 has the value nan"),
        ("0 1:inf", "Feature 1 has the value inf"),
        ("0 1:1e39", "Feature 1 has the value 1e"),
        ("0 5:1", "feature 5 is no whole number from 0 to 4"),
        ("0 -1:1", "feature -1 is no whole"),
        ("0 1.5:1", "feature 1.5 is no whole"),
        ("2 0:1", "label 2 is no whole number from 0 to 1"),
        ("-1 0:1", "label -1 is no whole"),
        ("0 3:1 1:1 3:2", "Feature 3 occurs twice"),
        ("0 1:1 1:1", "Feature 1 occurs twice"),
        ("0 1:x", "Found '1:x'"),
        ("0 x:1", "Found 'x:1'"),
        ("0 1:", "Found '1:'"),
        ("0 :1", "Found ':1'"),
        ("0 1:2:3", "Found '1:2:3'"),
        ("0 1 2:3", "Found '1'"),
        ("0 1:2 3", "Found '3'"),
        ("0 1:1_0", "Found '1:1_0'"),
        ("0 1:1.2.3", "Found '1:1.2.3'"),
        ("0,,1 1:1", "Found '0,,1'"),
        ("0, 1 1:1", "Found '0,'"),
        ("a 1:1", "Found 'a'"),
        ("0,1:1", "Found '0,1:1'"),
        ("0 1:\xff", "Found"),
    ],
)
@pytest.mark.parametrize("before", [0, 3])
def test_errors_name_the_line(tmp_path, row, message, before):
    content = f"{before + 2} 5 2\n" + GOOD * before + row + "\n" + GOOD
    file = write(tmp_path, content.encode("latin-1"))
    with pytest.raises(DataError, match=message) as caught:
        read(file)
    assert (caught.value.file, caught.value.line) == (file, before + 2)
    assert caught.value.remedy


def test_errors_in_a_later_block_name_the_line(tmp_path, monkeypatch):
    monkeypatch.setattr(feature_rows, "BLOCK", 30)
    file = write(tmp_path, "12 5 2\n" + GOOD * 10 + "0 7:1\n" + GOOD)
    with pytest.raises(DataError, match="train.txt:12: The feature 7"):
        read(file)


@pytest.mark.parametrize(
    "header", ["", "3 4", "3 4 5 6", "0:1 1:1 2:1", "a b c", "-1 2 3", "Text.", "1.0 2 3"]
)
def test_headers(tmp_path, header):
    with pytest.raises(DataError, match=r"train.txt:1: Found .*n_points n_features n_labels"):
        read(write(tmp_path, header + "\n0 0:1\n"), options=ReadOptions(format="xmc"))


def test_an_empty_file_and_no_rows(tmp_path):
    with pytest.raises(DataError, match="The file is empty"):
        read(write(tmp_path, ""))
    with pytest.raises(DataError, match="train.txt:1: The header announces '0 1 1'"):
        read(write(tmp_path, "0 1 1\n"))
    with pytest.raises(DataError, match="train.txt:1: The header announces '1 99999999999 1'"):
        read(write(tmp_path, "1 99999999999 1\n0 0:1\n"))


def test_headers_that_disagree_with_the_rows(tmp_path):
    with pytest.raises(DataError, match="train.txt:1: The header announces 3 rows, found 2"):
        read(write(tmp_path, "3 5 2\n" + GOOD * 2))
    with pytest.raises(
        DataError, match="train.txt:4: The header announces 2 rows, here is one more"
    ):
        read(write(tmp_path, "2 5 2\n" + GOOD * 3))


@pytest.mark.parametrize("block", [1, 100, 1 << 20])
def test_blocks_do_not_change_the_matrices(tmp_path, monkeypatch, block):
    rng = np.random.default_rng(0)
    dense = rng.random((50, 20)) * (rng.random((50, 20)) < 0.3)
    Y = rng.random((50, 7)) < 0.2
    content = "50 20 7\n" + "".join(
        ",".join(map(str, np.flatnonzero(y)))
        + " "
        + " ".join(f"{j}:{float(x[j])!r}" for j in np.flatnonzero(x))
        + "\n"
        for x, y in zip(dense, Y, strict=True)
    )
    monkeypatch.setattr(feature_rows, "BLOCK", block)
    train = read(write(tmp_path, content)).train
    expected = csr_array(dense.astype(np.float32))
    np.testing.assert_array_equal(train.X.indptr, expected.indptr)
    np.testing.assert_array_equal(train.X.indices, expected.indices)
    np.testing.assert_array_equal(train.X.data, expected.data)
    np.testing.assert_array_equal(train.Y.toarray(), Y)
