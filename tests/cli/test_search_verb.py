"""`labeltree search` as its users meet it."""

import json
import shlex
import sys

import pytest

import labeltree
from labeltree.cli import main
from labeltree.cli.fields import word_at
from labeltree.core.errors import ParameterError
from labeltree.models.parabel import Parabel


@pytest.fixture
def search(data, tmp_path, capsys):
    def run(*flags, model="parabel"):
        command = ["search", model, str(data), "--trials", str(tmp_path / "trials"), *flags]
        return main(command), capsys.readouterr()

    return run


def test_it_prints_a_command_that_repeats_the_best(search, tmp_path, capsys):
    status, said = search(
        "--budget", "3", "--n-trees", "1", "--search", "solver.C=0.1..10:log",
        "--search", "tfidf.ngrams=1,2",
    )  # fmt: skip
    assert status == 0
    title, command = said.out.splitlines()
    assert title.startswith("best of 3 trials: nDCG@5 ")
    assert "trial 2: nDCG@5" in said.err
    words = shlex.split(command)
    assert words[:3] == ["labeltree", "fit", "parabel"]
    words[words.index("DIR")] = str(tmp_path / "m")
    assert main([*words[1:], "--quiet"]) == 0
    saved = labeltree.load(tmp_path / "m")
    trials = [
        json.loads(s) for s in (tmp_path / "trials" / "trials.jsonl").read_text().splitlines()
    ]
    best = max(trials, key=lambda trial: trial["value"])
    assert float(best["settings"]["solver.C"]) == saved.model.solver.C
    assert saved.model.n_trees == 1


def test_declared_ranges_are_searched_by_default(search):
    status, said = search("--budget", "1")
    assert status == 0
    assert "searching tree.clusterer.max-leaf=20,50,100,200  solver.C=0.1..10:log" in said.err
    assert "tfidf.ngrams=1,2" in said.err


def test_the_best_model_is_fitted_and_saved(search, tmp_path, data):
    status, _ = search("--budget", "2", "--out", str(tmp_path / "m"), "--quiet", "--close-labels")
    assert status == 0
    saved = labeltree.load(tmp_path / "m")
    assert saved.labels_.n_train == 24
    assert saved.labels_.closed


def test_quiet_prints_the_result_only(search):
    status, said = search("--budget", "1", "--quiet")
    assert (status, said.err) == (0, "")
    assert len(said.out.splitlines()) == 2


def test_the_same_command_goes_on(search):
    assert search("--budget", "1")[0] == 0
    status, said = search("--budget", "2")
    assert status == 0
    assert "trial 1: " in said.err
    assert "trial 0: " not in said.err
    status, said = search("--budget", "2", "--n-trees", "2")
    assert status == 1
    assert "another fields" in said.err


def test_the_test_part_may_be_rubbish(search, data):
    (data / "test.jsonl").write_bytes(b"\xff\xfe rubbish")
    assert search("--budget", "1", "--quiet")[0] == 0


def test_a_val_part_is_used(search, data):
    (data / "val.jsonl").write_text((data / "test.jsonl").read_text())
    status, said = search("--budget", "1", "--metric", "P@1")
    assert status == 0
    assert "best of 1 trials: P@1" in said.out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--search", "oak=1,2"], "no field 'oak'"),
        (["--search", "solver.C=ten..twenty"], "LOW..HIGH"),
        (["--search", "solver.C=1..2", "--search", "solver.C=1..3"], "named twice"),
        (["--search", "n-trees=0,1"], "n_trees must be"),
        (["--search", "tree=oak,given"], "one of"),
        (["--budget", "soon"], "budget"),
        (["--metric", "magic"], "metric: one of"),
        (["--n-trees", "0"], "n_trees must be"),
    ],
)
def test_bad_input(flags, message, search, tmp_path):
    status, said = search(*flags)
    assert status == 2
    assert message in said.err
    assert "Traceback" not in said.err


def test_a_model_with_nothing_to_search(search):
    status, said = search(model="popular")
    assert status == 2
    assert "declares nothing to search" in said.err


def test_optuna_is_an_extra(search, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    status, said = search("--budget", "1")
    assert status == 1
    assert "pip install 'labeltree[search]'" in said.err


def test_ctrl_c_keeps_the_trials(search, monkeypatch):
    from labeltree.run import search as module

    assert search("--budget", "1")[0] == 0

    def stopped(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(module, "_measured", stopped)
        status, said = search("--budget", "2")
    assert status == 1
    assert "the same command goes on" in said.err
    assert search("--budget", "2")[0] == 0


@pytest.mark.parametrize(
    ("path", "word"),
    [("n-trees", "3"), ("tree", "grown"), ("tree.max-leaf", "100"), ("solver.C", "1.0"),
     ("tree.clusterer.max-leaf", "100")],
)  # fmt: skip
def test_the_word_of_a_field(path, word):
    assert word_at(Parabel(), path) == word


@pytest.mark.parametrize("path", ["oak", "n-trees.oak", "tree.oak"])
def test_a_field_that_does_not_exist(path):
    with pytest.raises(ParameterError, match="oak"):
        word_at(Parabel(), path)
