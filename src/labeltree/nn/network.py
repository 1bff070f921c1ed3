"""The network: a text encoder and a head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from labeltree.core.errors import ParameterError, StoreError
from labeltree.nn.fusion import TextFeatures
from labeltree.nn.graph import LabelGraph
from labeltree.nn.randomness import seeded

if TYPE_CHECKING:
    from labeltree.nn.documents import TextBatch
    from labeltree.nn.encoder import Reading
    from labeltree.nn.head import HeadNetwork
    from labeltree.nn.heads import Head
    from labeltree.nn.text_encoder import TextEncoder

Weights = dict[str, NDArray[Any]]
"""Parameters and buffers of a network by name."""


class Network(nn.Module):
    """Reads texts, answers labels.

    Mixed precision is for the encoder. The head computes in single precision: sums over labels and
    along the hierarchy need it.
    """

    def __init__(self, encoder: TextEncoder, head: HeadNetwork) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head

    def forward(self, batch: TextBatch, y: Tensor) -> Tensor:
        """Return the loss, a scalar; y (batch, n_labels)."""
        return self.loss(batch, y)

    def loss(self, batch: TextBatch, y: Tensor) -> Tensor:
        """Return the loss, a scalar; y (batch, n_labels)."""
        text = self.read(batch)
        with torch.autocast(text.pooled.device.type, enabled=False):
            return self.head.loss(text, y)

    def answer(self, batch: TextBatch) -> Tensor:
        """Return the logits that rank labels, (batch, n_labels)."""
        return self.head.answer(self.read(batch))

    def read(self, batch: TextBatch) -> TextFeatures:
        """Return what the encoder makes of the texts, in single precision."""
        pooled, tokens, mask = self.encoder(batch)
        return TextFeatures(pooled.float(), tokens.float(), mask)

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        held = next(iter(self.parameters()), None)
        return torch.device("cpu") if held is None else held.device

    def weights(self) -> Weights:
        """Return parameters and buffers as arrays."""
        return {name: _as_array(value) for name, value in self.state_dict().items()}

    def load_weights(self, weights: Weights) -> None:
        """Set parameters and buffers.

        Raises
        ------
        StoreError
            If they are those of another network.
        """
        try:
            self.load_state_dict({k: torch.from_numpy(np.array(v)) for k, v in weights.items()})
        except RuntimeError as error:
            problem = " ".join(str(error).split())
            raise StoreError(
                f"The saved weights do not fit the network: {problem[:300]}. Load them with the"
                " versions of labeltree and transformers that saved them, or fit again."
            ) from error


def built(
    reading: Reading, head: Head, graph: LabelGraph, *, pretrained: bool, seed: int
) -> Network:
    """Return a network that has not been trained; the same seed gives the same weights."""
    with seeded(seed):
        encoder = reading.module(pretrained, seed)
        return Network(encoder, head.build(graph, encoder.width))


def restored(reading: Reading, head: Head, graph: LabelGraph, weights: Weights) -> Network:
    """Return a trained network, ready to answer."""
    network = built(reading, head, graph, pretrained=False, seed=0)
    network.head.drop_training_parts()
    network.load_weights(weights)
    return network.eval().requires_grad_(False)


def device_of(name: str) -> torch.device:
    """Return the device of that name; `auto` is the first graphics card, else the processor.

    Raises
    ------
    ParameterError
        If there is no such device here.
    """
    if name == "auto":
        return torch.device(_best_device())
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ParameterError(
            f"device must be auto, cpu, cuda, cuda:1 ..., found {name!r}."
        ) from error
    there = {
        "cpu": True, "cuda": (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }  # fmt: skip
    if not there.get(device.type, False):
        raise ParameterError(f"There is no device {name!r} here. Choose auto or cpu.")
    return device


def _best_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _as_array(value: Tensor) -> NDArray[Any]:
    value = value.detach().cpu()
    if value.dtype == torch.bfloat16:  # numpy has no such type
        value = value.float()
    return np.array(value.numpy())
