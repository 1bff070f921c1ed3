"""Training a network: one loop on `accelerate`, for a processor, a graphics card or several.

AdamW with one learning rate for pretrained weights and one for the others, a warm-up, clipped
gradients; after each epoch a look at validation, whose best weights are kept. A training that is
killed goes on from its last checkpoint, to the same weights (bit for bit on a processor).
"""

from __future__ import annotations

from contextlib import nullcontext
from math import ceil, isfinite
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from labeltree.core.arrays import Longs
from labeltree.core.errors import ParameterError
from labeltree.core.pool import phase
from labeltree.core.seeds import derived
from labeltree.nn.answers import Order, read_batches, validated
from labeltree.nn.batches import TrainingData, batches, dense_targets, shared_out
from labeltree.nn.checkpoint import Checkpoints, State
from labeltree.nn.fingerprint import fingerprint
from labeltree.nn.machine import accelerator_for, own_accelerate, parameter_groups
from labeltree.nn.network import Network
from labeltree.nn.randomness import seeded
from labeltree.nn.recipe import History, Recipe

if TYPE_CHECKING:
    from accelerate import Accelerator

    from labeltree.nn.documents import Documents

WATCHED = 50
"""Steps between two looks at the loss: each makes the program wait for the device."""


class Descriptions(NamedTuple):
    """What labels are described by, for heads that read it."""

    documents: Documents
    """One a label."""
    every: int
    """Steps between two readings."""
    share: float = 1.0
    """How many labels are read each time after the first, drawn at random."""


D = TypeVar("D", TrainingData, Descriptions)


def train(
    network: Network, data: TrainingData, validation: TrainingData | None, recipe: Recipe,
    *, order: Order, descriptions: Descriptions | None = None, made_of: Any = None,
) -> History:  # fmt: skip
    """Train a network in place.

    Parameters
    ----------
    validation
        Held-out documents: the weights of the epoch with the best micro-F1 (at the best single
        cut; ties by loss) are kept, and `recipe.patience` epochs without a better one end the
        training. None: all epochs, and the last weights.
    order
        The labels that are answered on validation.
    made_of
        What the network was built from, in any form that `fingerprint` reads: a training of
        another one does not go on from the checkpoints of this one.

    Raises
    ------
    ParameterError
        If the loss is not finite, the device has too little memory, or the recipe cannot be
        followed here.
    """
    with own_accelerate():
        accelerator = accelerator_for(recipe)
        with seeded(recipe.seed + accelerator.process_index, accelerator.device):
            loop = _Loop(accelerator, network, recipe, order, descriptions)
            try:
                loop.run(data, validation, made_of)
            except torch.OutOfMemoryError as error:
                raise ParameterError(
                    f"The device ran out of memory at step {loop.state.step + 1}. Lower"
                    " --batch-size, and raise --accumulate as much: each step has the same"
                    " documents. Or shorten texts with --encoder.max-length."
                ) from error
            finally:
                for tracker in accelerator.trackers:
                    tracker.finish()
            return loop.history()


