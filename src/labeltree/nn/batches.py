"""Which documents go together, and what they should be answered with."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from labeltree.core.arrays import CSR, Ints, Longs, entries_of
from labeltree.core.seeds import derived

if TYPE_CHECKING:
    from labeltree.nn.documents import Documents

BUCKET = 50
"""Batches whose documents are sorted by length together. Random enough for training; in a batch of
documents of like length little is padding."""


class TrainingData(NamedTuple):
    """Documents and their labels."""

    documents: Documents
    Y: CSR
    """Binary, (n_samples, n_labels)."""


def log_odds(Y: CSR) -> Tensor:
    """Return log(n_l / (n - n_l)) of labels on n_l of n documents, half a document added to both.

    (n_labels,) of Y (n_samples, n_labels), binary.
    """
    count = np.bincount(Y.indices, minlength=Y.shape[1]).astype(np.float32)
    return torch.from_numpy(np.log((count + 0.5) / (Y.shape[0] - count + 0.5)))


def batches(lengths: Ints, batch_size: int, seed: int, epoch: int) -> list[Longs]:
    """Return the rows of each batch of an epoch: documents of like length, batches in any order.

    Parameters
    ----------
    lengths
        Of the documents, in tokens, (n_samples,).
    batch_size
        Documents of a step, if several batches make one.
    seed, epoch
        The same two give the same batches.
    """
    rng = np.random.default_rng(int(derived(seed, epoch)))
    drawn = rng.permutation(len(lengths))
    bucket = np.arange(len(lengths)) // (BUCKET * batch_size)
    cut = _cut(drawn[np.lexsort((lengths[drawn], bucket))], batch_size)
    return [cut[i] for i in rng.permutation(len(cut)).tolist()]


def longest_first(lengths: Ints, batch_size: int) -> list[Longs]:
    """Return the rows of each batch where order does not matter: what is too long fails at once."""
    return _cut(np.argsort(-lengths.astype(np.int64), kind="stable"), batch_size)


def shared_out(
    step: Longs, batch_size: int, rank: int = 0, n_processes: int = 1
) -> list[tuple[Longs, float]]:
    """Return the batches of a step for one of several processes, each with its weight.

    The weighted losses of a process added up, and these averaged over processes, as gradients are:
    that is the mean over all documents of the step. A process without a batch takes the first one,
    and gives it no weight, for all must take part in every step.
    """
    cut = _cut(step, batch_size)
    own = [(rows, n_processes * len(rows) / len(step)) for rows in cut[rank::n_processes]]
    return own or [(cut[0], 0.0)]


def dense_targets(Y: CSR, rows: Longs, device: torch.device) -> Tensor:
    """Return rows of Y as a dense matrix (n_rows, n_labels), filled where it is needed."""
    row, column = entries_of(Y, rows)
    y = torch.zeros((len(rows), Y.shape[1]), device=device)
    if len(row):
        at = torch.from_numpy(row * Y.shape[1] + column).to(device, non_blocking=True)
        y.view(-1)[at] = 1.0
    return y


def _cut(rows: Longs, batch_size: int) -> list[Longs]:
    return [rows[i : i + batch_size] for i in range(0, len(rows), batch_size)]
