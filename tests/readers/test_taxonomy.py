import gzip

import pytest

from labeltree.core.errors import DataError
from labeltree.readers.report import Notes
from labeltree.readers.taxonomy import read_edges, read_names, read_numbered_names


def write(folder, content, name="taxonomy.tsv"):
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def test_one_edge_a_line(tmp_path):
    notes = Notes()
    file = write(tmp_path, "\ufeffa b\tc\r\n\nc\td é\r\na b\tc")
    assert read_edges(file, notes) == [("a b", "c"), ("c", "d é")]
    assert notes.report({}).lines() == [
        "taxonomy.tsv: 1 blank line skipped, first at taxonomy.tsv:2",
        "taxonomy.tsv: 1 repeated edge of the taxonomy merged, first at taxonomy.tsv:4",
    ]


def test_one_parent_a_line(tmp_path):
    file = write(tmp_path, gzip.compress(b"Root\tA\tB\nA\tA1\tA2\tA3\n"), "taxonomy.tsv.gz")
    edges = [("Root", "A"), ("Root", "B"), ("A", "A1"), ("A", "A2"), ("A", "A3")]
    assert read_edges(file, Notes()) == edges


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a", "one column: 'a'"),
        ("a\t", "an empty column"),
        ("\ta", "an empty column"),
        ("a\t\tb", "an empty column"),
    ],
)
def test_broken_lines(tmp_path, line, message):
    file = write(tmp_path, f"a\tb\n{line}\n")
    with pytest.raises(DataError, match=f"taxonomy.tsv:2: Found {message}") as caught:
        read_edges(file, Notes())
    assert caught.value.line == 2
    assert "parent<TAB>child" in caught.value.remedy


def test_an_empty_taxonomy_and_a_damaged_one(tmp_path):
    with pytest.raises(DataError, match="taxonomy is empty"):
        read_edges(write(tmp_path, "\n"), Notes())
    with pytest.raises(DataError, match=r"taxonomy.tsv:1: Invalid UTF-8"):
        read_edges(write(tmp_path, b"a\t\xe9\n"), Notes())


def test_names(tmp_path):
    notes = Notes()
    file = write(tmp_path, "a\tName of a\nb\tB\tlonger text\nc\t \n", "label_names.tsv")
    found = read_names(file, notes)
    assert found["a"] == ("Name of a", None, 1)
    assert found["b"] == ("B", "longer text", 2)
    assert found["c"] == ("c", None, 3)
    assert notes.report({}).lines() == [
        "label_names.tsv: 1 empty name: the label's id is shown instead, first at label_names.tsv:3"
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a\tagain", "The id 'a' stands already in line 1"),
        ("b", "Found 1 columns"),
        ("b\tc\td\te", "Found 4 columns"),
        ("\tc", "the first of them empty"),
    ],
)
def test_broken_names(tmp_path, line, message):
    file = write(tmp_path, f"a\tA\n{line}\n", "label_names.tsv")
    with pytest.raises(DataError, match=message) as caught:
        read_names(file, Notes())
    assert caught.value.line == 2
    assert caught.value.remedy


def test_numbered_names(tmp_path):
    found = read_numbered_names(write(tmp_path, "x y\r\ny\tz", "label_names.txt"), Notes())
    assert {label: name.name for label, name in found.items()} == {"0": "x y", "1": "y\tz"}
