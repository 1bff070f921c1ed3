"""What networks are trained by: parts of a loss that can be added up."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from labeltree.nn.graph import LabelGraph


def columns(x: Tensor, only: Tensor | None) -> Tensor:
    """Return the columns `only` of x (batch, n_labels), or all."""
    return x if only is None else x.index_select(1, only)


def bce(z: Tensor, y: Tensor, only: Tensor | None = None) -> Tensor:
    """Return the binary cross entropy of logits z and targets y (batch, n_labels), their mean.

    `only` are the columns that count.
    """
    return F.binary_cross_entropy_with_logits(columns(z, only), columns(y, only))


def chunked_bce(x: Tensor, linear: nn.Linear, y: Tensor, chunk: int) -> Tensor:
    """Return the binary cross entropy of the logits of a linear layer, never holding all of them.

        sum over labels l of  softplus(z_l) - y_l z_l,      z = W x + b

    Logits of `chunk` labels at a time are computed, and once more when gradients are: value and
    gradient are those of `bce`.

    Parameters
    ----------
    x
        What the layer reads, (batch, width).
    y
        (batch, n_labels)
    """
    total = x.new_zeros(())
    for low in range(0, y.shape[1], chunk):
        part = slice(low, low + chunk)
        args = x, linear.weight[part], linear.bias[part], y[:, part]
        total = total + checkpoint(_bce_sum, *args, use_reentrant=False)
    return total / y.numel()


def _bce_sum(x: Tensor, weight: Tensor, bias: Tensor, y: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(F.linear(x, weight, bias), y, reduction="sum")


def focal(z: Tensor, y: Tensor, only: Tensor | None = None, gamma: float = 2.0) -> Tensor:
    """Return the focal loss of logits z and targets y (batch, n_labels), their mean.

    Lin et al., "Focal Loss for Dense Object Detection" (ICCV 2017), eq. 4: cross entropy times
    (1 - p)^gamma, p the probability of what is right: what is easy already counts less.
    """
    z, y = columns(z, only), columns(y, only)
    cross = F.binary_cross_entropy_with_logits(z, y, reduction="none")
    return ((-torch.expm1(-cross)) ** gamma * cross).mean()


class RecursiveRegularisation(nn.Module):
    """Children's weights stay close to their parents'.

    Gopal, Yang, "Recursive regularization for large-scale classification with hierarchical and
    graphical dependencies" (KDD 2013):  R(W) = 1/2 sum over edges (p, c) of |w_p - w_c|^2.
    """

    edges: Tensor
    """(2, n): columns of parents and children."""

    def __init__(self, graph: LabelGraph) -> None:
        super().__init__()
        self.register_buffer("edges", torch.from_numpy(graph.label_edges.astype("int64")), False)

    def forward(self, matrices: list[Tensor]) -> Tensor:
        """Return R, summed over matrices (n_labels, any)."""
        parent, child = self.edges
        parts = [((W[parent] - W[child]) ** 2).sum() / 2 for W in matrices]
        return torch.stack(parts).sum()


class Violation(nn.Module):
    """Mean over documents of the sum over edges of max(0, p_child - p_parent)^2 (HMCN, eq. 10)."""

    edges: Tensor
    """(2, n): columns of parents and children."""

    def __init__(self, graph: LabelGraph) -> None:
        super().__init__()
        self.register_buffer("edges", torch.from_numpy(graph.label_edges.astype("int64")), False)

    def forward(self, p: Tensor, only: Tensor | None = None) -> Tensor:
        """Return the penalty of probabilities p (batch, n_labels), of edges between `only`."""
        parent, child = self.edges
        if only is not None:
            parent, child = self.edges[:, torch.isin(self.edges, only).all(0)]
        return ((p[:, child] - p[:, parent]).relu() ** 2).sum(1).mean()
