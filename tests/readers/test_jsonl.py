import json

import pytest

from labeltree.core.errors import DataError
from labeltree.readers import ReadOptions, read


def write(folder, *records, name="train.jsonl"):
    file = folder / name
    file.write_bytes(
        b"\n".join(r if isinstance(r, bytes) else json.dumps(r).encode() for r in records)
    )
    return file


def doc(text, *labels):
    return {"text": text, "labels": list(labels)}


def rows(dataset):
    """The labels of each document, sorted."""
    return [
        sorted(dataset.labels.ids[c] for c in dataset.Y[[i]].indices) for i in range(len(dataset))
    ]


def test_texts_and_labels_come_back_in_order(tmp_path):
    file = write(tmp_path, doc("one", "b", "a"), doc("two", "c"))
    splits = read(file)
    assert splits.labels.ids == ("a", "b", "c")
    assert splits.train.texts == ["one", "two"]
    assert splits.train.Y.toarray().tolist() == [[1, 1, 0], [0, 0, 1]]
    assert splits.labels.counts.tolist() == [1, 1, 1]
    assert splits.labels.n_train == 2
    assert splits.labels.hierarchy is None
    assert splits.val is None
    assert splits.test is None
    assert splits.report.lines() == []
    assert splits.report.documents == {"train": 2}


def test_one_label_is_enough(tmp_path):
    splits = read(write(tmp_path, doc("x", "only")))
    assert splits.train.Y.toarray().tolist() == [[1]]


def test_a_single_string_and_the_field_label(tmp_path):
    file = write(tmp_path, {"text": "x", "labels": "a|b"}, {"text": "y", "label": "c"})
    assert rows(read(file).train) == [["a|b"], ["c"]]


def test_labels_wins_over_label(tmp_path):
    file = write(tmp_path, {"text": "x", "labels": ["right"], "label": "wrong"})
    assert read(file).labels.ids == ("right",)


def test_fields_by_option(tmp_path):
    file = write(tmp_path, {"body": "x", "cats": ["a"], "labels": ["wrong"]})
    splits = read(file, options=ReadOptions(text_field="body", labels_field="cats"))
    assert splits.train.texts == ["x"]
    assert splits.labels.ids == ("a",)


def test_an_own_field_name_has_no_fallback(tmp_path):
    file = write(tmp_path, {"text": "x", "label": "a"})
    with pytest.raises(DataError, match="no field 'cats'"):
        read(file, options=ReadOptions(labels_field="cats"))


def test_documents_without_labels_field(tmp_path):
    file = write(tmp_path, {"text": "x"}, {"text": "y", "labels": ["a"]})
    train = read(file, options=ReadOptions(labels_field=None)).train
    assert train.Y.shape == (2, 0)


def test_numbers_become_ids_in_numeric_order(tmp_path):
    file = write(tmp_path, doc("x", 10, 9), doc("y", 2.0), doc("z", "100"))
    splits = read(file)
    assert splits.labels.ids == ("2", "9", "10", "100")


def test_strings_are_sorted_as_strings(tmp_path):
    splits = read(write(tmp_path, doc("x", "10", "9", "07", "a")))
    assert splits.labels.ids == ("07", "10", "9", "a")


def test_fractions_keep_their_digits(tmp_path):
    assert read(write(tmp_path, doc("x", 1.5))).labels.ids == ("1.5",)


UNUSUAL = [
    "caf\u00e9",  # composed
    "cafe\u0301",  # decomposed: another label
    "\U0001f98a\u200d\U0001f525",
    "\u0645\u0643\u062a\u0628\u0629",  # right to left
    "two words",
    "a, b",
    "tab\there",
    " leading",
    "new\nline",
    'quo"te',
    "nul\x00",
]


def test_unusual_strings_are_kept_as_they_are(tmp_path):
    splits = read(write(tmp_path, *(doc(f"{label} text {label}", label) for label in UNUSUAL)))
    assert splits.train.texts == [f"{label} text {label}" for label in UNUSUAL]
    assert rows(splits.train) == [[label] for label in UNUSUAL]
    assert splits.labels.ids == tuple(sorted(UNUSUAL))


def test_a_byte_order_mark_and_windows_line_ends(tmp_path):
    file = tmp_path / "train.jsonl"
    file.write_bytes(
        b'\xef\xbb\xbf{"text": "a", "labels": ["x"]}\r\n{"text": "b", "labels": []}\r\n'
    )
    assert read(file).train.texts == ["a", "b"]