class _Loop:
    """What the steps of a training share."""

    def __init__(
        self, accelerator: Accelerator, network: Network, recipe: Recipe, order: Order,
        descriptions: Descriptions | None,
    ) -> None:  # fmt: skip
        self.accelerator, self.network, self.recipe = accelerator, network, recipe
        self.order, self.descriptions = order, descriptions
        self.state = State()
        self.rate = 0.0
        """What learning rates were multiplied by in the last step."""
        self.pending: list[tuple[Tensor, int, int]] = []
        """Losses not looked at yet, the documents each is the mean of, and the step, from 1."""
        optimizer = torch.optim.AdamW(parameter_groups(network, recipe), fused=True)
        self.model, wrapped = accelerator.prepare(network, optimizer)
        # Without scaled gradients the optimizer itself does: accelerate's wrapper costs time.
        self.optimizer = optimizer if accelerator.scaler is None else wrapped
        self.parameters = [p for p in network.parameters() if p.requires_grad]

    def run(self, data: TrainingData, validation: TrainingData | None, made_of: Any) -> None:
        where, name = self.recipe.checkpoints, ""
        if where:  # of so many processes: each has random numbers of its own
            others = validation, self.order, self.descriptions, made_of
            name = fingerprint(self.recipe, self.network, data, *others)
            name += f"-{self.accelerator.num_processes}"
        self.checkpoints = Checkpoints(where, name, self.accelerator)
        self.data = self._ready(data)
        self.validation = None if validation is None else self._ready(validation)
        if self.descriptions is not None:
            self.descriptions = self._ready(self.descriptions)
        self.state = self.checkpoints.load(self.network)
        while self.state.epoch < self.recipe.epochs and not self._stops:
            self._epoch()
        if self.state.best is not None:
            self.network.load_state_dict(self.state.best)
        if not all(bool(p.isfinite().all()) for p in self.parameters):
            raise self._diverged(self.state.step)

    @property
    def _stops(self) -> bool:
        return 0 < self.recipe.patience <= self.state.waited

    def _ready(self, data: D) -> D:
        """Let the encoder do now what it need not do each epoch."""
        from labeltree.nn.documents import Run

        run = Run(self.accelerator.device, "fp32", self.recipe.batch_size)
        with self.accelerator.main_process_first():  # the others find what it has cached
            found = self.network.encoder.ready(data.documents, run)
        return data._replace(documents=found)

    def _epoch(self) -> None:
        state, recipe, accelerator = self.state, self.recipe, self.accelerator
        together = recipe.batch_size * recipe.accumulate * accelerator.num_processes
        plan = batches(self.data.documents.lengths, together, recipe.seed, state.epoch)
        self.network.train()
        what = f"epoch {state.epoch + 1} of {recipe.epochs}"
        with phase(what, len(plan)) if accelerator.is_main_process else nullcontext() as progress:
            for at in range(len(plan)):
                if at >= state.at:
                    self._step(plan[at], len(plan) * recipe.epochs)
                if progress is not None:
                    progress.advance()
        self._close_epoch()

    def _step(self, rows: Longs, n_steps: int) -> None:
        """Change the weights once, by the gradient over all documents of the step."""
        state, recipe = self.state, self.recipe
        if self.descriptions is not None and state.step % self.descriptions.every == 0:
            self._describe(self.descriptions)
        process = self.accelerator.process_index, self.accelerator.num_processes
        parts = shared_out(rows, recipe.batch_size, *process)
        for i, (part, weight) in enumerate(parts):
            is_last = i == len(parts) - 1
            with nullcontext() if is_last else self.accelerator.no_sync(self.model):
                loss = self._loss(part)
                self.accelerator.backward(loss * weight)
            self.pending.append((loss.detach(), len(part) if weight else 0, state.step + 1))
        if self.accelerator.scaler is not None:
            self.accelerator.unscale_gradients()
        if recipe.clip:
            nn.utils.clip_grad_norm_(self.parameters, recipe.clip)
        self.rate = recipe.rate(state.step, n_steps)
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"] * self.rate
        self.optimizer.step()
        self.optimizer.zero_grad()
        state.step, state.at = state.step + 1, state.at + 1
        saves = recipe.save_every and state.step % recipe.save_every == 0
        if saves or state.step % WATCHED == 0:
            self._look()
        if saves:
            self.checkpoints.save(state)

    def _loss(self, rows: Longs) -> Tensor:
        device = self.accelerator.device
        batch = self.data.documents.batch(rows).to(device)
        loss: Tensor = self.model(batch, dense_targets(self.data.Y, rows, device))
        return loss

    def _look(self) -> None:
        """Fetch the losses since the last look."""
        if not self.pending:
            return
        values = torch.stack([loss for loss, *_ in self.pending]).tolist()
        for value, (_, n_rows, step) in zip(values, self.pending, strict=True):
            if not isfinite(value):
                raise self._diverged(step)
            self.state.loss += value * n_rows
            self.state.n_seen += n_rows
        self.pending.clear()
        mean = self.state.loss / max(1, self.state.n_seen)
        self.accelerator.log({"loss": mean, "rate": self.rate}, step=self.state.step)

    def _close_epoch(self) -> None:
        """Look at validation, note what was measured, keep the weights if they are the best."""
        self._look()
        state = self.state
        f1 = loss = float("nan")
        if self.validation is not None:
            f1, loss = self._validate(self.validation)
        state.history.append([self._mean_loss(), loss, f1])
        if self.validation is not None:
            self._compare()
        state.epoch, state.at, state.loss, state.n_seen = state.epoch + 1, 0, 0.0, 0
        if not self.recipe.save_every or self._over:
            self.checkpoints.save(state)

    def _mean_loss(self) -> float:
        """Return the mean over the documents that all processes have met in this epoch."""
        loss, n_seen = self.state.loss, self.state.n_seen
        if self.accelerator.num_processes > 1:
            own = torch.tensor([loss, n_seen], device=self.accelerator.device)
            loss, n_seen = self.accelerator.reduce(own, "sum").tolist()
        return loss / max(1, n_seen)

    @property
    def _over(self) -> bool:
        return self._stops or self.state.epoch == self.recipe.epochs

    def _compare(self) -> None:
        """Keep the weights if no epoch before was as good on validation."""
        state = self.state
        *before, last = ((f1, -loss) for _, loss, f1 in state.history)
        state.waited += 1
        if all(last > other for other in before):
            state.waited, state.best_epoch = 0, state.epoch
            weights = self.network.state_dict().items()
            state.best = {name: value.detach().to("cpu", copy=True) for name, value in weights}

    def _validate(self, data: TrainingData) -> tuple[float, float]:
        from accelerate.utils import broadcast_object_list

        self.network.eval()
        with phase("validating"):
            found = [*validated(self.network, data, self.order, self.recipe.batch_size)]
        f1, loss = broadcast_object_list(found)  # one process decides when to stop
        if not isfinite(loss):
            raise self._diverged(self.state.step)
        self.accelerator.log({"validation loss": loss, "micro-F1": f1}, step=self.state.step)
        return f1, loss

    @torch.no_grad()
    def _describe(self, descriptions: Descriptions) -> None:
        """Tell the head how labels look to the encoder as it is now, all of them or some."""
        before, documents = self.state.labels, descriptions.documents
        rows = np.arange(len(documents))
        if before is not None and descriptions.share < 1:
            draw = np.random.default_rng(derived(self.recipe.seed, self.state.step))
            rows = draw.choice(rows, ceil(descriptions.share * len(rows)), replace=False)
        if not len(rows):
            return
        was_training = self.network.training
        self.network.eval()
        read = [*read_batches(self.network, documents, self.recipe.batch_size, rows)]
        self.network.train(was_training)
        vectors = torch.cat([text.pooled for _, text in read])
        labels = torch.empty_like(vectors) if before is None else before.clone()
        labels[torch.from_numpy(np.concatenate([part for part, _ in read]))] = vectors
        self.state.labels = labels
        self.network.head.see_labels(labels)

    def _diverged(self, step: int) -> ParameterError:
        return ParameterError(
            f"The loss is not finite at step {step}. Lower --head-lr and --lr, clip gradients"
            " (--clip 1), or use --precision fp32."
        )

    def history(self) -> History:
        columns = np.array(self.state.history, np.float64).reshape(-1, 3).T
        best = self.state.best_epoch if self.state.best is not None else self.state.epoch - 1
        return History(columns[0], columns[1], columns[2], best, self.state.step)
