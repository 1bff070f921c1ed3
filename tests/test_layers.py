"""Imports point down only, and importing the package is cheap."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import labeltree

SOURCE = Path(labeltree.__file__).parent
LAYER = {
    "kernels": 0, "core": 1, "readers": 2, "text": 2, "grow": 2, "linear": 2, "nn": 2,
    "metrics": 2, "models": 3, "run": 4, "cli": 5, "serve": 5,
}  # fmt: skip
SIDEWAYS = {
    ("linear", "grow"), ("nn", "text"), ("nn", "grow"), ("nn", "metrics"), ("linear", "metrics"),
}  # fmt: skip


def imports(file):
    """Yield the labeltree folders that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(file.read_text("utf8"))):
        names = []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            names = [node.module or ""]
            if node.module == "labeltree":
                names = [f"labeltree.{a.name}" for a in node.names]
        elif isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "labeltree" and len(parts) > 1 and parts[1] in LAYER:
                yield parts[1]


def allowed(here, there):
    return here == there or LAYER[there] < LAYER[here] or (here, there) in SIDEWAYS


@pytest.mark.parametrize("folder", [f for f in LAYER if (SOURCE / f).is_dir()])
def test_imports_point_down(folder):
    files = sorted((SOURCE / folder).glob("**/*.py"))
    assert files
    wrong = [(f.name, t) for f in files for t in imports(f) if not allowed(folder, t)]
    assert not wrong


def test_the_rule_itself_can_fail():
    assert not allowed("core", "linear")
    assert not allowed("readers", "metrics")
    assert allowed("linear", "grow")


def test_every_folder_has_a_layer():
    folders = {p.name for p in SOURCE.iterdir() if p.is_dir() and any(p.glob("*.py"))}
    assert folders <= set(LAYER)


def test_models_do_not_import_one_another():
    for file in (SOURCE / "models").glob("*.py"):
        if file.name == "__init__.py":
            continue
        for node in ast.walk(ast.parse(file.read_text("utf8"))):
            if isinstance(node, ast.ImportFrom):
                assert not (node.module or "").startswith("labeltree.models."), file


def packages(file):
    """Return the packages that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf8"))):
        if isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
    return found


@pytest.mark.parametrize(
    ("package", "files"),
    [
        ("transformers", {"pooling.py", "pretrained.py", "readings.py", "transformer.py"}),
        ("tokenizers", {"pretrained.py", "readings.py"}),
        ("torch_geometric", {"graph_nets.py"}),
    ],
)
def test_who_knows_the_packages_of_networks(package, files):
    """Heads know no transformer, and graph networks of others stay in one file."""
    found = {f for f in SOURCE.glob("**/*.py") if package in packages(f)}
    assert found
    assert {f.parent.name for f in found} == {"nn"}
    assert {f.name for f in found} <= files


def loaded_by(statement):
    """Return the modules that a fresh interpreter has after a statement."""
    code = f"{statement}\nimport sys; print(' '.join(sys.modules))"
    return set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        .stdout.split()
    )  # fmt: skip


@pytest.mark.parametrize("heavy", ["torch", "numba", "sklearn", "ray", "numpy", "polars"])
def test_importing_the_package_loads_nothing_heavy(heavy):
    assert heavy not in loaded_by("import labeltree")


def test_models_are_listed_without_torch():
    """Their fields too: only fitting and answering need the extra `nn`."""
    fields = "[labeltree.find(name)().to_json() for name in labeltree.names()]"
    modules = loaded_by(f"import labeltree; {fields}")
    assert not modules & {"torch", "transformers", "accelerate", "torch_geometric"}


def test_help_loads_nothing_heavy():
    modules = loaded_by("from labeltree.cli import parser; parser().format_help()")
    assert not modules & {"numpy", "scipy", "numba", "sklearn", "polars", "rich"}


def test_prediction_needs_no_scikit_learn():
    modules = loaded_by("import labeltree; labeltree.find('pipeline'); labeltree.load")
    assert "sklearn" not in modules
    assert "polars" not in modules
