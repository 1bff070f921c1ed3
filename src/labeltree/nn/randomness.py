"""Random numbers of a training: drawn from a seed, without a trace outside."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def seeded(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Draw random numbers from a seed inside the block, and leave no trace outside.

    Parameters
    ----------
    device
        Where numbers are drawn too, beside the processor.
    """
    with _kept(device):
        torch.default_generator.manual_seed(seed)
        if device is not None and device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        elif device is not None and device.type == "mps":
            torch.mps.manual_seed(seed)
        yield


@contextmanager
def _kept(device: torch.device | None) -> Iterator[None]:
    """Leave all random states as they are, whatever the block does: a checkpoint sets them all."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - of others
    on_mps = device is not None and device.type == "mps"
    on_cuda = torch.cuda.is_initialized() or (device is not None and device.type == "cuda")
    mps = torch.mps.get_rng_state() if on_mps else None
    cuda = torch.cuda.get_rng_state_all() if on_cuda else None
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        if mps is not None:
            torch.mps.set_rng_state(mps)
        if cuda is not None:
            torch.cuda.set_rng_state_all(cuda)
