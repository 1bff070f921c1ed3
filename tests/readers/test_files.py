import gzip

import pytest
import zstandard

from labeltree.core.errors import DataError
from labeltree.readers.files import (
    find_beside,
    find_parts,
    lines,
    split_name,
    text_lines,
)
from labeltree.readers.formats import ENDINGS

CONTENT = b"".join(b"line %d %s\n" % (i, bytes([65 + i % 26]) * 50) for i in range(20_000))


def packed(ending, content=CONTENT):
    return {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}[ending](content)


@pytest.mark.parametrize("ending", ["", ".gz", ".zst", ".GZ"])
def test_lines_are_decompressed(tmp_path, ending):
    file = tmp_path / f"a.txt{ending}"
    file.write_bytes(packed(ending.lower()))
    found = list(lines(file))
    assert b"".join(line for _, line in found) == CONTENT
    assert [number for number, _ in found] == list(range(1, 20_001))


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_several_frames_in_one_file(tmp_path, ending):
    file = tmp_path / f"a.txt{ending}"
    file.write_bytes(packed(ending, b"a\nb") + packed(ending, b"c\n") + packed(ending, b"d"))
    assert list(lines(file)) == [(1, b"a\n"), (2, b"bc\n"), (3, b"d")]


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_an_empty_file_has_no_lines(tmp_path, ending):
    file = tmp_path / f"a.txt{ending}"
    file.write_bytes(b"")
    assert list(lines(file)) == []
    file.write_bytes(packed(ending, b""))
    assert list(lines(file)) == []


@pytest.mark.parametrize("cut", [1, 5, 1000])
@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_a_cut_off_file_is_no_shorter_file(tmp_path, ending, cut):
    file = tmp_path / f"a.txt{ending}"
    file.write_bytes(packed(ending)[:-cut])
    with pytest.raises(DataError, match="damaged or cut off") as caught:
        list(lines(file))
    assert caught.value.file == file
    assert caught.value.line >= 1
    assert caught.value.remedy


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_a_damaged_file(tmp_path, ending):
    raw = bytearray(packed(ending))
    raw[len(raw) // 2] ^= 255
    raw[len(raw) // 2 + 1] ^= 255
    file = tmp_path / f"a.txt{ending}"
    file.write_bytes(
        zstandard.ZstdCompressor(write_checksum=True).compress(CONTENT) if ending == ".zst" else raw
    )
    if ending == ".zst":
        raw = bytearray(file.read_bytes())
        raw[-1] ^= 255  # the checksum
        file.write_bytes(raw)
    with pytest.raises(DataError, match="damaged or cut off"):
        list(lines(file))


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_a_file_that_is_not_compressed_at_all(tmp_path, ending):
    file = tmp_path / f"a.txt{ending}"
    file.write_bytes(CONTENT)
    with pytest.raises(DataError, match="damaged or cut off"):
        list(lines(file))


def test_text_lines_name_the_line_and_the_byte(tmp_path):
    file = tmp_path / "a.txt"
    file.write_bytes("fine é\n".encode() + b"ab\xff\n")
    with pytest.raises(DataError, match=r"a.txt:2: Invalid UTF-8 at byte 3 of the line \(0xff"):
        list(text_lines(file))


def test_a_folder_cannot_be_read_as_a_file(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        list(lines(tmp_path))


def test_names_without_compression(tmp_path):
    assert split_name(tmp_path / "Train.JSONL.gz") == ("train", ".jsonl")
    assert split_name(tmp_path / "a.b.csv") == ("a.b", ".csv")
    assert split_name(tmp_path / "train") == ("train", "")


@pytest.mark.parametrize("name", ["val", "valid", "validation", "dev", "Dev"])
def test_names_of_the_validation_part(tmp_path, name):
    for file in ("test.csv", f"{name}.jsonl.zst", "train.txt.gz", "README.md", "test_notes.csv"):
        (tmp_path / file).touch()
    parts, unread = find_parts(tmp_path, ENDINGS)
    assert list(parts) == ["train", "val", "test"]
    assert parts["val"].name == f"{name}.jsonl.zst"
    assert unread == []


def test_unknown_formats_are_listed(tmp_path):
    (tmp_path / "train.jsonl").touch()
    (tmp_path / "valid.npz").touch()
    assert find_parts(tmp_path, ENDINGS)[1] == [("val", tmp_path / "valid.npz")]


@pytest.mark.parametrize(
    ("one", "two"),
    [("train.csv", "train.jsonl"), ("train.csv", "train.csv.gz"), ("dev.csv", "val.csv")],
)
def test_two_files_for_one_part(tmp_path, one, two):
    (tmp_path / one).touch()
    (tmp_path / two).touch()
    with pytest.raises(DataError, match=f"Two files .*{one} and {two}"):
        find_parts(tmp_path, ENDINGS)


def test_no_part_says_what_was_found_and_looked_for(tmp_path):
    with pytest.raises(DataError, match="found nothing"):
        find_parts(tmp_path, ENDINGS)
    (tmp_path / "notes.csv").touch()
    (tmp_path / "train.npz").touch()
    with pytest.raises(
        DataError, match=r"found notes.csv, train.npz.*train, trn, val, valid.*\.parquet"
    ):
        find_parts(tmp_path, ENDINGS)


def test_files_beside(tmp_path):
    assert find_beside(tmp_path, "taxonomy.tsv") is None
    (tmp_path / "taxonomy.tsv.gz").touch()
    assert find_beside(tmp_path, "taxonomy.tsv") == tmp_path / "taxonomy.tsv.gz"
    (tmp_path / "taxonomy.tsv").touch()
    with pytest.raises(DataError, match="Both taxonomy.tsv and taxonomy.tsv.gz"):
        find_beside(tmp_path, "taxonomy.tsv")