def test_a_unicode_line_separator_ends_no_line(tmp_path):
    file = tmp_path / "train.jsonl"
    file.write_text('{"text": "a\u2028b\u0085c", "labels": ["x"]}\n', encoding="utf-8")
    assert read(file).train.texts == ["a\u2028b\u0085c"]


# ---- what is skipped, merged and kept ------------------------------------------------------------


def test_empty_texts_are_skipped_and_counted(tmp_path):
    file = write(tmp_path, doc("", "a"), doc("x", "b"), doc(" \n\t", "c"))
    splits = read(file)
    assert splits.train.texts == ["x"]
    assert splits.labels.ids == ("b",)
    (finding,) = splits.report.findings
    assert (finding.kind, finding.part, finding.count) == ("empty_text", "train", 2)
    assert finding.examples == ("train.jsonl:1", "train.jsonl:3")
    assert splits.report.lines() == ["train: 2 empty texts skipped, first at train.jsonl:1"]


def test_documents_without_labels_are_kept_and_counted(tmp_path):
    splits = read(write(tmp_path, doc("x", "a"), doc("y")))
    assert splits.train.Y.toarray().tolist() == [[1], [0]]
    assert splits.report.lines() == [
        "train: 1 document without labels kept, first at train.jsonl:2"
    ]


def test_repeated_labels_are_merged_and_counted(tmp_path):
    splits = read(write(tmp_path, doc("x", "a", "b", "a", "a"), doc("y", "a"), doc("z", 1, "1")))
    assert rows(splits.train) == [["a", "b"], ["a"], ["1"]]
    assert splits.train.Y.data.tolist() == [1, 1, 1, 1]
    assert splits.labels.counts.tolist() == [1, 2, 1]
    (finding,) = splits.report.findings
    assert (finding.kind, finding.count) == ("repeated_label", 3)
    assert finding.examples == ("train.jsonl:1", "train.jsonl:3")


def test_blank_lines_are_counted(tmp_path):
    splits = read(write(tmp_path, b"", doc("x", "a"), b"  \t", doc("y", "a"), b"", b""))
    assert len(splits.train) == 2
    assert splits.report.count("blank_line") == 3
    assert splits.report.findings[0].examples == ("train.jsonl:1", "train.jsonl:3", "train.jsonl:5")


def test_at_most_three_examples(tmp_path):
    splits = read(write(tmp_path, *[doc("", "a")] * 9, doc("x", "a")))
    assert splits.report.count("empty_text", "train") == 9
    assert len(splits.report.findings[0].examples) == 3


# ---- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"text": "x", "labels": ["a"', "Invalid JSON at character"),
        (b'{"text": NaN, "labels": []}', "Invalid JSON"),
        (b'["x", "a"]', "Found a list, not an object"),
        (b'"x"', "Found a string, not an object"),
        (b"null", "Found null, not an object"),
        (b"3", "Found a number, not an object"),
        (b'{"labels": ["a"]}', "no field 'text'; found 'labels'"),
        (b'{"text": "x"}', "no field 'labels'; found 'text'"),
        (b"{}", "no field 'text'; found none"),
        (b'{"text": null, "labels": []}', "'text' is null, not a string"),
        (b'{"text": ["x"], "labels": []}', "'text' is a list, not a string"),
        (b'{"text": 5, "labels": []}', "'text' is a number, not a string"),
        (b'{"text": "x", "labels": null}', "'labels' holds null"),
        (b'{"text": "x", "labels": [["a"]]}', "'labels' holds a list"),
        (b'{"text": "x", "labels": {"a": 1}}', "'labels' holds an object"),
        (b'{"text": "x", "labels": ["a", true]}', "'labels' holds true"),
        (b'{"text": "x", "label": [null]}', "'label' holds null"),
        (b'{"text": "x", "labels": ["a", ""]}', "A label is empty"),
        (b'{"text": "caf\xe9", "labels": []}', r"Invalid UTF-8 at byte 14 of the line \(0xe9"),
        (b'{"text": "\\ud800", "labels": []}', "Invalid JSON"),
    ],
)
def test_errors_name_the_line_and_a_remedy(tmp_path, line, message):
    file = write(tmp_path, doc("fine", "a"), b"", line, doc("fine", "b"))
    with pytest.raises(DataError, match=message) as caught:
        read(file)
    assert caught.value.line == 3
    assert caught.value.file == file
    assert f"{file}:3: " in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize("content", [b"", b"\n\n", b'{"text": "", "labels": ["a"]}\n'])
def test_a_file_without_documents(tmp_path, content):
    file = tmp_path / "train.jsonl"
    file.write_bytes(content)
    with pytest.raises(DataError, match="no documents") as caught:
        read(file)
    assert caught.value.file == file
