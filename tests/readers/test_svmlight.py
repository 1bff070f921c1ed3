import gzip

import numpy as np
import pytest
from sklearn.datasets import dump_svmlight_file, load_svmlight_file

from labeltree.core.errors import DataError
from labeltree.readers import ReadOptions, read


def put(folder, content, name="train.svm"):
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def test_a_small_file(tmp_path):
    content = "# comment\n1,3 1:0.5 4:2 # another\n\n 2:1\n7\n2 3:0\r\n"
    splits = read(put(tmp_path, content))
    assert splits.train.X.toarray().tolist() == [[0.5, 0, 0, 2], [0, 1, 0, 0], [0] * 4, [0] * 4]
    assert splits.labels.ids == ("1", "2", "3", "7")
    assert splits.train.Y.toarray().tolist() == [[1, 0, 1, 0], [0] * 4, [0, 0, 0, 1], [0, 1, 0, 0]]
    assert splits.report.lines() == [
        "train: 1 blank line skipped, first at train.svm:3",
        "train: 1 document without labels kept, first at train.svm:4",
    ]


def test_features_from_zero(tmp_path):
    file = put(tmp_path, "1 0:1 2:3\n")
    with pytest.raises(DataError, match=r"train.svm:1: The feature 0 .* --first-index 0"):
        read(file)
    assert read(file, options=ReadOptions(first_index=0)).train.X.toarray().tolist() == [[1, 0, 3]]


def test_parts_have_the_features_of_the_widest(tmp_path):
    put(tmp_path, "1 2:1\n")
    put(tmp_path, "1 5:1\n", "test.svm")
    splits = read(tmp_path)
    assert splits.train.X.shape == splits.test.X.shape == (1, 5)
    assert read(tmp_path, options=ReadOptions(n_features=9)).test.X.shape == (1, 9)
    with pytest.raises(DataError, match=r"test.svm:1: The feature 5 .* from 1 to 4"):
        read(tmp_path, options=ReadOptions(n_features=4))


def test_a_part_that_states_its_features_decides(tmp_path):
    put(tmp_path, "1 7 2\n0 0:1\n", "train.txt")
    put(tmp_path, "1 5:1\n", "test.svm")
    assert read(tmp_path).test.X.shape == (1, 7)
    put(tmp_path, "1 8:1\n", "test.svm")
    with pytest.raises(DataError, match="There are 8 features here but 7 in train.txt"):
        read(tmp_path)


def test_what_scikit_learn_writes(tmp_path):
    rng = np.random.default_rng(0)
    X = np.where(rng.random((40, 12)) < 0.3, rng.normal(size=(40, 12)), 0).astype(np.float32)
    X[0, 11] = 1
    Y = (rng.random((40, 5)) < 0.4).astype(int)
    Y[0] = 1
    file = tmp_path / "train.svm"
    dump_svmlight_file(X, Y, str(file), multilabel=True, zero_based=False)
    splits = read(file)
    np.testing.assert_array_equal(splits.train.X.toarray(), X)
    np.testing.assert_array_equal(splits.train.Y.toarray(), Y)
    ours, labels = load_svmlight_file(str(file), multilabel=True, zero_based=False)
    assert ours.shape == splits.train.X.shape


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1 1:nan", "Feature 1 has the value nan"),
        ("1 1:inf", "Feature 1 has the value inf"),
        ("1 1:1e39", "Feature 1 has the value 1e"),
        ("-1 1:1", "The label -1 is no whole number from 0 on"),
        ("1.5 1:1", "The label 1.5 is no whole"),
        ("1 -3:1", "The feature -3 is no whole number from 1 on"),
        ("1 1.5:1", "The feature 1.5 is no whole"),
        ("1 99999999999:1", "The feature 99999999999 is no whole"),
        ("1 2:1 1:1 2:3", "Feature 2 occurs twice"),
        ("1 qid:3 1:1", "Found 'qid:3'"),
        ("x 1:1", "Found 'x'"),
        ("1 1:x", "Found '1:x'"),
        ("1 2 3:1", "Found '2'"),
        (b"1 1:\xff", "Found"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_errors_name_the_line(tmp_path, row, message, packed):
    row = row if isinstance(row, bytes) else row.encode()
    content = b"\xef\xbb\xbf1 1:1 2:1\r\n\r\n" + row + b"\r\n"
    file = tmp_path / ("train.svm.gz" if packed else "train.svm")
    file.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(DataError, match=message) as caught:
        read(file)
    assert (caught.value.file, caught.value.line) == (file, 3)
    assert caught.value.remedy


def test_damaged_and_empty(tmp_path):
    file = put(tmp_path, gzip.compress(b"1 1:1\n" * 5000)[:-9], "train.svm.gz")
    with pytest.raises(DataError, match="damaged or cut off"):
        read(file)
    with pytest.raises(DataError, match="holds no rows"):
        read(put(tmp_path, "# nothing\n"))


def test_a_repeated_label_is_merged_and_counted(tmp_path):
    splits = read(put(tmp_path, "3,3,4 1:1\n"))
    assert splits.train.Y.toarray().tolist() == [[1, 1]]
    assert splits.report.count("repeated_label") == 1
