import json

import pytest

from labeltree.core.errors import DataError
from labeltree.readers import ReadOptions, read


def put(folder, *records, name="wos_train.json"):
    file = folder / name
    lines = [record if isinstance(record, str) else json.dumps(record) for record in records]
    file.write_text("\n".join(lines) + "\n", "utf8")
    return file


def test_a_folder_as_hiagm_has_it(tmp_path):
    put(tmp_path, {"token": ["a", "cell"], "label": ["CS", "Algorithms"], "doc_topic": []})
    put(tmp_path, {"doc_token": ["x"], "doc_label": ["CS"]}, name="wos_val.json")
    put(tmp_path, {"token": ["y"], "label": []}, name="wos_test.json")
    (tmp_path / "wos.taxnomy").write_text("Root\tCS\tMAE\nCS\tAlgorithms\tGraphics\n")
    splits = read(tmp_path)
    assert list(splits.parts) == ["train", "val", "test"]
    assert splits.train.texts == ["a cell"]
    assert splits.labels.ids == ("Algorithms", "CS", "Graphics", "MAE")
    assert splits.train.closed


def test_other_endings_by_the_flag(tmp_path):
    put(tmp_path, {"token": ["a"], "label": [3]}, name="train.jsonl")
    assert read(tmp_path, options=ReadOptions(format="hiagm")).labels.ids == ("3",)
    (tmp_path / "train.jsonl").rename(tmp_path / "train.data")
    assert read(tmp_path, options=ReadOptions(format="hiagm")).train.texts == ["a"]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"token": ["a"]}, "There is no field 'label' or 'doc_label'; found 'token'"),
        ({"text": "a", "label": []}, "There is no field 'token'"),
        ({"token": "a b", "label": []}, "Found 'a b', not a list of strings"),
        ({"token": ["a", None], "label": []}, "not a list of strings"),
        ({"token": ["a"], "label": [["b"]]}, "not a list of strings"),
        ("[1]", "not an object"),
        ('{"token": [', "Invalid JSON"),
        ({"token": ["a"], "label": [""]}, "A label is empty"),
    ],
)
def test_errors_name_the_line(tmp_path, record, message):
    file = put(tmp_path, {"token": ["a"], "label": []}, "", record)
    with pytest.raises(DataError, match=message) as caught:
        read(file)
    assert (caught.value.file, caught.value.line) == (file, 3)
    assert caught.value.remedy


def test_empty_texts_are_counted(tmp_path):
    splits = read(put(tmp_path, {"token": ["a"], "label": []}, {"token": [], "label": ["b"]}))
    assert splits.report.count("empty_text") == 1


def test_two_taxonomies(tmp_path):
    put(tmp_path, {"token": ["a"], "label": ["b"]})
    for name in ("wos.taxonomy", "taxonomy.tsv"):
        (tmp_path / name).write_text("Root\tb\n")
    with pytest.raises(DataError, match="Both taxonomy.tsv and wos.taxonomy"):
        read(tmp_path)
