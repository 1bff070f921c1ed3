"""`labeltree explain` as its users meet it."""

import io
import json
import re
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
    assert "This popular model cannot be explained" in capsys.readouterr().err


def fitted(name, data, tmp_path, *flags):
    out = str(tmp_path / name)
    assert main(["fit", name, str(data), "--out", out, "--quiet", *flags]) == 0
    return out


@pytest.mark.parametrize("name", ["plst", "cplst", "occa", "leml", "compressed_sensing"])
def test_label_embeddings_show_words_and_the_rest(name, data, tmp_path, capsys):
    out = fitted(name, data, tmp_path, "--dim", "4", "--tfidf.min-df", "1")
    assert main(["explain", out, KETTLE, "--k", "1", "--words", "1"]) == 0
    said = capsys.readouterr().out
    assert "(rank 1)" in said
    figures = re.search(r"score (\S+)  \(rest (\S+); \w+ (\S+); \d+ other words? (\S+)\)", said)
    score, *parts = map(float, figures.groups())
    assert sum(parts) == pytest.approx(score, abs=0.02), "what is shown adds up"
    assert ("given that" in said) == (name == "compressed_sensing")


@pytest.mark.parametrize("name", ["mach", "bloom"])
def test_buckets_show_words_and_who_shares_them(name, data, tmp_path, capsys):
    flags = {"mach": ["--n-buckets", "3", "--n-hashes", "2"], "bloom": []}[name]
    out = fitted(name, data, tmp_path, "--tfidf.min-df", "1", *flags)
    assert main(["explain", out, KETTLE, "--k", "1"]) == 0
    said = capsys.readouterr().out
    assert "words through all buckets: " in said
    assert "margin" in said
    assert "shared with" in said or "of this label alone" in said


@pytest.mark.parametrize("name", ["sleec", "annexml"])
def test_neighbours_show_rows_and_texts_where_named(name, data, tmp_path, capsys):
    out = fitted(name, data, tmp_path, "--n-neighbours", "2", "--tfidf.min-df", "1")
    assert main(["explain", out, KETTLE, "--k", "1"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"> document \d+, vote 0\.\d+  \((cosine|squared distance) -?\d", said)
    assert KETTLE not in said
    assert "--train DATA shows them" in said
    assert main(["explain", out, KETTLE, "--k", "1", "--words", "2", "--train", str(data)]) == 0
    captured = capsys.readouterr().out
    row = int(re.search(r"document (\d+)", captured).group(1))
    lines = (data / "train.jsonl").read_text("utf8").splitlines()
    assert json.loads(lines[row])["text"] in captured
    assert "--train DATA" not in captured
    (data / "train.jsonl").write_text("\n".join(lines[:5]), "utf8")
    assert main(["explain", out, KETTLE, "--train", str(data)]) == 1
    assert "trained on 24 documents, found 5 texts" in capsys.readouterr().err


def test_a_model_of_features_by_words(tmp_path, capsys):
    rows = ["4 3 2", "0 0:1 1:0.5", "1 2:1", "0 0:1", "1 2:1 1:0.1"]
    (tmp_path / "train.txt").write_text("\n".join(rows) + "\n")
    for name in ("plst", "mach", "sleec"):
        out = fitted(name, tmp_path / "train.txt", tmp_path)
        assert main(["explain", out, "0:1 1:0.5", "--k", "1"]) == 0
        assert capsys.readouterr().out.startswith("0  ")
        assert main(["explain", out, "0:1", "--train", str(tmp_path / "train.txt")]) == 1
        assert "holds no training texts" in capsys.readouterr().err
        assert main(["explain", out, "7:1"]) == 1
        assert "features 0 to 2, found 7" in capsys.readouterr().err
