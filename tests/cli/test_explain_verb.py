"""`labeltree explain` as its users meet it."""

import io
import json
import sys

import pytest

from labeltree.cli import main

KETTLE = "kettle furred up with white crust"


def typed(monkeypatch, data):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_it_prints_paths_with_their_words(model, capsys):
    assert main(["explain", str(model), KETTLE, "--k", "2"]) == 0
    said = capsys.readouterr().out
    assert "(rank 1)" in said
    assert "(rank 2)" in said
    assert "kettle" in said
    assert "bias" in said


def test_text_from_standard_input_and_from_a_file_is_the_same(model, tmp_path, monkeypatch, capsys):
    assert main(["explain", str(model), KETTLE]) == 0
    expected = capsys.readouterr().out
    typed(monkeypatch, KETTLE.encode())
    assert main(["explain", str(model), "-"]) == 0
    assert capsys.readouterr().out == expected
    (tmp_path / "note.txt").write_text(KETTLE, "utf8")
    assert main(["explain", str(model), "--file", str(tmp_path / "note.txt")]) == 0
    assert capsys.readouterr().out == expected


def test_json_is_one_object(model, capsys):
    assert main(["explain", str(model), KETTLE, "--label", "toaster", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["explanations"]
    assert found["label"] == "toaster"
    assert found["steps"]


def test_why_not_names_the_step_where_the_search_left(data, tmp_path, capsys):
    out = tmp_path / "m"
    flags = ["--tree", "given", "--beam", "1", "--n-trees", "1", "--quiet"]
    assert main(["fit", "parabel", str(data), "--out", str(out), *flags]) == 0
    assert main(["explain", str(out), "toaster lever spring", "--label", "limescale"]) == 0
    said = capsys.readouterr().out
    assert "limescale" in said
    assert "behind" in said or "the search lost it here" in said


@pytest.mark.parametrize("name", ["parabel", "ensemble"])
def test_a_model_of_features(name, tmp_path, capsys):
    rows = ["4 3 2", "0 0:1 1:0.5", "1 2:1", "0 0:1", "1 2:1 1:0.1"]
    (tmp_path / "train.txt").write_text("\n".join(rows) + "\n")
    out = str(tmp_path / "m")
    assert main(["fit", name, str(tmp_path / "train.txt"), "--out", out, "--quiet"]) == 0
    assert main(["explain", out, "0:1 1:0.5", "--k", "1"]) == 0
    assert capsys.readouterr().out.startswith("0  ")
    for text, problem in (("zero:1", "not feature:value"), ("7:1", "features 0 to 2, found 7")):
        assert main(["explain", out, text]) == 1
        assert problem in capsys.readouterr().err


def test_on_a_terminal_it_is_a_tree(model, monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert main(["explain", str(model), KETTLE, "--k", "1"]) == 0
    assert "└── " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ([], 2, "give the document"),
        (["x", "--file", "y"], 2, "give the document"),
        (["  "], 2, "empty"),
        (["x", "--k", "0"], 2, "--k"),
        (["x", "--label", "zebra"], 1, "no label 'zebra'"),
        (["--file", "nowhere.txt"], 1, "nowhere.txt"),
    ],
)
def test_bad_input(arguments, status, message, model, capsys):
    assert main(["explain", str(model), *arguments]) == status
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said


def test_invalid_utf8_says_where(model, monkeypatch, capsys):
    typed(monkeypatch, b"caf\xe9")
    assert main(["explain", str(model), "-"]) == 1
    assert "invalid UTF-8 at byte 4" in capsys.readouterr().err


def test_the_baseline_cannot_be_explained(data, tmp_path, capsys):
    out = str(tmp_path / "m")
    assert main(["fit", "popular", str(data), "--out", out, "--quiet"]) == 0
    assert main(["explain", out, "kettle"]) == 1
    assert "no linear trees" in capsys.readouterr().err
