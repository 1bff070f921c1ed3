"""`labeltree split` as its users meet it."""

import json

import pytest

import labeltree
from labeltree.cli import main


@pytest.fixture
def folder(tmp_path):
    """Write notes with an author each; the file has no other parts."""
    folder = tmp_path / "notes"
    folder.mkdir()
    lines = [
        {"text": f"note {i} on item {i % 7}", "labels": [f"l{i % 5}"], "by": f"author {i % 9}"}
        for i in range(90)
    ]
    (folder / "train.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "taxonomy.tsv").write_text("top\tl0\ntop\tl1\n")
    (folder / "label_names.tsv").write_text("l0\tLabel zero\n")
    return folder


def test_parts_are_written_and_told(folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["split", str(folder), "--out", str(out), "--seed", "3"]) == 0
    said = capsys.readouterr()
    assert "occurrences in train" in said.out
    assert f"written to {out}" in said.out
    found = labeltree.read(out)
    assert [len(p) for p in found.parts.values()] == [63, 9, 18]
    assert found.labels.names[0] == "Label zero"
    assert found.labels.hierarchy is not None
    assert sorted(p.name for p in tmp_path.iterdir()) == ["notes", "out"]


def test_stratified_and_by_field(folder, tmp_path):
    out = tmp_path / "out"
    flags = ["--stratified", "--by-field", "by", "--val", "0", "--test", "0.3", "--quiet"]
    assert main(["split", str(folder), "--out", str(out), *flags]) == 0
    found = labeltree.read(out)
    assert list(found.parts) == ["train", "test"]
    authors = [{int(t.split()[1]) % 9 for t in part.texts} for part in found.parts.values()]
    assert not authors[0] & authors[1]


def test_an_existing_test_part_is_kept_unless_told(folder, tmp_path, capsys):
    (folder / "test.jsonl").write_text('{"text": "Note 1, on item 1", "labels": ["l1", "new"]}\n')
    out = tmp_path / "out"
    assert main(["split", str(folder), "--out", str(out)]) == 0
    assert "1 documents of the kept test part are in train too" in capsys.readouterr().err
    assert labeltree.read(out).test.texts == ["Note 1, on item 1"]
    assert len(labeltree.read(out).val) == 9
    assert main(["split", str(folder), "--out", str(tmp_path / "x"), "--test", "0.2"]) == 2
    assert "which is kept" in capsys.readouterr().err
    flags = ["--anew", "--test", "0.3", "--by-field", "labels", "--quiet", "--val", "0"]
    assert main(["split", str(folder), "--out", str(tmp_path / "x"), *flags]) == 0
    assert sum(len(p) for p in labeltree.read(tmp_path / "x").parts.values()) == 91


@pytest.mark.parametrize(
    ("flags", "status", "message"),
    [
        (["--val", "1.5"], 2, "between 0 and 1"),
        (["--val", "0.6", "--test", "0.6"], 2, "leave something for train"),
        (["--val", "0", "--test", "0"], 2, "nothing to cut"),
        (["--by-field", "colour"], 1, "no field 'colour'"),
    ],
)
def test_bad_input(flags, status, message, folder, tmp_path, capsys):
    assert main(["split", str(folder), "--out", str(tmp_path / "out"), *flags]) == status
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_nothing_is_overwritten(folder, capsys):
    assert main(["split", str(folder), "--out", str(folder)]) == 1
    assert "Something is there already" in capsys.readouterr().err


def test_features_have_no_fields(tmp_path, capsys):
    (tmp_path / "train.txt").write_text("2 2 1\n0 0:1\n0 1:1\n")
    command = ["split", str(tmp_path / "train.txt"), "--out", str(tmp_path / "o")]
    assert main([*command, "--by-field", "author"]) == 2
    assert "features have no fields" in capsys.readouterr().err
