"""What stands for a text, of all that a transformer makes of its tokens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labeltree.core.errors import ParameterError

if TYPE_CHECKING:
    from labeltree.nn.pretrained import Pretrained

_TOLD = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
"""Entries of a sentence encoder's file, and what they are called in newer ones."""


def chosen_pooling(wanted: str, found: Pretrained) -> str:
    """Return the pooling that is wanted of a model, for `auto` what it was made for.

    Raises
    ------
    ParameterError
        If the model has nothing of that kind, or was made for a kind that is not offered.
    """
    if wanted == "auto" and found.pooling not in ("mean", "cls"):
        raise ParameterError(
            f"The encoder {found.source!r} was trained with {found.pooling} pooling, which is not"
            " offered. Use another encoder, or pooling mean all the same."
        )
    if wanted == "pooler" and not found.has_pooler:
        raise ParameterError(f"The encoder {found.source!r} has no pooler: use mean or cls.")
    if wanted == "cls" and not (found.has_cls or found.pooling == "cls"):
        raise ParameterError(
            f"The encoder {found.source!r} puts no token for the whole text first: use mean."
        )
    return found.pooling if wanted == "auto" else wanted


def begins_with_cls(tokenizer: Any) -> bool:
    """Return whether a token for the whole text stands first; some models put it last."""
    cls = tokenizer.cls_token_id
    return cls is not None and tokenizer("a")["input_ids"][:1] == [cls]


def told_pooling(source: str) -> str:
    """Return what a sentence encoder says of its pooling, nothing of other models.

    Parameters
    ----------
    source
        A folder, or a name on the hub.
    """
    for module in _json_file(source, "modules.json") or ():
        if str(module.get("type")).endswith(".Pooling"):
            return _named(_json_file(source, f"{module['path']}/config.json") or {})
    return ""


def _named(told: dict[str, Any]) -> str:
    """Return the name of a pooling, several of them joined by +."""
    kinds = told.get("pooling_mode") or [kind for key, kind in _TOLD.items() if told.get(key)]
    return "+".join([kinds] if isinstance(kinds, str) else kinds) or "mean"


def _json_file(source: str, name: str) -> Any:
    from transformers.utils import cached_file

    try:
        found = cached_file(source, name)
    except OSError:  # there is none
        return None
    return found and json.loads(Path(found).read_text("utf8"))
