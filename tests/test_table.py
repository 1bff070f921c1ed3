"""Folder, tests and documentation table name the same models, so that they cannot drift."""

import re
from pathlib import Path

import pytest

import labeltree
from labeltree.core.errors import ParameterError
from labeltree.core.model import BaseModel
from labeltree.core.params import Params, descriptions, parameters, snake

ROOT = Path(__file__).parent.parent


def documented():
    """Return the models of the table in docs/models.md."""
    text = (ROOT / "docs" / "models.md").read_text("utf8")
    return set(re.findall(r"^\| `(\w+)`", text, re.MULTILINE))


def test_the_table_of_models_is_the_folder():
    assert documented() == set(labeltree.names())


def test_each_model_has_its_own_test():
    tested = {p.stem.removeprefix("test_") for p in (ROOT / "tests" / "models").glob("test_*.py")}
    assert set(labeltree.names()) <= tested


def test_the_readme_lists_the_models():
    text = (ROOT / "README.md").read_text("utf8")
    assert set(labeltree.names()) <= set(re.findall(r"^\| `(\w+)`", text, re.MULTILINE))


@pytest.mark.parametrize("name", labeltree.names())
def test_a_model_is_registered_under_its_own_name(name):
    model = labeltree.find(name)
    assert issubclass(model, BaseModel)
    assert snake(model.__name__) == name


@pytest.mark.parametrize("name", labeltree.names())
def test_a_model_file_is_short_and_cites_its_source(name):
    file = Path(labeltree.__file__).parent / "models" / f"{name}.py"
    assert len(file.read_text("utf8").splitlines()) < 200


@pytest.mark.parametrize("name", labeltree.names())
def test_each_field_says_what_it_is(name):
    def check(params):
        about = descriptions(type(params))
        for field in parameters(type(params)):
            assert about.get(field.name), f"{type(params).__name__}.{field.name} has no docstring"
            value = getattr(params, field.name)
            if isinstance(value, Params):
                check(value)

    check(labeltree.find(name)())


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ParameterError, match="parabel"):
        labeltree.find("parable")
