"""`labeltree doctor` as its users meet it."""

import json
import sys

import pytest

from labeltree.cli import main


def test_findings_are_printed_with_their_fix(data, capsys):
    assert main(["doctor", str(data)]) == 1
    said = capsys.readouterr().out
    assert "documents: train 24, test 6" in said
    assert "error leak: 6 documents of test (100.0%) are also in train." in said
    assert "warning duplicates: train: 18 documents repeat an earlier one." in said
    assert "fix: " in said
    assert said.splitlines()[-1].startswith("1 error, 1 warning, ")


def test_status_0_without_an_error(data, capsys):
    (data / "test.jsonl").unlink()
    assert main(["doctor", str(data)]) == 0
    assert "0 errors" in capsys.readouterr().out


def test_json(data, capsys):
    assert main(["doctor", str(data), "--json", "--near"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["facts"]["documents"] == {"train": 24, "test": 6}
    leak = next(f for f in said["findings"] if f["check"] == "leak")
    assert leak["severity"] == "error"
    assert leak["count"] == 6
    assert leak["fix"]


def test_quiet_leaves_the_notes_out(data, capsys):
    main(["doctor", str(data), "--quiet"])
    assert "\nnote " not in capsys.readouterr().out


def test_on_a_terminal_it_is_coloured(data, monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert main(["doctor", str(data)]) == 1
    assert "error" in capsys.readouterr().out


def test_a_cycle_is_an_error_with_its_path(data, capsys):
    (data / "taxonomy.tsv").write_text("a\tb\nb\tc\nc\ta\n")
    assert main(["doctor", str(data)]) == 1
    said = capsys.readouterr().out
    assert "error cycles: taxonomy: 1 cycle" in said
    assert " > ".join("abca") in said or " > ".join("bcab") in said or " > ".join("cabc") in said


def test_nowhere(tmp_path, capsys):
    assert main(["doctor", str(tmp_path / "nowhere")]) == 1
    assert "no such file" in capsys.readouterr().err


def test_the_exit_status_is_documented(capsys):
    with pytest.raises(SystemExit):
        main(["doctor", "--help"])
    assert "Exit status: 0 without an error, 1 with one" in capsys.readouterr().out
