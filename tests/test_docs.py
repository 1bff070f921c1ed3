"""What README and docs show is what happens."""

import ast
import doctest
import importlib.util
import pkgutil
import re
import shlex
import shutil
import sys
import types
from importlib import import_module
from pathlib import Path

import pytest

import labeltree
from labeltree.cli import VERBS, main, parser
from labeltree.cli.fields import configured, pairs, word_at

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf8")
PAGES = sorted((ROOT / "docs").glob("**/*.md"))


NEURAL = {"torch", "torch_geometric", "transformers", "tokenizers", "accelerate", "safetensors"}
"""Packages of the extra `nn`: what needs them is skipped where they are not installed."""


def blocks(text, language):
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_readmes_python_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (code,) = blocks(README, "python")
    exec(compile(code, "README.md", "exec"), {})
    names, precision = capsys.readouterr().out.splitlines()
    assert "Kettle" in names
    assert float(precision) > 0.5


def test_the_readme_shows_the_demos_real_output(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--quiet"]) == 0
    (shown,) = blocks(README, "text")
    real = capsys.readouterr().out

    # Other processors add in another order: the last digit of a figure may differ.
    def words(text):
        return re.sub(r"[-+\d.]+", "#", text).split()

    assert words(shown)[:60] == words(real)[:60]
    for a, b in zip(re.findall(r"\d+\.\d", shown), re.findall(r"\d+\.\d", real), strict=True):
        assert float(a) == pytest.approx(float(b), abs=1.5)


def masked(text):
    """Return the words of a text, figures left out: other processors add in another order."""
    return re.sub(r"[-+\d.,]+", "#", text).split()


def test_the_everyday_page_shows_real_output(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    shutil.copytree(Path(labeltree.__file__).parent / "corpus", "notes")
    shown = "".join(blocks((ROOT / "docs" / "everyday.md").read_text("utf8"), "console"))
    outputs = re.split(r"^\$ labeltree (.*)\n", shown, flags=re.MULTILINE)[1:]
    commands = list(zip(outputs[::2], outputs[1::2], strict=True))
    assert {shlex.split(command)[0] for command, _ in commands} >= {
        "doctor", "split", "search", "explain", "tree",
    }  # fmt: skip
    for command, output in commands:
        assert main(shlex.split(command)) == 0
        assert masked(capsys.readouterr().out) == masked(output)


def test_the_readmes_commands_exist():
    (commands,) = blocks(README, "")[:1]
    verbs = re.findall(r"^labeltree (\w+)", commands, re.MULTILINE)
    assert set(verbs) <= set(VERBS)
    flags = set(re.findall(r"--[a-z-]+", commands)) - {"--tree"}
    (verbs,) = parser()._subparsers._group_actions
    helps = "".join(p.format_help() for p in verbs.choices.values())
    assert all(flag in helps for flag in flags)


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda p: p.name)
def test_links_lead_somewhere(page):
    text = page.read_text("utf8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda p: p.name)
def test_no_page_names_this_machine(page):
    assert "/work/" not in page.read_text("utf8")


def modules():
    found = pkgutil.walk_packages(labeltree.__path__, "labeltree.")
    return [m.name for m in found if not m.name.endswith("__main__")]


@pytest.mark.parametrize("module", modules())
def test_examples_in_docstrings(module):
    try:
        loaded = import_module(module)
    except ModuleNotFoundError as error:
        if error.name not in NEURAL:
            raise
        pytest.skip(f"needs {error.name}: labeltree[nn]")
    result = doctest.testmod(loaded, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0


def test_every_module_says_what_it_is():
    files = [importlib.util.find_spec(m).origin for m in modules()]
    silent = [f for f in files if not ast.get_docstring(ast.parse(Path(f).read_text("utf8")))]
    names = [Path(f).parent.name for f in silent if Path(f).stem == "__init__"]
    assert len(names) == len(silent)
    assert set(names) <= {"core", "linear", "text", "run"}


# ---- the page of neural models ------------------------------------------------------------------

NEURAL_PAGE = (ROOT / "docs" / "neural.md").read_text("utf8")


def neural_commands():
    lines = "".join(blocks(NEURAL_PAGE, "sh")).splitlines()
    found = [line[line.index("labeltree fit") :] for line in lines if "labeltree fit" in line]
    return [shlex.split(line)[2:] for line in found]


@pytest.mark.parametrize("command", neural_commands(), ids=" ".join)
def test_the_neural_pages_commands_set_what_they_say(command):
    model, data, out, where, *flags = command
    assert (data, out, where) == ("DATA", "--out", "DIR")
    configured(labeltree.find(model)(), pairs(flags))


def test_the_neural_pages_table_has_the_defaults():
    model = labeltree.find("hiagm")()
    rows = re.findall(r"^\| (`--.*?) \| (.*?) \|", NEURAL_PAGE, re.MULTILINE)
    shown = {}
    for flags, defaults in rows:
        for flag, default in zip(flags.split(", "), defaults.split(", "), strict=True):
            shown[flag.strip("`-").replace("-", "_")] = default.strip("`")
    said = {"encoder": "all-MiniLM-L6-v2", "checkpoints": "none", "save_every": "each epoch",
            "log": "none"}  # fmt: skip
    assert said.items() <= shown.items()
    assert model.encoder.name == model.checkpoints == model.log == ""
    assert model.save_every == 0
    for name, default in shown.items() - said.items():
        assert word_at(model, name) == str(default) or float(default) == getattr(model, name)


def test_the_neural_pages_python_runs(capsys):
    pytest.importorskip("torch")
    pytest.importorskip("accelerate")
    (code,) = blocks(NEURAL_PAGE, "python")
    here = {"__name__": "neural_page"}
    sys.modules["neural_page"] = types.ModuleType("neural_page")
    try:
        exec(compile(code, "neural.md", "exec"), here)
    finally:
        del sys.modules["neural_page"]
    assert capsys.readouterr().out.split() == ["[0", "1]"]
