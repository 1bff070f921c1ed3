"""What README and docs show is what happens."""

import doctest
import pkgutil
import re
import shlex
import shutil
from importlib import import_module
from pathlib import Path

import pytest

import labeltree
from labeltree.cli import VERBS, main, parser

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf8")
PAGES = sorted((ROOT / "docs").glob("**/*.md"))


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
    result = doctest.testmod(import_module(module), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0


def test_every_module_says_what_it_is():
    silent = [m for m in modules() if not (import_module(m).__doc__ or "").strip()]
    assert [m for m in silent if not m.endswith(("core", "linear", "text", "run"))] == []
