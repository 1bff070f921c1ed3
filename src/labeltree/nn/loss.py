"""What networks are trained by: parts of a loss that can be added up."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from labeltree.nn.graph import LabelGraph


def bce(z: Tensor, y: Tensor) -> Tensor:
    """Return the binary cross entropy of logits z and targets y (batch, n_labels), their mean."""
    return F.binary_cross_entropy_with_logits(z, y)


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

    def forward(self, p: Tensor) -> Tensor:
        """Return the penalty of probabilities p (batch, n_labels)."""
        parent, child = self.edges
        return ((p[:, child] - p[:, parent]).relu() ** 2).sum(1).mean()
