"""A tree isomorphism network over a coding tree: the structure encoder of HiTIN.

Zhu et al., "HiTIN: Hierarchy-aware Tree Isomorphism Network for Hierarchical Text Classification"
(ACL 2023), section 4.3:

    H_i = MLP_i(sum over the children in layer i - 1 of H_{i-1})        layers 1 .. K

The coding tree is built once from the edges, without texts, names or counts.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from labeltree.grow.coding_tree import CodingTree, coding_tree
from labeltree.nn.graph import LabelGraph
from labeltree.nn.structure import States, added


class OnRows(nn.BatchNorm1d):
    """Batch normalisation over all but the last dimension."""

    def forward(self, x: Tensor) -> Tensor:
        """Return x (..., width) normalised; a single row has no variance: by those before."""
        rows = x.flatten(0, -2)
        if len(rows) > 1:
            return super().forward(rows).view_as(x)
        known = self.running_mean, self.running_var, self.weight, self.bias
        return nn.functional.batch_norm(rows, *known, eps=self.eps).view_as(x)


class TreeIsomorphism(nn.Module):
    """Sums of children and perceptrons, from the hierarchy's nodes up to one vector for all.

    Parameters
    ----------
    graph
        The hierarchy, or `tree`, a coding tree made of it.
    width
        Length of a feature vector.
    height
        Layers above the nodes.
    """

    def __init__(
        self, graph: LabelGraph, width: int, height: int = 2, tree: CodingTree | None = None
    ) -> None:
        super().__init__()
        tree = tree or coding_tree(graph.n_nodes, graph.edges, height)
        self.sizes = tree.sizes
        for layer, up in enumerate(tree.up):
            self.register_buffer(f"up{layer}", torch.from_numpy(up.astype("int64")), False)
            module = torch.from_numpy(tree.modules(layer + 1).astype("int64"))
            self.register_buffer(f"module{layer}", module, False)
        self.perceptrons = nn.ModuleList(
            nn.Sequential(
                nn.Linear(width, width), OnRows(width), nn.ReLU(), nn.Linear(width, width),
                OnRows(width), nn.ReLU(),
            )
            for _ in tree.up
        )  # fmt: skip

    def forward(self, x: Tensor) -> States:
        """Return the states of node features x (batch, n_nodes, width).

        A node's own state is its feature plus those of the modules above it, so that readouts which
        know nodes only can be used as well.
        """
        layers, nodes = [x], x
        for layer, perceptron in enumerate(self.perceptrons):
            below = self.get_buffer(f"up{layer}")
            layers.append(perceptron(added(layers[-1], below, self.sizes[layer + 1])))
            nodes = nodes + layers[-1][..., self.get_buffer(f"module{layer}"), :]
        return States(nodes, tuple(layers))
