"""Trainings that are interrupted end where unbroken ones do, bit for bit."""

import random
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from toys import (  # noqa: E402
    RECIPE,
    LabelReadingHead,
    LinearHead,
    documents,
    flat_order,
    learnable,
    network,
)

from labeltree.core.arrays import as_csr  # noqa: E402
from labeltree.core.errors import StoreError  # noqa: E402
from labeltree.nn.batches import TrainingData  # noqa: E402
from labeltree.nn.train import Descriptions, train  # noqa: E402


class PowerCut(Exception):
    """What ends a training in these tests."""


class Interrupted(LinearHead):
    """Fails at the n-th loss of the training, n counted on the class; never if n is 0."""

    at, n = 0, 0

    def loss(self, text, y):
        Interrupted.n += self.training
        if Interrupted.n == Interrupted.at:
            raise PowerCut
        return super().loss(text, y)


class InterruptedReader(LabelReadingHead):
    def loss(self, text, y):
        Interrupted.n += self.training
        if Interrupted.n == Interrupted.at:
            raise PowerCut
        return super().loss(text, y)


def run(at=0, *, head=Interrupted, validation=None, net=None, data=None, **changed):
    """Train 6 epochs of 5 steps, with dropout; fail at the loss `at`."""
    Interrupted.at, Interrupted.n = at, 0
    described = Descriptions(documents(5, seed=3), 4, 0.5) if head is InterruptedReader else None
    net = net or network(head=head, dropout=0.3)
    history = train(
        net, data or learnable(20), validation, RECIPE._replace(**{"epochs": 6} | changed),
        order=flat_order(), descriptions=described,
    )  # fmt: skip
    return net, history


def assert_same(one, other):
    (net, history), (again, story) = one, other
    for name, weight in net.weights().items():
        np.testing.assert_array_equal(again.weights()[name], weight, err_msg=name)
    for field in ("loss", "validation_loss", "f1"):
        np.testing.assert_array_equal(getattr(story, field), getattr(history, field))
    assert (story.best_epoch, story.n_steps) == (history.best_epoch, history.n_steps)


def contrary():
    data = learnable(20)
    return TrainingData(data.documents, as_csr(1 - data.Y.toarray(), "Y"))


CASES = {
    "each epoch": ({"save_every": 0}, 13),
    "in the middle of an epoch": ({"save_every": 3}, 20),
    "accumulated": ({"save_every": 2, "accumulate": 2}, 17),
    "before the first checkpoint": ({"save_every": 0}, 2),
    "before the last step": ({"save_every": 1}, 30),
    "half precision": ({"save_every": 3, "precision": "bf16"}, 20),
    "validation": ({"save_every": 0, "validation": contrary(), "patience": 5}, 28),
    "validation, in an epoch": ({"save_every": 4, "validation": contrary()}, 19),
    "labels that are read": ({"save_every": 3, "head": InterruptedReader}, 20),
}


@pytest.mark.parametrize("case", CASES)
def test_an_interrupted_training_goes_on(case, tmp_path):
    options, at = CASES[case]
    unbroken = run(**options)
    options = {**options, "checkpoints": str(tmp_path / "kept")}
    with pytest.raises(PowerCut):
        run(at, **options)
    again = run(**options)
    assert_same(unbroken, again)
    n_losses = 30 if len(again[1].loss) == 6 else 5 * len(again[1].loss)
    assert Interrupted.n < n_losses or at == 2, "it went on, and did not begin again"


def test_interrupted_twice(tmp_path):
    options = {"save_every": 2, "checkpoints": str(tmp_path)}
    for at in (9, 7):
        with pytest.raises(PowerCut):
            run(at, **options)
    assert_same(run(), run(**options))


def random_states():
    numpy = np.random.get_state()  # noqa: NPY002
    return random.getstate(), numpy[1].tolist(), numpy[2], torch.get_rng_state().tolist()


@pytest.mark.parametrize("ends", ["at the end", "power cut"])
def test_going_on_leaves_random_numbers_outside_as_they_are(tmp_path, ends):
    options = {"save_every": 2, "checkpoints": str(tmp_path)}
    with pytest.raises(PowerCut):
        run(9, **options)
    net = network(head=Interrupted, dropout=0.3)
    random.random(), torch.rand(1), np.random.random()  # noqa: NPY002
    before = random_states()
    with nullcontext() if ends == "at the end" else pytest.raises(PowerCut):
        run(0 if ends == "at the end" else 3, net=net, **options)
    assert random_states() == before


