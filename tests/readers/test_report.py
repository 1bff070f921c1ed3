import inspect
from pathlib import Path

import numpy as np

from labeltree.readers.report import _SENTENCES, Finding, Notes, ReadReport


def test_lines_of_a_file_are_counted_once_each():
    notes = Notes()
    notes.add_lines("repeated_label", "val", Path("x/val.csv"), np.array([9, 4, 4, 7, 8]))
    notes.add_lines("no_labels", "val", Path("x/val.csv"), np.array([], int))
    (finding,) = notes.report({"val": 3}).findings
    assert finding == Finding("repeated_label", "val", 5, ("val.csv:4", "val.csv:7", "val.csv:8"))


def test_counts_by_part():
    one, two = Finding("no_labels", "train", 2, ("a",)), Finding("no_labels", "test", 3, ("b",))
    report = ReadReport({}, (one, two))
    assert report.count("no_labels") == 5
    assert report.count("no_labels", "test") == 3
    assert report.count("empty_text") == 0


def test_every_kind_is_documented_and_has_both_numbers():
    for kind in _SENTENCES:
        assert f"`{kind}`" in inspect.getsource(Finding)
        one, many = (Finding(kind, "train", n, ("t:1",)).sentence() for n in (1, 2))
        assert one.startswith("train: 1 ")
        assert many.startswith("train: 2 ")
        assert one[9:] != many[9:]


def test_names_are_quoted():
    found = Finding("not_in_taxonomy", "taxonomy.tsv", 1, ("a b",)).sentence()
    assert found.endswith("below the root, first 'a b'")
