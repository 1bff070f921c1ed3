"""Checkpoints: all that a training needs to go on as if it had never been interrupted.

A folder holds one sub-folder for each training, named after what it is made of: data, recipe and
first weights. Another training never finds the checkpoints of this one.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from labeltree.nn.batches import TrainingData
from labeltree.nn.network import Network
from labeltree.nn.recipe import Recipe

if TYPE_CHECKING:
    from accelerate import Accelerator

logger = logging.getLogger(__name__)

FREE: dict[str, Any] = {"device": "", "checkpoints": "", "save_every": 0, "log": ""}
"""Entries of a recipe that may be others when a training goes on."""


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
    """

    def __init__(self, folder: str, training: str, accelerator: Accelerator) -> None:
        self.folder = Path(folder).expanduser() / training if folder else None
        self.accelerator = accelerator

    def save(self, state: State) -> None:
        """Write a checkpoint, then remove older ones: a kill leaves the old one or the new one."""
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
        self.accelerator.save_state(str(fresh))
        self.accelerator.wait_for_everyone()
        if not main:
            return
        torch.save(vars(state), fresh / "training.pt")
        os.rename(fresh, done)
        for old in self._all():
            if old != done:
                shutil.rmtree(old, ignore_errors=True)

    def load(self, network: Network) -> State:
        """Bring everything back to where the last checkpoint was; a new state if there is none."""
        found = self._all()
        if not found:
            return State()
        kept: dict[str, Any] = torch.load(found[-1] / "training.pt", weights_only=True)
        state = State(**kept)
        if state.labels is not None:  # the head is first what it was: its weights follow
            state.labels = state.labels.to(self.accelerator.device)
            network.head.see_labels(state.labels)
        self.accelerator.load_state(str(found[-1]))
        logger.warning("going on from step %d, %s", state.step, found[-1])
        return state

    def _all(self) -> list[Path]:
        return [] if self.folder is None else sorted(self.folder.glob("step-*"))


def fingerprint(
    network: Network, data: TrainingData, validation: TrainingData | None, recipe: Recipe
) -> str:
    """Return a name of a training: the same for the same data, recipe and first weights."""
    digest = hashlib.blake2b(repr(recipe._replace(**FREE)).encode(), digest_size=8)
    for part in (data, validation):
        if part is not None:
            for array in (part.documents.lengths, part.Y.indptr, part.Y.indices):
                digest.update(array.tobytes() + b"/")
    for name, array in network.weights().items():
        digest.update(name.encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
