"""Which process writes: told by torch's own state, without importing it."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from labeltree.core.processes import is_main_process
from labeltree.models.popular import Popular


def pretend(monkeypatch, *, available=True, initialized=True, rank=0):
    """Put something in the place of torch.distributed."""
    stand_in = SimpleNamespace(
        is_available=lambda: available, is_initialized=lambda: initialized, get_rank=lambda: rank
    )
    monkeypatch.setitem(sys.modules, "torch.distributed", stand_in)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({"rank": 0}, True),
        ({"rank": 1}, False),
        ({"rank": 1, "initialized": False}, True),
        ({"rank": 1, "available": False}, True),
    ],
)
def test_the_first_of_several(state, expected, monkeypatch):
    pretend(monkeypatch, **state)
    assert is_main_process() is expected


def test_alone(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch.distributed", raising=False)
    monkeypatch.setenv("RANK", "3")  # some other program's
    assert is_main_process()


def test_only_the_first_process_saves(monkeypatch, tmp_path):
    model = Popular().fit(np.eye(2), np.eye(2))
    pretend(monkeypatch, rank=1)
    model.save(tmp_path / "model")
    assert not (tmp_path / "model").exists()
    pretend(monkeypatch, rank=0)
    model.save(tmp_path / "model")
    assert (tmp_path / "model" / "model.json").exists()
