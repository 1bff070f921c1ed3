"""The command line as its users meet it: what it prints, writes, and returns."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import labeltree
from labeltree.cli import main

LABELTREE = [sys.executable, "-m", "labeltree"]


def typed(monkeypatch, text):
    """Put bytes on standard input."""
    data = text if isinstance(text, bytes) else text.encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def answers(capsysbinary):
    return [json.loads(line) for line in capsysbinary.readouterr().out.splitlines()]


# ---- fit -----------------------------------------------------------------------------------------


def test_fit_says_what_it_did(data, tmp_path, capsys):
    out = tmp_path / "m"
    assert main(["fit", "parabel", str(data), "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "24 documents, 7 labels (not closed)" in said.err
    assert "threshold" in said.err
    assert sorted(p.name for p in out.iterdir())[-1].endswith(".safetensors")


def test_quiet_is_quiet(data, tmp_path, capsys):
    assert main(["fit", "parabel", str(data), "--out", str(tmp_path / "m"), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("tree", ["given", "grown", "graft", "star", "random"])
def test_fit_on_every_tree(tree, data, tmp_path):
    out = tmp_path / "m"
    assert main(["fit", "parabel", str(data), "--out", str(out), "--tree", tree, "--quiet"]) == 0
    saved = labeltree.load(out)
    assert type(saved.model.tree).__name__.lower() == tree


def test_fields_are_flags(data, tmp_path):
    out = tmp_path / "m"
    flags = [
        "--n-trees", "2", "--seed=5", "--tree.max-leaf", "3", "--solver.C", "0.5",
        "--tfidf.ngrams", "2", "--tfidf.min-df", "1",
    ]  # fmt: skip
    assert main(["fit", "parabel", str(data), "--out", str(out), "--quiet", *flags]) == 0
    saved = labeltree.load(out)
    assert len(saved.model_.trees_) == 2
    assert saved.model.seed == 5
    assert saved.model.tree.clusterer.max_leaf == 3
    assert saved.model.solver.C == 0.5
    assert "white crust" in saved.vocabulary_.terms


def test_a_part_is_chosen_before_its_fields(data, tmp_path):
    out = tmp_path / "m"
    flags = ["--tree.max-leaf", "3", "--tree", "random", "--solver", "logistic"]
    assert main(["fit", "parabel", str(data), "--out", str(out), "--quiet", *flags]) == 0
    assert labeltree.load(out).model.tree.max_leaf == 3


def test_close_labels_is_recorded(data, tmp_path, capsys):
    out = tmp_path / "m"
    command = ["fit", "parabel", str(data), "--out", str(out), "--close-labels"]
    assert main(command) == 0
    assert "(closed)" in capsys.readouterr().err
    assert labeltree.load(out).labels_.closed is True
    assert main(["evaluate", str(out), str(data), "--json"]) == 0
    said = capsys.readouterr()
    assert "--close-labels adds them" in said.err
    assert json.loads(said.out)["closed"] is False
    assert main(["evaluate", str(out), str(data), "--json", "--close-labels"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert json.loads(said.out)["closed"] is True


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--n-trees", "0"], "n_trees must be a whole number of 1 or more, found 0"),
        (["--n-trees", "three"], "a whole number wanted, found 'three'"),
        (["--trees", "3"], "no field 'trees'"),
        (["--tree", "oak"], "one of given, given_or_grown, graft, grown, huffman, random"),
        (["--solver.C", "nan"], "a number above 0"),
        (["--n-trees"], "needs a value"),
        (["extra"], "unexpected argument 'extra'"),
        (["--tfidf.min-df", "-1"], "min_df"),
    ],
)
def test_wrong_usage_exits_with_2(flags, message, data, tmp_path, capsys):
    assert main(["fit", "parabel", str(data), "--out", str(tmp_path / "m"), *flags]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "m").exists()


def test_an_unknown_model_exits_with_2(data, tmp_path, capsys):
    assert main(["fit", "parable", str(data), "--out", str(tmp_path / "m")]) == 2
    assert "parabel" in capsys.readouterr().err


def test_missing_arguments_exit_with_2(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["fit", "parabel"])
    assert stop.value.code == 2


def test_out_is_not_overwritten_if_it_is_no_model(data, tmp_path, capsys):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.tex").write_text("years")
    assert main(["fit", "parabel", str(data), "--out", str(tmp_path / "precious")]) == 1
    assert "not a labeltree model" in capsys.readouterr().err
    assert (tmp_path / "precious" / "thesis.tex").read_text() == "years"


def test_features_need_no_vectoriser(tmp_path, capsysbinary, monkeypatch):
    folder = tmp_path / "xmc"
    folder.mkdir()
    (folder / "train.txt").write_text("4 3 2\n0 0:1\n1 1:1\n0 0:2 2:1\n1 1:1 2:1\n")
    assert main(["fit", "parabel", str(folder), "--out", str(tmp_path / "m"), "--quiet"]) == 0
    typed(monkeypatch, "0:1\n1 1:1.5\n\n")
    assert main(["predict", str(tmp_path / "m"), "-", "--k", "1"]) == 0
    first, second, third = answers(capsysbinary)
    assert first["labels"][0]["id"] == "0"
    assert second["labels"][0]["id"] == "1"
    assert third == {"labels": []}


@pytest.mark.parametrize("name", ["fastxml", "plst", "sleec", "mach", "ensemble", "popular"])
def test_features_that_a_line_does_not_name_are_the_models_all_the_same(
    name, tmp_path, capsysbinary, monkeypatch
):
    rows = [f"{i % 2} {i % 2}:1 2:0.{1 + i % 3} 9:0.1\n" for i in range(40)]
    (tmp_path / "train.txt").write_text("40 12 2\n" + "".join(rows))
    fit = ["fit", name, str(tmp_path), "--out", str(tmp_path / "m"), "--quiet", "--no-threshold"]
    assert main(fit) == 0
    typed(monkeypatch, "0:1\n1 1:1.5\n")
    assert main(["predict", str(tmp_path / "m"), "-", "--k", "1"]) == 0
    first, second = answers(capsysbinary)
    if name != "popular":
        assert [a["labels"][0]["id"] for a in (first, second)] == ["0", "1"]


# ---- predict -------------------------------------------------------------------------------------


def test_predict_reads_a_stream_of_text_and_json(model, monkeypatch, capsysbinary):
    typed(monkeypatch, 'white crust\n{"text": "toaster spring"}\n\n')
    assert main(["predict", str(model), "-", "--k", "2"]) == 0
    crust, spring, nothing = answers(capsysbinary)
    assert {entry["id"] for entry in crust["labels"]} == {"kettle", "limescale"}
    assert set(crust["labels"][0]) == {"id", "name", "score"}
    assert 0 < crust["labels"][0]["score"] <= 1
    assert {entry["id"] for entry in spring["labels"]} == {"toaster", "spring"}
    assert nothing == {"labels": []}


def test_predict_answers_each_line_at_once(model):
    process = subprocess.Popen(
        [*LABELTREE, "predict", str(model), "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    for text in (b"white crust\n", b"toaster spring\n"):
        process.stdin.write(text)
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["labels"]
    process.communicate()
    assert process.returncode == 0


def test_a_wrong_line_ends_predict_while_standard_input_is_open(model):
    with subprocess.Popen(
        [*LABELTREE, "predict", str(model), "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdin.write(b"{broken\n")
        process.stdin.flush()
        said = process.stderr.read().decode()
        assert process.wait() == 1
    assert said.startswith("labeltree: -:1: invalid JSON")
    assert len(said.splitlines()) == 1


def test_predict_writes_a_file_when_complete(model, data, tmp_path):
    out = tmp_path / "answers.jsonl"
    assert main(["predict", str(model), str(data / "test.jsonl"), "--out", str(out)]) == 0
    assert len(out.read_text().splitlines()) == 6
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"text": "kettle"}\n{"text": \n')
    assert main(["predict", str(model), str(bad), "--out", str(tmp_path / "never.jsonl")]) == 1
    assert sorted(p.name for p in tmp_path.iterdir() if "never" in p.name) == []


def test_predict_with_thresholds_and_ancestors(model, monkeypatch, capsysbinary):
    for flags in (["--threshold", "stored"], ["--threshold", "0.99999"], ["--threshold", "2"]):
        typed(monkeypatch, "white crust kettle\n")
        assert main(["predict", str(model), "-", *flags]) == 0
        (answer,) = answers(capsysbinary)
        if flags[1] == "stored":
            assert {"kettle", "limescale"} <= {entry["id"] for entry in answer["labels"]}
        if flags[1] == "2":
            assert answer["labels"] == []
    typed(monkeypatch, "white crust kettle\n")
    assert main(["predict", str(model), "-", "--k", "2", "--close"]) == 0
    (answer,) = answers(capsysbinary)
    assert {entry["id"] for entry in answer["labels"]} == {"kettle", "limescale", "thing", "fault"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"text": 3}\n', '-:1: no "text"'),
        (b'fine\n{"tex": "x"}\n', '-:2: no "text"'),
        (b"caf\xe9\n", "-:1: invalid UTF-8 at byte 3"),
        (b'{"text": "x"\n', "-:1: invalid JSON"),
    ],
)
def test_bad_lines_are_named(line, message, model, monkeypatch, capsys):
    typed(monkeypatch, line)
    assert main(["predict", str(model), "-"]) == 1
    assert message in capsys.readouterr().err


def test_a_closed_pipe_is_no_error(model, data, tmp_path):
    many = tmp_path / "many.txt"
    many.write_text("white crust\n" * 20000)
    command = f"{' '.join(LABELTREE)} predict {model} {many} | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1


# ---- evaluate, models, tree, demo ----------------------------------------------------------------


def test_evaluate_prints_one_json_object(model, data, capsys):
    assert main(["evaluate", str(model), str(data), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    for metric in ("P@1", "P@3", "P@5", "nDCG@5", "R-Precision", "PSP@5", "micro-F1", "macro-F1"):
        assert 0 <= report[metric] <= 1
    assert report["P@1"] == 1
    assert report["closed"] is False
    assert report["universe"] == "train and hierarchy"
    assert report["n_documents"] == 6


def test_evaluate_specific_and_splits(model, data, capsys):
    assert main(["evaluate", str(model), str(data), "--specific"]) == 0
    assert "specific: True" in capsys.readouterr().out
    assert main(["evaluate", str(model), str(data), "--split", "val"]) == 1
    assert "val" in capsys.readouterr().err


def test_labels_only_in_the_test_part_count_as_misses(model, data, capsys):
    (data / "test.jsonl").write_text(
        '{"text": "white crust", "labels": ["limescale", "kettle", "poltergeist"]}\n'
    )
    assert main(["evaluate", str(model), str(data), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["n_outside"] == 1
    assert report["R@5"] == pytest.approx(2 / 3)


def test_models_lists_and_describes(capsys):
    assert main(["models"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in labeltree.names())
    for name in labeltree.names():
        assert main(["models", name]) == 0
        assert len(capsys.readouterr().out.splitlines()) > 2
    main(["models", "parabel"])
    assert "--tree.clusterer.max-leaf" in capsys.readouterr().out


def test_tree_shows_models_and_taxonomies(model, data, capsys):
    assert main(["tree", str(model)]) == 0
    assert "level sizes" in capsys.readouterr().out
    for path in (data, data / "taxonomy.tsv"):
        assert main(["tree", str(path)]) == 0
        assert "level sizes (longest path)  2, 5" in capsys.readouterr().out


def test_tree_of_nothing(tmp_path, capsys):
    assert main(["tree", str(tmp_path)]) == 1
    assert "neither a model.json nor a taxonomy.tsv" in capsys.readouterr().err


def test_demo(tmp_path, capsys):
    assert main(["demo", "--out", str(tmp_path / "m"), "--quiet"]) == 0
    said = capsys.readouterr().out
    assert "reloaded: same answers" in said
    assert "(rank 1)" in said
    assert "P@1" in said


def test_help_is_instant():
    # The promise of 0.5 s is measured in bench/startup.py; here: nothing heavy is imported.
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "labeltree", "--help"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "usage: labeltree" in done.stdout
    assert "numpy" not in done.stderr


# ---- what must never happen ----------------------------------------------------------------------


def test_one_flipped_byte_is_refused(model, capsys):
    for file in sorted(model.iterdir()):
        original = file.read_bytes()
        at = len(original) // 2
        file.write_bytes(original[:at] + bytes([original[at] ^ 1]) + original[at + 1 :])
        assert main(["predict", str(model), os.devnull]) == 1
        assert file.name in capsys.readouterr().err
        file.write_bytes(original)
    assert main(["predict", str(model), os.devnull]) == 0


def test_fit_killed_at_any_point_leaves_no_half_model(data, model, tmp_path):
    before = {f.name: f.read_bytes() for f in model.iterdir()}
    command = [*LABELTREE, "fit", "parabel", str(data), "--out", str(model), "--seed", "9"]
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    whole = time.perf_counter() - began
    after = {f.name: f.read_bytes() for f in model.iterdir()}
    assert before.keys() == after.keys()
    # Late points are tried more often: there the files are written.
    for share in (*np.linspace(0.1, 0.7, 3), *np.linspace(0.8, 1.05, 9)):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        time.sleep(whole * share)
        process.send_signal(signal.SIGKILL)
        process.wait()
        labeltree.load(model)  # checks every byte
    fresh = tmp_path / "fresh"
    process = subprocess.Popen([*command[:-4], "--out", str(fresh)], stderr=subprocess.DEVNULL)
    time.sleep(whole * 0.5)
    process.kill()
    process.wait()
    assert not fresh.exists() or labeltree.load(fresh)  # a fast machine may have finished


BAD = {
    "cycle": ("taxonomy.tsv", b"a\tb\nb\tc\nc\ta\n", "cycle"),
    "one column": ("taxonomy.tsv", b"a\tb\nlonely\n", "taxonomy.tsv:2"),
    "invalid JSON": ("train.jsonl", b'{"text": "x", "labels": ["a"]}\n{oops\n', "train.jsonl:2"),
    "no text field": ("train.jsonl", b'{"txt": "x", "labels": ["a"]}\n', "train.jsonl:1"),
    "invalid UTF-8": ("train.jsonl", b'{"text": "caf\xe9", "labels": ["a"]}\n', "train.jsonl:1"),
    "no labels at all": ("train.jsonl", b'{"text": "x y", "labels": []}\n' * 3, "label"),
    "only empty texts": ("train.jsonl", b'{"text": " ", "labels": ["a"]}\n', "no documents with"),
    "empty file": ("train.jsonl", b"", "train.jsonl"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_data_says_what_and_where(case, data, tmp_path, capsys):
    file, content, message = BAD[case]
    (data / file).write_bytes(content)
    assert main(["fit", "parabel", str(data), "--out", str(tmp_path / "m")]) == 1
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said
    assert not (tmp_path / "m").exists()


def test_truncated_gzip(data, tmp_path, capsys):
    import gzip

    whole = gzip.compress((data / "train.jsonl").read_bytes() * 50)
    (data / "train.jsonl").unlink()
    (data / "train.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    assert main(["fit", "parabel", str(data), "--out", str(tmp_path / "m")]) == 1
    assert "train.jsonl.gz" in capsys.readouterr().err


def test_nan_feature(tmp_path, capsys):
    file = tmp_path / "train.txt"
    file.write_text("2 2 1\n0 0:1\n0 1:nan\n")
    assert main(["fit", "parabel", str(file), "--out", str(tmp_path / "m")]) == 1
    assert "train.txt:3" in capsys.readouterr().err


def test_skips_are_reported(data, tmp_path, capsys):
    with open(data / "train.jsonl", "a") as out:
        out.write('{"text": "", "labels": ["kettle"]}\n{"text": "kettle", "labels": []}\n')
    assert main(["fit", "parabel", str(data), "--out", str(tmp_path / "m")]) == 0
    said = capsys.readouterr().err
    assert "train.jsonl:25" in said
    assert "without labels" in said or "no label" in said


def test_one_label(tmp_path, capsysbinary, monkeypatch):
    (tmp_path / "train.jsonl").write_text('{"text": "yes sir", "labels": ["only"]}\n' * 4)
    out = tmp_path / "m"
    train = str(tmp_path / "train.jsonl")
    assert main(["fit", "parabel", train, "--out", str(out), "--quiet"]) == 0
    typed(monkeypatch, "yes\n")
    assert main(["predict", str(out), "-"]) == 0
    assert [e["id"] for e in answers(capsysbinary)[0]["labels"]] == ["only"]


def test_unicode_from_end_to_end(tmp_path, capsysbinary, monkeypatch):
    lines = [
        {"text": "der Wasserkessel ist verkalkt", "labels": ["Kälk, fest"]},
        {"text": "кофеварка сломалась", "labels": ["кофе ☕"]},
    ]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines) * 4
    (tmp_path / "train.jsonl").write_text(text, "utf8")
    out = tmp_path / "m"
    train = str(tmp_path / "train.jsonl")
    assert main(["fit", "parabel", train, "--out", str(out), "--quiet"]) == 0
    typed(monkeypatch, "кофеварка\nverkalkt\n")
    assert main(["predict", str(out), "-", "--k", "1"]) == 0
    first, second = answers(capsysbinary)
    assert first["labels"][0]["id"] == "кофе ☕"
    assert second["labels"][0]["name"] == "Kälk, fest"


def test_a_missing_model_is_one_sentence(tmp_path, capsys):
    assert main(["predict", str(tmp_path / "nowhere"), "-"]) == 1
    said = capsys.readouterr().err
    assert "is not a model folder" in said
    assert "Traceback" not in said


def test_the_first_compile_is_announced_and_not_paid_twice(data, tmp_path):
    cache = tmp_path / "cache"
    env = os.environ | {"LABELTREE_CACHE": str(cache)}
    command = [*LABELTREE, "fit", "popular", str(data), "--out", str(tmp_path / "m"), "--quiet"]
    subprocess.run(command, env=env, check=True, capture_output=True)
    assert not list(cache.rglob("*.nbc")), "a model without kernels compiles none"
    code = (
        "import logging, numpy as np; logging.basicConfig();"
        "from labeltree.kernels.compile import announce; announce();"
        "from labeltree.kernels.random import mixed; mixed(np.uint64(1))"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", code], env=env, check=True, capture_output=True, text=True
        ).stderr
        for _ in range(2)
    ]
    assert "compiling kernels" in said[0]
    assert said[1] == ""
    assert list(cache.rglob("*.nbc"))


def test_a_cache_that_cannot_be_written_is_said_once(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    env = os.environ | {"LABELTREE_CACHE": str(blocked)}
    code = (
        "import numpy as np; from labeltree.kernels.random import mixed, advanced;"
        "print(mixed(np.uint64(1)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, check=True, capture_output=True, text=True
    )
    assert done.stderr.count("cannot write") == 1
    assert done.stdout


def test_an_old_model_survives_a_full_disk(model, data, monkeypatch, capsys):
    from labeltree.core import store

    def full(*arguments):
        raise OSError(28, "No space left on device")

    before = {f.name: f.read_bytes() for f in model.iterdir()}
    monkeypatch.setattr(store, "write_tensors", full)
    assert main(["fit", "parabel", str(data), "--out", str(model), "--quiet"]) == 1
    assert "No space left" in capsys.readouterr().err
    assert {f.name: f.read_bytes() for f in model.iterdir()} == before
    shutil.rmtree(model)
