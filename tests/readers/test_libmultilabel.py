import gzip

import pytest

from labeltree.core.errors import DataError
from labeltree.readers import ReadOptions, read


def put(folder, content, name="train.txt"):
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def rows(dataset):
    return [[dataset.labels.ids[c] for c in dataset.Y[[i]].indices] for i in range(len(dataset))]


def test_with_and_without_ids(tmp_path):
    train = read(
        put(tmp_path, "2286\tE11 ECAT\trecov excit\n2287\t\turuguay \u2028 compan\n")
    ).train
    assert train.texts == ["recov excit", "uruguay \u2028 compan"]
    assert rows(train) == [["E11", "ECAT"], []]
    again = read(put(tmp_path, b"\xef\xbb\xbfE11  ECAT\trecov excit\r\n\r\nC24\turu\r\n")).train
    assert again.texts == ["recov excit", "uru"]
    assert rows(again) == [["E11", "ECAT"], ["C24"]]


def test_a_tsv_without_header_names_the_flag(tmp_path):
    file = put(tmp_path, "1\ta\tsome text\n", "train.tsv")
    with pytest.raises(DataError, match="--format libmultilabel"):
        read(file)
    assert read(file, options=ReadOptions(format="libmultilabel")).train.texts == ["some text"]


@pytest.mark.parametrize("row", ["x\ty", "x", "1\ta\tb\tc"])
def test_other_columns_name_the_line(tmp_path, row):
    file = put(tmp_path, f"1\ta\ttext\n\n{row}\n")
    with pytest.raises(DataError, match=r"columns, not 3") as caught:
        read(file)
    assert (caught.value.file, caught.value.line) == (file, 3)


def test_invalid_bytes_and_cut_files(tmp_path):
    with pytest.raises(DataError, match=r"train.txt:2: Invalid UTF-8"):
        read(put(tmp_path, b"1\ta\ttext\n2\ta\t\xff\n"))
    file = put(tmp_path, gzip.compress(b"1\ta\ttext\n" * 9000)[:-9], "train.txt.gz")
    with pytest.raises(DataError, match="damaged or cut off"):
        read(file)
    with pytest.raises(DataError, match="no documents with text"):
        read(put(tmp_path, "1\ta\t \n"))


def test_one_column_throughout(tmp_path):
    file = put(tmp_path, "text\n")
    with pytest.raises(DataError, match="train.txt:1: Found 1 columns, not 2 or 3"):
        read(file, options=ReadOptions(format="libmultilabel"))
