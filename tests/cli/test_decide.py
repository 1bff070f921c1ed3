"""Decisions through the command line: fitting, fitting again, safe answers."""

import io
import json
import shutil

import pytest

import labeltree
from labeltree.cli import main
from labeltree.core.store import read_folder, write_folder
from labeltree.metrics import RULES, Decider, GlobalThreshold

FIT = ["--n-trees", "1", "--quiet"]


def ask(model, *flags, monkeypatch, capsysbinary, lines=b"white crust kettle\ntoaster spring\n"):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines)))
    assert main(["predict", str(model), "-", *flags]) == 0
    return [json.loads(line) for line in capsysbinary.readouterr().out.splitlines()]


@pytest.fixture
def validated(data):
    shutil.copy(data / "train.jsonl", data / "val.jsonl")
    return data


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_fitted_stored_and_used(rule, validated, tmp_path, monkeypatch, capsysbinary):
    out = tmp_path / "m"
    assert main(["fit", "parabel", str(validated), "--out", str(out), "--decide", rule, *FIT]) == 0
    kettle, toaster = ask(
        out, "--threshold", "stored", monkeypatch=monkeypatch, capsysbinary=capsysbinary
    )
    assert "kettle" in {label["id"] for label in kettle["labels"]}
    assert "toaster" in {label["id"] for label in toaster["labels"]}
    assert all(0 < label["score"] <= 1 for label in kettle["labels"])
    assert main(["evaluate", str(out), str(validated), "--json"]) == 0
    found = json.loads(capsysbinary.readouterr().out)
    assert found["micro-F1"] > 0.8
    assert found["threshold_rule"].endswith("on validation, 24 documents")
    assert (found["threshold"] is None) == (rule != "global")


def test_fitting_again_replaces_the_decisions_and_nothing_else(validated, tmp_path, capsys):
    out = tmp_path / "m"
    assert main(["fit", "parabel", str(validated), "--out", str(out), "--no-threshold", *FIT]) == 0
    before = labeltree.load(out)
    assert not hasattr(before, "decider_")
    flags = ["--decide", "per_label", "--calibrate", "isotonic"]
    assert main(["decide", str(out), str(validated), *flags]) == 0
    assert "per label" in capsys.readouterr().err
    after = labeltree.load(out)
    assert after.decider_.rule.fitted_on == "validation, 24 documents"
    assert str(after.decider_.calibrator) == "isotonic"
    texts = ["white crust", "toaster"]
    assert (after.predict(texts) != before.predict(texts)).nnz == 0


def test_test_data_must_not_decide_unless_forced(model, data, capsys):
    assert main(["decide", str(model), str(data), "--split", "test"]) == 2
    assert "cannot be trusted" in capsys.readouterr().err
    assert main(["decide", str(model), str(data)]) == 1
    assert "no val part" in capsys.readouterr().err
    assert main(["decide", str(model), str(data), "--split", "test", "--force", "--quiet"]) == 0
    assert labeltree.load(model).decider_.rule.fitted_on == "test, 6 documents"


def test_rules_that_need_probabilities_say_so(data, tmp_path, capsys):
    flags = ["--decide", "expected_f1", "--calibrate", "none"]
    out = tmp_path / "m"
    assert main(["fit", "parabel", str(data), "--out", str(out), *flags, *FIT]) == 2
    assert "needs probabilities" in capsys.readouterr().err
    assert not out.exists()


def test_one_safe_answer_a_document(validated, tmp_path, monkeypatch, capsysbinary):
    out = tmp_path / "m"
    assert main(["fit", "parabel", str(validated), "--out", str(out), *FIT]) == 0
    use = {"monkeypatch": monkeypatch, "capsysbinary": capsysbinary}
    sure = ask(out, "--coverage", "0.8", **use)
    assert [len(answer["labels"]) for answer in sure] == [1, 1]
    assert ask(out, "--coverage", "0.99", **use) == [{"labels": []}] * 2  # 24 cannot promise that
    closed = ask(out, "--coverage", "0.8", "--close", **use)
    for one, more in zip(sure, closed, strict=True):
        assert {one["labels"][0]["id"]} < {label["id"] for label in more["labels"]}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--coverage", "1"], "between 0 and 1"),
        (["--coverage", "0.9", "--threshold", "stored"], "leave out"),
        (["--coverage", "0.9", "--calibrated"], "leave out"),
        (["--threshold", "high"], "none, stored or a number"),
    ],
)
def test_flags_that_make_no_sense(flags, message, validated, tmp_path, capsys):
    out = tmp_path / "m"
    assert main(["fit", "parabel", str(validated), "--out", str(out), *FIT]) == 0
    assert main(["predict", str(out), str(validated / "test.jsonl"), *flags]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "flags", [["--threshold", "stored"], ["--calibrated"], ["--coverage", "0.9"]]
)
def test_without_decisions_the_remedy_is_named(flags, data, tmp_path, capsys):
    out = tmp_path / "m"
    assert main(["fit", "parabel", str(data), "--out", str(out), "--no-threshold", *FIT]) == 0
    assert main(["predict", str(out), str(data / "test.jsonl"), *flags]) == 2
    assert "labeltree decide" in capsys.readouterr().err


def test_calibrated_scores_are_shown_on_demand(validated, tmp_path, monkeypatch, capsysbinary):
    out = tmp_path / "m"
    assert main(["fit", "parabel", str(validated), "--out", str(out), *FIT]) == 0
    use = {"monkeypatch": monkeypatch, "capsysbinary": capsysbinary}
    raw, shown = ask(out, "--k", "3", **use), ask(out, "--k", "3", "--calibrated", **use)
    assert [len(a["labels"]) for a in shown] == [3, 3]
    assert raw[0]["labels"][0]["score"] != shown[0]["labels"][0]["score"]
    values = [label["score"] for label in shown[0]["labels"]]
    assert values == sorted(values, reverse=True)


def test_folders_with_a_bare_threshold_still_load(model, monkeypatch, capsysbinary):
    header, state = read_folder(model)
    state.pop("decider", None)
    state["threshold"] = GlobalThreshold(0.2, "best micro-F1", "validation, 9 documents", 0.8)
    folder = model.parent / "old"
    write_folder(folder, header, state)
    loaded = labeltree.load(folder)
    assert isinstance(loaded.decider_, Decider)
    assert not hasattr(loaded, "threshold_")
    use = {"monkeypatch": monkeypatch, "capsysbinary": capsysbinary}
    stored = ask(folder, "--threshold", "stored", **use)
    assert stored == ask(folder, "--threshold", "0.2", "--k", "99", **use)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"x\n")))
    assert main(["predict", str(folder), "-", "--coverage", "0.9"]) == 2
    assert b"labeltree decide" in capsysbinary.readouterr().err
