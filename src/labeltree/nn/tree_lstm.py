"""A TreeLSTM up and down the hierarchy, level by level."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from labeltree.core.arrays import Floats, Ints, Longs
from labeltree.nn.graph import LabelGraph
from labeltree.nn.structure import States, added


class _Way(nn.Module):
    """Child-sum TreeLSTM cells (Tai, Socher, Manning, ACL 2015) along the edges, one way.

        s = sum_j a_j h_j       i, o = sigmoid(W x + U s)       u = tanh(W x + U s)
        f_j = sigmoid(F x + G a_j h_j)      c = i u + sum_j f_j a_j c_j      h = o tanh(c)

    over the nodes j that node k hears from; a_j is a number for each edge.
    """

    source: Tensor
    """Where each edge comes from, (n_edges,)."""

    def __init__(self, rank: Ints, edges: Ints, weight: Floats, width: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.weight = nn.Parameter(torch.from_numpy(weight.copy()))
        self.own, self.heard = nn.Linear(width, 3 * hidden), nn.Linear(hidden, 3 * hidden, False)
        self.forget_own = nn.Linear(width, hidden)
        self.forget_heard = nn.Linear(hidden, hidden, bias=False)
        self.steps = 0
        for nodes, arcs, place in _by_rank(rank, edges):
            for name, values in (("nodes", nodes), ("arcs", arcs), ("place", place)):
                self.register_buffer(f"{name}{self.steps}", torch.from_numpy(values), False)
            self.steps += 1
        self.register_buffer("source", torch.from_numpy(edges[0].astype(np.int64)), False)

    def forward(self, x: Tensor) -> Tensor:
        """Return h of each node: (batch, n_nodes, width) -> (batch, n_nodes, hidden)."""
        h = x.new_zeros((*x.shape[:-1], self.hidden))
        c = torch.zeros_like(h)
        own, forget = self.own(x), self.forget_own(x)
        for step in range(self.steps):
            nodes, arcs, place = (
                self.get_buffer(f"{name}{step}") for name in ("nodes", "arcs", "place")
            )
            weight, source = self.weight[arcs][:, None], self.source[arcs]
            h_in, c_in = weight * h[..., source, :], weight * c[..., source, :]
            kept = (forget[..., nodes[place], :] + self.forget_heard(h_in)).sigmoid() * c_in
            gates = own[..., nodes, :] + self.heard(added(h_in, place, len(nodes)))
            i, o, u = gates.chunk(3, -1)
            c_new = i.sigmoid() * u.tanh() + added(kept, place, len(nodes))
            c = c.index_copy(-2, nodes, c_new)
            h = h.index_copy(-2, nodes, o.sigmoid() * c_new.tanh())
        return h


def _by_rank(rank: Ints, edges: Ints) -> Iterator[tuple[Longs, Longs, Longs]]:
    """Yield (nodes of a rank, the edges into them, which of the nodes each edge enters)."""
    place = np.zeros(len(rank), np.int64)
    for r in range(int(rank.max(initial=-1)) + 1):
        nodes = np.flatnonzero(rank == r)
        place[nodes] = np.arange(len(nodes))
        arcs = np.flatnonzero(rank[edges[1]] == r)
        yield nodes.astype(np.int64), arcs.astype(np.int64), place[edges[1][arcs]]


class LevelTreeLSTM(nn.Module):
    """Both ways of a TreeLSTM side by side, half the width each.

    Zhou et al., HiAGM (ACL 2020), section 3.2, bidirectional Tree-LSTM. Up, the weight of an edge
    is 1 at first; down, the prior. A node with several parents hears from all of them. All nodes
    of a height (up) or a level (down) are computed at once.
    """

    def __init__(self, graph: LabelGraph, width: int, dropout: float = 0.05) -> None:
        super().__init__()
        parent, child = graph.edges
        half = width // 2
        ones = np.ones(len(parent), np.float32)
        up, down = np.stack([child, parent]), np.stack([parent, child])
        self.up = _Way(graph.height, up, ones, width, half)
        self.down = _Way(graph.level, down, graph.prior, width, width - half)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> States:
        """Return the states of node features x (batch, n_nodes, width)."""
        ways = [self.dropout(way(x)) for way in (self.up, self.down)]
        return States.of_nodes(torch.cat(ways, -1))
