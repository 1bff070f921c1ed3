"""What tells one training from another: all that it is made of, in a few letters."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import issparse
from torch import Tensor

from labeltree.core.params import Params

if TYPE_CHECKING:
    from labeltree.nn.network import Network
    from labeltree.nn.recipe import Recipe

FREE: dict[str, Any] = {"device": "", "checkpoints": "", "save_every": 0, "log": ""}
"""Entries of a recipe, and fields of a model, that may be others when a training goes on."""


def fingerprint(recipe: Recipe, network: Network, *parts: Any) -> str:
    """Return a name of a training: the same for the same recipe, network and parts.

    Parameters
    ----------
    network
        As it is before training: weights, buffers, and what it says of its layers.
    parts
        Data, and whatever else training depends on: arrays and matrices, dataclasses, tuples and
        dictionaries of them. Every array is read once, from its first byte to its last.
    """
    digest = _Digest()
    digest.add([*recipe._replace(**FREE)])
    digest.add(str(network))
    digest.add(dict(network.named_parameters()))
    digest.add(dict(network.named_buffers()))  # also those that are not saved
    digest.add(parts)
    return digest.name()


class _Digest:
    """Takes values in, one after the other."""

    def __init__(self) -> None:
        self._hash = hashlib.blake2b(digest_size=8)

    def name(self) -> str:
        """Return what all of them come to."""
        return self._hash.hexdigest()

    def add(self, value: Any) -> None:
        """Take in a value: what kind of value it is, and what it consists of."""
        if isinstance(value, Tensor):
            self._add_text(f"tensor {value.dtype} {[*value.shape]}")
            self._add_bytes(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
        elif isinstance(value, np.ndarray) and not value.dtype.hasobject:
            self._add_text(f"array {value.dtype} {value.shape}")
            self._add_bytes(value)
        elif isinstance(value, (list, tuple, np.ndarray)):
            self._add_parts("sequence", [*value])
        elif isinstance(value, Mapping):
            self._add_parts("mapping", [part for item in value.items() for part in item])
        elif issparse(value):
            csr = value.tocsr()
            self._add_parts("matrix", [csr.shape, csr.indptr, csr.indices, csr.data])
        elif isinstance(value, type) or not hasattr(value, "__dict__"):
            self._add_text(repr(value))
        else:
            self.add([type(value), _attributes(value)])

    def _add_parts(self, kind: str, parts: list[Any]) -> None:
        self._add_text(f"{kind} {len(parts)}")
        for part in parts:
            self.add(part)

    def _add_bytes(self, array: NDArray[Any]) -> None:
        raw = np.ascontiguousarray(array).reshape(-1)  # no copy, also of what is mapped from a file
        self._hash.update(raw.view(np.uint8).data)

    def _add_text(self, text: str) -> None:
        raw = text.encode("utf-8", "surrogatepass")
        self._hash.update(len(raw).to_bytes(8, "little") + raw)


def _attributes(value: Any) -> dict[str, Any]:
    """Return what an object consists of, without what it only remembers or may change."""
    if isinstance(value, Params):
        return {k: v for k, v in value.get_params(deep=False).items() if k not in FREE}
    if dataclasses.is_dataclass(value):
        return {f.name: getattr(value, f.name, None) for f in dataclasses.fields(value)}
    return vars(value)
