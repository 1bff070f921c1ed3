"""How a network is trained, and how that went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from labeltree.core.arrays import Doubles
from labeltree.core.store import storable


class Recipe(NamedTuple):
    """What training needs to know; each entry is a field of `NeuralModel`, described there."""

    epochs: int
    batch_size: int
    lr: float
    head_lr: float
    weight_decay: float
    warmup: float
    schedule: str
    clip: float
    accumulate: int
    patience: int
    precision: str
    device: str
    seed: int
    checkpoints: str
    save_every: int
    log: str

    def rate(self, step: int, n_steps: int) -> float:
        """Return what learning rates are multiplied by at a step, counted from 0.

        Up in a straight line over the share `warmup` of the steps, then down to 0, or level.
        """
        n_warm = int(self.warmup * n_steps)
        if step < n_warm:
            return (step + 1) / n_warm
        if self.schedule == "constant":
            return 1.0
        return (n_steps - step) / max(1, n_steps - n_warm)


@storable
@dataclass(frozen=True, eq=False)
class History:
    """What was measured after each epoch."""

    loss: Doubles
    """Mean loss over the training documents, as they were met, (n_epochs,)."""
    validation_loss: Doubles
    """Mean loss on validation, (n_epochs,); NaN without."""
    f1: Doubles
    """micro-F1 on validation at the best single cut, (n_epochs,); NaN without."""
    best_epoch: int
    """The epoch whose weights were kept, from 0: the best on validation, or the last."""
    n_steps: int
    """Times that the weights were changed."""
