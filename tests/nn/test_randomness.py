import random
from contextlib import contextmanager

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from labeltree.nn.randomness import seeded  # noqa: E402


def drawn():
    """Return the next random number of every kind."""
    return random.random(), float(np.random.random()), float(torch.rand(()))  # noqa: NPY002


def start():
    random.seed(11)
    np.random.seed(11)  # noqa: NPY002
    torch.manual_seed(11)


@pytest.mark.parametrize("fails", [False, True])
def test_seeds_leave_no_trace(fails):
    start()
    expected = drawn()
    start()
    try:
        with seeded(5):
            inside = float(torch.rand(()))
            random.seed(1)
            np.random.seed(1)  # noqa: NPY002
            if fails:
                raise KeyError
    except KeyError:
        pass
    assert drawn() == expected
    with seeded(5):
        assert float(torch.rand(())) == inside


class Cards:
    """Two graphics cards that are not there: a number each stands for a random state."""

    def __init__(self):
        self.states, self.current = [1, 2], 0

    @contextmanager
    def device(self, device):
        before, self.current = self.current, device.index
        yield
        self.current = before

    def seed(self, seed):
        self.states[self.current] = seed

    def restore(self, states):
        self.states = [*states]

    def install(self, monkeypatch, *, initialized=True):
        monkeypatch.setattr("torch.cuda.is_initialized", lambda: initialized)
        monkeypatch.setattr("torch.cuda.get_rng_state_all", lambda: [*self.states])
        monkeypatch.setattr("torch.cuda.set_rng_state_all", self.restore)
        monkeypatch.setattr("torch.cuda.manual_seed", self.seed)
        monkeypatch.setattr("torch.cuda.device", self.device)
        return self


def test_the_card_in_use_is_seeded(monkeypatch):
    cards = Cards().install(monkeypatch, initialized=False)
    with seeded(5, torch.device("cuda:1")):
        assert cards.states == [1, 5]
        cards.states = [8, 9]  # as loading a checkpoint does
    assert cards.states == [1, 2]
    assert cards.current == 0


def test_cards_that_are_not_in_use_stay(monkeypatch):
    cards = Cards().install(monkeypatch)
    with seeded(5, torch.device("cpu")):
        assert cards.states == [1, 2]
        cards.states = [8, 9]
    assert cards.states == [1, 2]


def test_cards_are_not_woken_up(monkeypatch):
    def called(*_):
        raise AssertionError

    Cards().install(monkeypatch, initialized=False)
    monkeypatch.setattr("torch.cuda.get_rng_state_all", called)
    with seeded(5, torch.device("cpu")), seeded(5):
        pass


def test_metal_is_seeded(monkeypatch):
    state = [7]
    monkeypatch.setattr("torch.mps.get_rng_state", lambda: state[0])
    monkeypatch.setattr("torch.mps.set_rng_state", lambda new: state.__setitem__(0, new))
    monkeypatch.setattr("torch.mps.manual_seed", lambda seed: state.__setitem__(0, seed))
    with seeded(5, torch.device("mps")):
        assert state == [5]
    assert state == [7]
