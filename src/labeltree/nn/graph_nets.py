"""Graph attention and graph convolution over the hierarchy, from PyTorch Geometric."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from labeltree.nn.encoder import require_torch
from labeltree.nn.graph import LabelGraph
from labeltree.nn.structure import States


def both_ways(graph: LabelGraph) -> tuple[Tensor, Tensor]:
    """Return edges up, down and from each node to itself, (2, n), and their kind 0, 1, 2, (n,)."""
    edges = torch.from_numpy(graph.edges.astype("int64"))
    own = torch.arange(graph.n_nodes).expand(2, -1)
    kinds = [torch.full((e.shape[1],), kind) for kind, e in enumerate((edges, edges, own))]
    return torch.cat([edges.flip(0), edges, own], 1), torch.cat(kinds)


def batched(edges: Tensor, n_nodes: int, n_graphs: int) -> Tensor:
    """Return the edges of so many copies of a graph, numbered one after the other."""
    start = n_nodes * torch.arange(n_graphs, device=edges.device)
    return (edges[:, None, :] + start[None, :, None]).flatten(1)


class Gat(nn.Module):
    """Attention over neighbours, with the kind of an edge (up, down, self) as its feature.

    Velickovic et al., "Graph Attention Networks" (ICLR 2018), in the form of Brody, Alon, Yahav,
    "How Attentive are Graph Attention Networks?" (ICLR 2022). ELU, and what comes in is added.

    Parameters
    ----------
    graph
        The hierarchy.
    width
        Length of a feature vector, a multiple of `heads`.
    n_layers
        One after the other.
    """

    edges: Tensor
    """(2, n)"""
    kind: Tensor
    """One-hot, (n, 3)."""

    def __init__(self, graph: LabelGraph, width: int, heads: int = 4, n_layers: int = 1) -> None:
        require_torch("torch_geometric")
        from torch_geometric.nn import GATv2Conv

        super().__init__()
        edges, kind = both_ways(graph)
        self.register_buffer("edges", edges, False)
        self.register_buffer("kind", nn.functional.one_hot(kind, 3).float(), False)
        self.layers = nn.ModuleList(
            GATv2Conv(width, width // heads, heads, edge_dim=3, add_self_loops=False)
            for _ in range(n_layers)
        )

    def forward(self, x: Tensor) -> States:
        """Return the states of node features x (batch, n_nodes, width)."""
        n_graphs, n_nodes, _ = x.shape
        edges, kind = batched(self.edges, n_nodes, n_graphs), self.kind.repeat(n_graphs, 1)
        nodes = x.flatten(0, 1)
        for layer in self.layers:
            nodes = nodes + nn.functional.elu(layer(nodes, edges, kind))
        return States.of_nodes(nodes.view_as(x))


class Gcn(nn.Module):
    """Kipf, Welling, "Semi-Supervised Classification with Graph Convolutional Networks" (2017).

    What HiAGM's convolution is not: no gates, normalised by degrees, a matrix between features.
    """

    edges: Tensor
    """(2, n)"""

    def __init__(self, graph: LabelGraph, width: int, n_layers: int = 1) -> None:
        require_torch("torch_geometric")
        from torch_geometric.nn import GCNConv

        super().__init__()
        edges, kind = both_ways(graph)
        self.register_buffer("edges", edges[:, kind < 2], False)
        self.layers = nn.ModuleList(GCNConv(width, width) for _ in range(n_layers))

    def forward(self, x: Tensor) -> States:
        """Return the states of node features x (batch, n_nodes, width)."""
        n_graphs, n_nodes, _ = x.shape
        edges, nodes = batched(self.edges, n_nodes, n_graphs), x.flatten(0, 1)
        for layer in self.layers:
            nodes = torch.relu(layer(nodes, edges))
        return States.of_nodes(nodes.view_as(x))
