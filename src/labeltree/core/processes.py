"""Which process this is, where several train one model."""

from __future__ import annotations

import sys


def is_main_process() -> bool:
    """Whether this process writes and talks: the first of those that `accelerate launch` began."""
    distributed = sys.modules.get("torch.distributed")  # never imported: then there is only one
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return True
    return bool(distributed.get_rank() == 0)
