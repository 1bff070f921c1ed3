import json
import re
import shutil
from pathlib import Path

import pytest

import labeltree
from labeltree.cli import main
from labeltree.readers import read


def convert(*words):
    return main(["convert", *map(str, words)])


def test_a_folder_keeps_its_parts(data, tmp_path, capsys):
    out = tmp_path / "out"
    (data / "README.md").write_text("about")
    assert convert(data, "--to", "csv", "--out", out, "--compress", "zst") == 0
    said = capsys.readouterr().err.splitlines()
    assert said[:3] == [
        "train: 24 documents",
        "test: 6 documents",
        "not carried: the files README.md",
    ]
    assert "taxonomy.tsv, test.csv.zst, train.csv.zst" in said[3]
    one, two = read(data), read(out)
    assert one.labels.ids == two.labels.ids
    assert one.train.texts == two.train.texts
    assert (one.test.Y != two.test.Y).nnz == 0


def test_features_of_texts(data, tmp_path, capsys):
    out = tmp_path / "out"
    assert convert(data, "--to", "svmlight", "--out", out) == 1
    assert "--vectorize" in capsys.readouterr().err
    assert convert(data, "--to", "svmlight", "--out", out, "--vectorize") == 0
    assert "not carried: texts: svmlight holds features only" in capsys.readouterr().err
    splits = read(out)
    terms = (out / "vocabulary.tsv").read_text("utf8").splitlines()
    assert len(terms) == splits.train.X.shape[1] == splits.test.X.shape[1]
    assert terms[0].split("\t")[0] == "again"
    model = tmp_path / "model"
    assert main(["fit", "parabel", str(out), "--out", str(model), "--quiet"]) == 0
    assert main(["evaluate", str(model), str(out), "--json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["P@1"] > 0.5


def test_vectorize_where_it_makes_no_sense(data, tmp_path, capsys):
    assert convert(data, "--to", "csv", "--out", tmp_path / "x", "--vectorize") == 2
    assert "--vectorize is for xmc, svmlight, npz" in capsys.readouterr().err
    words = ("--out", tmp_path / "x", "--vectorize", "--split", "test")
    assert convert(data, "--to", "xmc", *words) == 1
    assert "needs a train part" in capsys.readouterr().err


def test_one_part_to_one_file(data, tmp_path):
    out = tmp_path / "test.parquet"
    assert convert(data, "--to", "parquet", "--out", out, "--split", "test", "--quiet") == 0
    assert len(read(out).train) == 6


def test_what_is_there_stays(data, tmp_path, capsys):
    assert convert(data, "--to", "csv", "--out", data) == 1
    assert "Something is there already" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        convert(data, "--to", "csv", "--out", tmp_path / "x", "--compress", "bz2")


def test_reading_flags(tmp_path, capsys):
    file = tmp_path / "notes.txt"
    file.write_text("note;path\n" + "red apple;food > fruit\nold car;thing > car\n" * 3)
    flags = [
        "--format", "csv", "--delimiter", ";", "--text-field", "note", "--labels-field", "path",
        "--path-separator", " > ",
    ]  # fmt: skip
    assert convert(file, "--to", "jsonl", "--out", tmp_path / "out", "--quiet", *flags) == 0
    assert read(tmp_path / "out").labels.ids == ("car", "food", "fruit", "thing")
    model = str(tmp_path / "model")
    assert main(["fit", "popular", str(file), "--out", model, "--quiet", *flags]) == 0
    words = ["evaluate", model, str(file), "--split", "test", "--json", "--quiet"]
    assert main([*words, *flags]) == 0
    assert json.loads(capsys.readouterr().out)["P@1"] == 0.5
    assert main([*words]) == 1
    assert "--format" in capsys.readouterr().err


def test_features_that_count_from_zero(tmp_path, capsys):
    file = tmp_path / "train.svm"
    file.write_text("1 0:1\n2 4:1\n")
    out = tmp_path / "out"
    assert convert(file, "--to", "xmc", "--out", out) == 1
    assert "--first-index 0" in capsys.readouterr().err
    assert convert(file, "--to", "xmc", "--out", out, "--first-index", "0", "--quiet") == 0
    assert read(out).train.X.shape == (2, 5)


@pytest.mark.parametrize("kind", ["parabel", "plst", "mach"])
def test_a_test_part_has_the_features_of_the_model(kind, tmp_path, capsys):
    for name, last in (("train", 9), ("test", 3)):
        (tmp_path / f"{name}.svm").write_text(f"1 1:1\n2 2:1 {last}:1\n" * 4)
    model = str(tmp_path / "model")
    fit = ["fit", kind, str(tmp_path), "--out", model, "--quiet", "--no-threshold"]
    assert main(fit) == 0
    assert main(["evaluate", model, str(tmp_path / "test.svm"), "--json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["P@1"] == pytest.approx(1)


PAGE = (Path(__file__).parents[2] / "docs" / "formats.md").read_text("utf8")


@pytest.fixture
def notes(tmp_path, monkeypatch):
    shutil.copytree(Path(labeltree.__file__).parent / "corpus", tmp_path / "notes")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("notes")
def test_the_docs_show_what_happens(capsys):
    (block,) = re.findall(r"```text\n(\$.*?)```", PAGE, re.DOTALL)
    for shown in block.split("$ labeltree ")[1:]:
        command, _, output = shown.partition("\n")
        assert main(command.split()) == 0
        assert capsys.readouterr().err == output


@pytest.mark.usefixtures("notes")
def test_the_docs_python_runs(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(code, "formats.md", "exec"), {})
    assert capsys.readouterr().out == "()\n"
    assert len(read("notes_parquet").train) == 330
