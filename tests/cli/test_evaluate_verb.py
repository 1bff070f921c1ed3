"""`labeltree evaluate`: what it prints, the restricted universe, the report."""

import json
import subprocess
import sys

import pytest

from labeltree.cli import main


@pytest.fixture
def unseen(data):
    """The data folder, with a test document that has a label no training document has."""
    with open(data / "test.jsonl", "a", encoding="utf8") as out:
        out.write('{"text": "spring of the kettle", "labels": ["thing", "poltergeist"]}\n')
    return data


def test_metrics_at_k_stand_in_columns(model, data, capsys):
    assert main(["evaluate", str(model), str(data), "--quiet"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["metric", "@1", "@3", "@5"]
    shown = {line.split()[0]: line.split()[1:] for line in lines if ":" not in line}
    assert len(shown["P"]) == len(shown["coverage-correct"]) == 3
    assert len(shown["hierarchical-F1"]) == len(shown["violations"]) == len(shown["ECE"]) == 1
    assert "universe: train and hierarchy" in lines


def test_the_universe_of_training_labels(model, unseen, capsys):
    reports = {}
    for universe in ("all", "train"):
        command = ["evaluate", str(model), str(unseen), "--json", "--universe", universe]
        assert main(command) == 0
        reports[universe] = json.loads(capsys.readouterr().out)
    whole, found = reports["all"], reports["train"]
    assert (whole["universe"], found["universe"]) == ("train and hierarchy", "train")
    # thing and fault are in the taxonomy, but no training document has them.
    assert (whole["n_labels"], found["n_labels"]) == (7, 5)
    assert (whole["n_outside"], whole["n_left_out"]) == (1, 0)
    assert (found["n_outside"], found["n_left_out"]) == (0, 2)
    assert (whole["zero-shot-R@5"], "zero-shot-R@5" in found) == (0, False)


def test_the_report_is_written_and_announced(model, unseen, tmp_path, capsys):
    target = tmp_path / "out.html"
    command = ["evaluate", str(model), str(unseen), "--report", str(target), "--json"]
    assert main(command) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["P@1"] > 0  # the JSON stays alone on standard output
    assert f"report written to {target}" in said.err
    text = target.read_text("utf8")
    assert "Evaluation of model on data, test" in text
    assert "poltergeist" in text


@pytest.mark.parametrize(
    ("name", "message"), [("report.txt", "name.html wanted"), ("none/x.html", "there is no folder")]
)
def test_a_report_that_cannot_be_written_is_refused_before_the_work(
    name, message, data, tmp_path, capsys
):
    command = ["evaluate", str(tmp_path / "no model"), str(data), "--report", str(tmp_path / name)]
    assert main(command) == 2
    assert message in capsys.readouterr().err


def test_a_restricted_most_specific_report(model, unseen, tmp_path, capsys):
    target = tmp_path / "out.html"
    flags = ["--specific", "--universe", "train", "--report", str(target)]
    assert main(["evaluate", str(model), str(unseen), *flags]) == 0
    assert "most-specific labels only" in target.read_text("utf8")


def test_without_a_report_matplotlib_is_not_loaded(model, data):
    code = (
        "import sys; from labeltree.cli import main;"
        f"main(['evaluate', {str(model)!r}, {str(data)!r}, '--quiet']);"
        "print('matplotlib' in sys.modules, 'sklearn' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False False"
