"""Checkpoints: all that a training needs to go on as if it had never been interrupted.

A folder holds one sub-folder for each training, named after all that it is made of (`fingerprint`).
Another training never finds the checkpoints of this one.
"""

from __future__ import annotations

import logging
import os
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from labeltree.core.errors import StoreError, first_line
from labeltree.nn.network import Network

if TYPE_CHECKING:
    from accelerate import Accelerator

logger = logging.getLogger(__name__)


@dataclass
class State:
    """Where a training is; weights, optimizer and random numbers are saved beside it."""

    epoch: int = 0
    """Finished epochs."""
    step: int = 0
    """Steps taken in all."""
    at: int = 0
    """Steps taken of this epoch."""
    loss: float = 0.0
    """Sum of losses over the documents met in this epoch."""
    n_seen: int = 0
    """Documents met in this epoch."""
    waited: int = 0
    """Epochs since the best one."""
    history: list[list[float]] = field(default_factory=list)
    """Loss, loss and F1 on validation, of each finished epoch."""
    best_epoch: int = -1
    best: dict[str, Tensor] | None = None
    """Weights after the best epoch."""
    labels: Tensor | None = None
    """What the head was last told of the labels, (n_labels, width)."""


class Checkpoints:
    """The checkpoints of one training: the last one is kept.

    Parameters
    ----------
    folder
        Empty for none.

    Raises
    ------
    StoreError
        If nothing can be written there: now, not after the first epoch.
    """

    def __init__(self, folder: str, training: str, accelerator: Accelerator) -> None:
        self.folder = Path(folder).expanduser() / training if folder else None
        self.accelerator = accelerator
        if self.folder is not None:
            with _writing(self.folder):
                (self.folder / "writing").mkdir(parents=True, exist_ok=True)

    def save(self, state: State) -> None:
        """Write a checkpoint, then remove older ones: a kill leaves the old one or the new one.

        Raises
        ------
        StoreError
            If it cannot be written: a full disk, a folder of another user.
        """
        if self.folder is None:
            return
        fresh = self.folder / "writing"
        done = self.folder / f"step-{state.step:09}-{state.epoch:06}"
        if done.exists():
            return
        main = self.accelerator.is_main_process
        if main:
            shutil.rmtree(fresh, ignore_errors=True)
        self.accelerator.wait_for_everyone()
        with _writing(self.folder):
            self.accelerator.save_state(str(fresh))
        self.accelerator.wait_for_everyone()
        if not main:
            return
        with _writing(self.folder):
            torch.save(vars(state), fresh / "training.pt")
            os.rename(fresh, done)
        for old in self._all():
            if old != done:
                shutil.rmtree(old, ignore_errors=True)

    def load(self, network: Network) -> State:
        """Bring everything back to where the last checkpoint was; a new state if there is none.

        Raises
        ------
        StoreError
            If the checkpoint is damaged.
        """
        found = self._all()
        if not found:
            return State()
        with _reading(found[-1]):
            # Wherever it was trained: the device of that time may not be there.
            path = found[-1] / "training.pt"
            state = State(**torch.load(path, map_location="cpu", weights_only=True))
        if state.labels is not None:  # the head is first what it was: its weights follow
            state.labels = state.labels.to(self.accelerator.device)
            network.head.see_labels(state.labels)
        with _reading(found[-1]):
            random.seed()
            before = random.getstate()
            self.accelerator.load_state(str(found[-1]))
            if random.getstate() == before:  # accelerate says nothing of that
                raise EOFError("the random states are missing or damaged")
        logger.warning("going on from step %d, %s", state.step, found[-1])
        return state

    def _all(self) -> list[Path]:
        return [] if self.folder is None else sorted(self.folder.glob("step-*"))


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Make one clear error of whatever keeps a checkpoint from being written."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # OSError, or what torch and safetensors make of it
        why = getattr(error, "strerror", "") or first_line(error)
        raise StoreError(
            f"No checkpoint can be written to {folder}: {why}. Make room there, or choose another"
            " folder."
        ) from error


@contextmanager
def _reading(checkpoint: Path) -> Iterator[None]:
    """Make one clear error of whatever is wrong with the files of a checkpoint."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # of torch, zipfile, pickle, safetensors, or a missing entry
        raise StoreError(
            f"The checkpoint {checkpoint} cannot be read: {first_line(error)}. Delete"
            f" {checkpoint.parent} to train from the beginning."
        ) from error
