"""What a network is trained with: a device, a precision, an optimizer."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from labeltree.core.errors import MissingExtraError, ParameterError
from labeltree.nn.network import Network, device_of
from labeltree.nn.recipe import Recipe

if TYPE_CHECKING:
    from accelerate import Accelerator

WAIT = timedelta(days=1)
"""How long processes wait for one another: the first one reads and embeds all documents before the
others do. Processes that end are noticed at once, by what began them."""


def accelerator_for(recipe: Recipe) -> Accelerator:
    """Return the accelerator for a device, a precision and a log.

    Raises
    ------
    ParameterError
        If the device is not there, or cannot compute in that precision.
    MissingExtraError
        If a log is wanted and there is nothing to write it with.
    """
    from accelerate import Accelerator
    from accelerate.utils import (
        DistributedDataParallelKwargs,
        InitProcessGroupKwargs,
        patch_environment,
    )
    from accelerate.utils.imports import is_tensorboard_available

    if torch.distributed.is_available():
        # Its functions keep, as a default, the group of processes that is there when they are
        # imported. DistributedDataParallel imports them: too late, the group would never end.
        import_module("torch.distributed.nn.functional")

    device = device_of(recipe.device)
    precision = _precision(recipe.precision, device)
    if recipe.log and not is_tensorboard_available():
        raise MissingExtraError("--log (TensorBoard)", "nn")
    one_card = {} if device.index is None else {"ACCELERATE_TORCH_DEVICE": str(device)}
    with patch_environment(**one_card):
        accelerator = Accelerator(
            cpu=device.type == "cpu",
            mixed_precision=precision,
            log_with="tensorboard" if recipe.log else None,
            project_dir=recipe.log or None,
            kwargs_handlers=[
                DistributedDataParallelKwargs(find_unused_parameters=True),
                InitProcessGroupKwargs(timeout=WAIT),
            ],
        )
    if recipe.log:
        accelerator.init_trackers("labeltree")
    return accelerator


def _precision(wanted: str, device: torch.device) -> str:
    """Return what accelerate calls it."""
    if wanted == "auto":
        wanted = "bf16" if device.type == "cuda" and _has_bf16(device) else "fp32"
    if wanted == "fp16" and device.type == "cpu":
        raise ParameterError("precision fp16 needs a graphics card: choose bf16 or fp32.")
    return "no" if wanted == "fp32" else wanted


def _has_bf16(device: torch.device) -> bool:
    """Return whether a graphics card computes in bf16 itself: emulated, it is slower than fp32."""
    with torch.cuda.device(device):
        return torch.cuda.is_bf16_supported(including_emulation=False)


@contextmanager
def own_accelerate() -> Iterator[None]:
    """Let accelerate start anew inside the block: it keeps one device and precision a process.

    Processes begun by `accelerate launch` go on with theirs. A group of processes that the block
    begins ends when its processes do.
    """
    if _is_launched():
        with _or_stay():
            yield
        return
    from accelerate.state import AcceleratorState, GradientState, PartialState

    shared = [kind._shared_state for kind in (GradientState, AcceleratorState, PartialState)]
    before = [dict(state) for state in shared]
    for state in shared:
        state.clear()
    try:
        yield
        if _is_launched():
            atexit.register(_leave)
    finally:
        if not _is_launched():
            for state, old in zip(shared, before, strict=True):
                state.clear()
                state.update(old)


@contextmanager
def _or_stay() -> Iterator[None]:
    """Let a process that fails inside the block end as it is: others may wait for it for ever."""
    try:
        yield
    except BaseException:
        atexit.unregister(_leave)
        raise


def _leave() -> None:
    """Leave the group of processes while there is an interpreter.

    A thread of the group that lets go of a tensor later than that aborts the whole process.
    """
    gc.collect()  # what was trained knows the group
    if _is_launched():
        torch.distributed.destroy_process_group()


def _is_launched() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def parameter_groups(network: Network, recipe: Recipe) -> list[dict[str, Any]]:
    """Return the parameters by learning rate and decay: biases and norms have none."""
    base = {id(p) for p in network.encoder.base_parameters()}
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, p in network.named_parameters():
        if p.requires_grad:
            lr = recipe.lr if id(p) in base else recipe.head_lr
            decay = 0.0 if p.ndim < 2 or name.endswith("bias") else recipe.weight_decay
            groups.setdefault((lr, decay), []).append(p)
    return [
        {"params": params, "lr": lr, "initial_lr": lr, "weight_decay": decay}
        for (lr, decay), params in groups.items()
    ]
