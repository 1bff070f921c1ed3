"""The best labels of many documents, batch by batch: never documents x labels at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from scipy.special import expit
from torch import Tensor

from labeltree.core.arrays import CSR, Bools, Floats, Ints, Longs
from labeltree.core.dag import closure, parent_csr
from labeltree.core.scores import from_ranking
from labeltree.metrics.thresholds import fit_global_threshold
from labeltree.nn.batches import TrainingData, dense_targets, longest_first
from labeltree.nn.fusion import TextFeatures
from labeltree.nn.graph import LabelGraph
from labeltree.nn.network import Network

if TYPE_CHECKING:
    from labeltree.nn.documents import Documents

RANKED = 100
"""Labels that are kept of a validation document, or the most labels of one if that is more."""


class Order(NamedTuple):
    """Which labels are answered, and which comes first of two with the same score."""

    columns: Longs
    """Labels that may be answered, ancestors before descendants, (n_columns,)."""
    spare: int
    """The most ancestors that one of them has: so many may have the same score as it."""
    n_labels: int
    """All labels, (n_labels,) columns of an answer."""

    @classmethod
    def of(cls, graph: LabelGraph, seen: Bools) -> Order:
        """Return the order of a hierarchy's labels, those not seen (n_labels,) left out."""
        arcs = graph.edges.T.astype(np.int64) + 1  # node 0 is the root
        ptr, idx = parent_csr(arcs, graph.n_nodes + 1)
        above = closure(ptr, idx, np.concatenate([[0], graph.level + 1]).astype(np.int32))
        n_above = np.diff(above.indptr)[graph.node_of_label + 1] - 1  # without the root
        columns = np.lexsort((np.arange(len(n_above)), n_above))
        columns = columns[seen[columns]]
        return cls(columns, int(n_above[columns].max(initial=0)), graph.n_labels)


def read_batches(
    network: Network, documents: Documents, batch_size: int, only: Longs | None = None
) -> Iterator[tuple[Longs, TextFeatures]]:
    """Yield (rows, what the encoder makes of them), the longest documents first; of all or some."""
    among = np.arange(len(documents)) if only is None else only
    for at in longest_first(documents.lengths[among], batch_size):
        rows = among[at]
        yield rows, network.read(documents.batch(rows).to(network.device))


def ranking(network: Network, documents: Documents, k: int, order: Order, batch_size: int) -> CSR:
    """Return scores (n_samples, n_labels): the k best labels of each document.

    A score is the logistic function of what the head answers.
    """
    with torch.inference_mode():
        found = _Found(len(documents), k, order)
        for rows, text in read_batches(network, documents, batch_size):
            found.take(rows, network.head.answer(text))
    return found.scores()


def validated(
    network: Network, data: TrainingData, order: Order, batch_size: int
) -> tuple[float, float]:
    """Return (micro-F1 at the best single cut, mean loss)."""
    most = int(np.diff(data.Y.indptr).max(initial=0))
    total = torch.zeros((), device=network.device)
    with torch.inference_mode():
        found = _Found(len(data.documents), max(RANKED, most), order)
        for rows, text in read_batches(network, data.documents, batch_size):
            found.take(rows, network.head.answer(text))
            y = dense_targets(data.Y, rows, network.device)
            total += network.head.loss(text, y) * len(rows)
    loss = float(total) / len(data.documents)
    if not np.isfinite(loss):
        return float("nan"), loss
    return fit_global_threshold(data.Y, found.scores(), "validation").f1, loss


class _Found:
    """The best labels of each document, filled in batch by batch."""

    def __init__(self, n_samples: int, k: int, order: Order) -> None:
        self.order, self.k = order, min(k, len(order.columns))
        self.labels: Ints = np.full((n_samples, self.k), -1, np.int32)
        self.logits: Floats = np.zeros((n_samples, self.k), np.float32)
        self.columns: Tensor | None = None

    def take(self, rows: Longs, z: Tensor) -> None:
        """Keep the best of the answers z (n_rows, n_labels)."""
        if self.columns is None:
            self.columns = torch.from_numpy(self.order.columns).to(z.device)
        # Equal scores: a label never goes before its ancestors, whatever topk does with them.
        n = min(self.k + self.order.spare, len(self.columns))
        place = z.index_select(1, self.columns).topk(n, sorted=False).indices.sort().values
        column = self.columns[place]
        logit, by_score = z.gather(1, column).sort(descending=True, stable=True)
        self.labels[rows] = column.gather(1, by_score[:, : self.k]).cpu().numpy()
        self.logits[rows] = logit[:, : self.k].float().cpu().numpy()

    def scores(self) -> CSR:
        """Return the scores (n_samples, n_labels)."""
        return from_ranking(self.labels, expit(self.logits.astype(np.float64)), self.order.n_labels)
