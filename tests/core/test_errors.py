import copy
import pickle

import pytest

from labeltree.core.errors import (
    DataError,
    LabeltreeError,
    MissingExtraError,
    NotFittedError,
    ParameterError,
    StoreError,
)


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (DataError("x"), ValueError),
        (ParameterError("x"), ValueError),
        (NotFittedError("x"), AttributeError),
        (StoreError("x"), OSError),
        (MissingExtraError("Nets", "nn"), ImportError),
    ],
)
def test_every_error_is_caught_by_one_base_and_by_its_builtin(error, builtin):
    assert isinstance(error, LabeltreeError)
    assert isinstance(error, builtin)


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ({}, "Bad. Mend it."),
        ({"file": "a.txt"}, "a.txt: Bad. Mend it."),
        ({"file": "a.txt", "line": 7}, "a.txt:7: Bad. Mend it."),
    ],
)
def test_data_errors_say_where_what_and_the_remedy(where, text):
    error = DataError("Bad.", "Mend it.", **where)
    assert str(error) == text
    assert (error.file, error.line) == (where.get("file"), where.get("line"))
    assert error.remedy == "Mend it."


def test_without_a_remedy_there_is_no_trailing_blank():
    assert str(DataError("Bad.")) == "Bad."


def test_a_missing_extra_says_what_to_install():
    assert str(MissingExtraError("The encoder", "nn")) == (
        "The encoder needs more packages: pip install 'labeltree[nn]'"
    )


@pytest.mark.parametrize("through", [copy.copy, lambda e: pickle.loads(pickle.dumps(e))])
@pytest.mark.parametrize(
    "error",
    [
        DataError("Bad.", "Mend it.", file="a.txt", line=7),
        StoreError("Bad."),
        MissingExtraError("Nets", "nn"),
    ],
)
def test_errors_travel_between_processes(error, through):
    again = through(error)
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)