def test_a_finished_training_is_not_done_again(tmp_path):
    first = run(checkpoints=str(tmp_path), validation=contrary())
    again = run(checkpoints=str(tmp_path), validation=contrary())
    assert Interrupted.n == 0
    assert_same(first, again)


def test_one_that_stopped_early_stays_so(tmp_path):
    options = {"checkpoints": str(tmp_path), "validation": contrary(), "patience": 1}
    first = run(**options)
    assert len(first[1].loss) < 6
    assert_same(first, run(**options))
    assert Interrupted.n == 0


def test_only_the_last_checkpoint_is_kept(tmp_path):
    run(checkpoints=str(tmp_path), save_every=1)
    (training,) = tmp_path.iterdir()
    assert [entry.name for entry in training.iterdir()] == ["step-000000030-000006"]


def test_what_was_half_written_does_not_count(tmp_path):
    options = {"checkpoints": str(tmp_path), "save_every": 3}
    with pytest.raises(PowerCut):
        run(20, **options)
    (training,) = tmp_path.iterdir()
    (training / "writing").mkdir()
    (training / "writing" / "model.safetensors").write_bytes(b"half")
    assert_same(run(), run(**options))


@pytest.mark.parametrize(
    "file", ["training.pt", "model.safetensors", "optimizer.bin", "random_states_0.pkl"]
)
@pytest.mark.parametrize("damage", ["cut", "empty", "missing"])
def test_a_damaged_checkpoint_is_named(tmp_path, file, damage):
    run(checkpoints=str(tmp_path), epochs=1)
    (training,) = tmp_path.iterdir()
    (path,) = training.glob(f"*/{file}")
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2] if damage == "cut" else b"")
    if damage == "missing":
        path.unlink()
    with pytest.raises(StoreError) as caught:
        run(checkpoints=str(tmp_path), epochs=1)
    assert f"Delete {training} to train from the beginning." in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_training_begun_on_a_card_goes_on_without(tmp_path, monkeypatch):
    options = {"save_every": 3, "head": InterruptedReader}
    with pytest.raises(PowerCut):
        run(20, checkpoints=str(tmp_path), **options)
    (path,) = tmp_path.glob("*/*/training.pt")
    kept = torch.load(path, weights_only=True)
    assert kept["labels"].shape == (5, 8)
    with monkeypatch.context() as patched:  # what torch writes of tensors on a card
        patched.setattr("torch.serialization.location_tag", lambda storage: "cuda:0")
        torch.save(kept, path)
    if not torch.cuda.is_available():
        with pytest.raises(RuntimeError, match="CUDA"):
            torch.load(path, weights_only=True)
    assert_same(run(**options), run(checkpoints=str(tmp_path), **options))


def test_another_training_does_not_go_on_from_there(tmp_path):
    run(checkpoints=str(tmp_path))
    run(checkpoints=str(tmp_path), seed=1)
    assert Interrupted.n == 30
    assert len(list(tmp_path.iterdir())) == 2


CHILD = """
import os, signal, sys
sys.path[:0] = {path!r}
import test_checkpoint as t
class Interrupted(t.LinearHead):
    n = 0
    def loss(self, text, y):
        Interrupted.n += 1
        if Interrupted.n == 20:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().loss(text, y)
t.run(head=Interrupted, checkpoints={folder!r}, save_every=3)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
def test_a_killed_process(tmp_path):
    """The process ends itself at a given step: nothing is left to chance, nor to clean up."""
    path = [str(Path(__file__).parent), *sys.path]
    code = CHILD.format(path=path, folder=str(tmp_path))
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    (training,) = tmp_path.iterdir()
    assert [entry.name for entry in training.iterdir()] == ["step-000000018-000003"]
    assert_same(run(), run(checkpoints=str(tmp_path), save_every=3))
    assert Interrupted.n == 12


def test_a_folder_that_cannot_be_written_is_told_before_the_first_step(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(StoreError, match="No checkpoint can be written to .*another folder"):
        run(at=1, checkpoints=str(file))
    assert Interrupted.n == 0


def test_a_full_disk_is_one_clear_error(tmp_path, monkeypatch):
    def full(*_, **__):
        raise RuntimeError("PytorchStreamWriter failed writing file: no space\nbacktrace")

    monkeypatch.setattr("torch.save", full)
    with pytest.raises(StoreError, match=r"failed writing file: no space\. Make room") as caught:
        run(checkpoints=str(tmp_path))
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("*/step-*"))
