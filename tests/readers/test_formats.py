import re
from pathlib import Path

import pytest

from labeltree.cli.reading import NAMES
from labeltree.core.errors import DataError, ParameterError
from labeltree.readers import ReadOptions
from labeltree.readers.formats import FORMATS, format_of
from labeltree.readers.parts import READERS

DOCS = (Path(__file__).parents[2] / "docs" / "formats.md").read_text("utf8")


@pytest.mark.parametrize("name", ["train", "train.yaml", "train.gz", "data.bin"])
def test_unknown_endings(tmp_path, name):
    with pytest.raises(DataError, match=r"Unknown file ending .*\.jsonl.*\.txt.*--format"):
        format_of(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content", "format"),
    [
        ("a.jsonl", "", "jsonl"),
        ("a.svm", "", "svmlight"),
        ("a.libsvm.gz", "", "svmlight"),
        ("X.trn.npz", "", "npz"),
        ("a.txt", "3 4 5\n0 1:2\n", "xmc"),
        ("a.txt", "\n 3  4 5 \r\n", "xmc"),
        ("a.txt", "1,2 3:4\n", "svmlight"),
        ("a.txt", "# from LibSVM\n\n 3:4 5:1e-3 # a row\n", "svmlight"),
        ("a.txt", "3:4\n", "svmlight"),
        ("a.txt", "1\ta b\tsome text\n", "libmultilabel"),
        ("a.txt", "a b\tsome text 3:4\n", "libmultilabel"),
        ("a.txt", "1\t2\t3\n", "libmultilabel"),
        ("a.json", '{"label": ["a"], "token": ["b"]}\n', "hiagm"),
        ("a.json", '{"doc_token": ["b"], "doc_label": []}\n', "hiagm"),
        ("a.json", '{"text": "b", "labels": []}\n', "jsonl"),
    ],
)
def test_name_and_first_line_tell(tmp_path, name, content, format):
    file = tmp_path / name
    if not name.endswith(".gz"):
        file.write_text(content)
    assert format_of(file) == format


@pytest.mark.parametrize(
    ("name", "line", "formats"),
    [
        ("a.txt", "1,2", "libmultilabel, xmc, svmlight"),
        ("a.txt", "1 2", "libmultilabel, xmc, svmlight"),
        ("a.txt", "Words at 3:00 here", "libmultilabel, xmc, svmlight"),
        ("a.txt", "a\tb\tc\td", "libmultilabel, xmc, svmlight"),
        ("a.json", '["a"]', "jsonl, hiagm"),
        ("a.json", '{"text": "x", "token": []}', "jsonl, hiagm"),
    ],
)
def test_what_does_not_tell_names_the_flag(tmp_path, name, line, formats):
    file = tmp_path / name
    file.write_text("\n" + line + "\n")
    with pytest.raises(DataError, match=re.escape(f"Say it with --format ({formats})")) as caught:
        format_of(file)
    assert (caught.value.file, caught.value.line) == (file, 2)
    assert format_of(file, "xmc") == "xmc"


def test_an_empty_file(tmp_path):
    (tmp_path / "a.txt").touch()
    with pytest.raises(DataError, match="The file is empty"):
        format_of(tmp_path / "a.txt")


def test_options_know_the_formats():
    with pytest.raises(ParameterError, match="format must be one of jsonl"):
        ReadOptions(format="xml")
    with pytest.raises(ParameterError, match="first_index must be 0 or 1"):
        ReadOptions(first_index=2)
    with pytest.raises(ParameterError, match="n_features"):
        ReadOptions(n_features=0)


def test_one_list_of_formats():
    assert list(READERS) == list(FORMATS)
    assert set(NAMES) == set(FORMATS)
    assert set(re.findall(r"^\| `(\w+)`", DOCS, re.MULTILINE)) == set(FORMATS)
