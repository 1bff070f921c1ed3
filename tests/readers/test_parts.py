import polars as pl
import pytest

from labeltree.core.errors import DataError
from labeltree.readers import ReadOptions, read
from labeltree.readers.parts import unread_files


def test_a_url_of_parquet_goes_to_polars(tmp_path):
    frame = pl.DataFrame({"text": ["x", "y"], "label": [3, 11]})
    frame.write_parquet(tmp_path / "data.parquet")
    splits = read(f"file://{tmp_path}/data.parquet")
    assert splits.train.texts == ["x", "y"]
    assert splits.labels.ids == ("3", "11")
    assert list(read(f"file://{tmp_path}/data.parquet", part="test").parts) == ["test"]


def test_a_url_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match=r"^hf://datasets/x/train.csv: Only Parquet files"):
        read("hf://datasets/x/train.csv")
    with pytest.raises(DataError, match=r"^s3://bucket/folder: Only Parquet"):
        read("s3://bucket/folder")
    with pytest.raises(DataError, match="Only Parquet"):
        read("s3://bucket/a.parquet", options=ReadOptions(format="jsonl"))
    with pytest.raises(DataError, match=r"^file:///nowhere/a.parquet: "):
        read("file:///nowhere/a.parquet")


def test_files_that_no_reader_looks_at(tmp_path):
    for name in (
        "README.md", "train.jsonl", "dev.csv.gz", "taxonomy.tsv", "wos.taxonomy", "wos_test.json",
        "label_names.txt", "label_ids.tsv", "train.X.npz", "train.Y.npz", "feature_names.txt",
    ):  # fmt: skip
        (tmp_path / name).touch()
    assert unread_files(tmp_path) == ["README.md", "feature_names.txt"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a\tb\n", "label_ids.tsv:1: Found 'a.tb'"),
        ("a\n\n", "label_ids.tsv:2: Found ''"),
        ("a\nb\na\n", "label_ids.tsv:3: The id 'a' stands already in line 1"),
        ("", "label_ids.tsv: The file is empty"),
    ],
)
def test_what_is_wrong_with_label_ids(tmp_path, content, message):
    (tmp_path / "train.jsonl").write_text('{"text": "x", "labels": ["a"]}\n')
    (tmp_path / "label_ids.tsv").write_text(content)
    with pytest.raises(DataError, match=message):
        read(tmp_path)


def test_label_ids_list_the_universe_in_order(tmp_path):
    (tmp_path / "train.jsonl").write_text('{"text": "x", "labels": ["a", "n"]}\n')
    (tmp_path / "label_ids.tsv").write_text("z\nb\na\n")
    splits = read(tmp_path)
    assert splits.labels.ids == ("z", "b", "a", "n")
    assert splits.labels.counts.tolist() == [0, 0, 1, 1]
