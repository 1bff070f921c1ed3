"""HiMatch: texts and labels in one space, where wrong labels are ordered by their place.

Chen, Ma, Lin, Yan, "Hierarchy-aware Label Semantics Matching Network for Hierarchical Text
Classification" (ACL 2021):

    phi_t = MLP_t(flatten(H)),  H the node states of HiAGM-TP
    phi_l = MLP_l(G),           G = GCN_l(label descriptions)
    D(t, l) = |phi_t - phi_l|^2 / m
    L = BCE + mean D(t, gold) + mean max(0, D(t, parent) - dead zone / m)    (joint embedding)
            + mean max(0, D(t, gold) - D(t, sibling) + g1)                   (matching)
            + mean max(0, D(t, gold) - D(t, other) + g2)

Where points have length 1, margins are measured before the division by m, as the dead zone is:
g1 / m and g2 / m stand for g1 and g2. The authors' code divides distances alone. But on the unit
sphere D <= 4 / m, 0.02 for m = 200: margins of 0.1 and 0.2 are never reached, every hinge stays
open, and no margin matters. Where points are free, D grows as it must, and g1 and g2 stay.

The label side is a training aid: answers come from the text side, which is HiAGM-TP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from labeltree.nn.fusion import TextFeatures
from labeltree.nn.graph import LabelGraph
from labeltree.nn.head import GraphNetwork, HeadNetwork
from labeltree.nn.loss import bce
from labeltree.nn.roles import Draws, RoleSampler
from labeltree.nn.structure import States, Structure, added

if TYPE_CHECKING:
    from labeltree.nn.heads import MatchHead


class Margins(NamedTuple):
    """How much nearer a gold label must be than another, in distances divided by width."""

    coarse: float = 0.02
    """Its parent, where these are ranked."""
    sibling: float = 0.1
    other: float = 0.2


class Distances(NamedTuple):
    """From documents to what was drawn for them, each (batch, n_positives), divided by width."""

    positive: Tensor
    coarse: Tensor
    sibling: Tensor
    other: Tensor


def joint_loss(d: Distances, has_positive: Tensor, dead_zone: float) -> Tensor:
    """Return how far gold labels and their parents are; nearer than `dead_zone` is near enough."""
    return _mean(d.positive + (d.coarse - dead_zone).relu(), has_positive)


def matching_loss(
    d: Distances, comparable: Tensor, margins: Margins, *, rank_coarse: bool = False
) -> Tensor:
    """Return by how much wrong labels are nearer than the gold one plus their margin."""
    hinge = (d.positive - d.sibling + margins.sibling).relu()
    hinge = hinge + (d.positive - d.other + margins.other).relu()
    if rank_coarse:
        hinge = hinge + (d.positive - d.coarse + margins.coarse).relu()
    return _mean(hinge, comparable)


def _mean(x: Tensor, counted: Tensor) -> Tensor:
    return (x * counted).sum() / counted.sum().clamp_min(1)


class JointEmbedding(nn.Module):
    """A perceptron into the space of texts and labels, on the sphere if wanted."""

    def __init__(self, width: int, m: int, dropout: float, *, normalise: bool) -> None:
        super().__init__()
        self.perceptron = nn.Sequential(
            nn.Linear(width, m), nn.ReLU(), nn.Dropout(dropout), nn.Linear(m, m)
        )
        self.normalise = normalise

    def forward(self, x: Tensor) -> Tensor:
        """Return the points of x (..., width), (..., m)."""
        point: Tensor = self.perceptron(x)
        return nn.functional.normalize(point, dim=-1) if self.normalise else point


class LabelSide(nn.Module):
    """Labels in the joint space: descriptions, spread over the hierarchy, and a perceptron."""

    features: Tensor
    """Of each node, (n_nodes, width): described labels, and means of children for meta-labels."""
    seen: Tensor
    """Whether labels have been described."""

    def __init__(
        self, graph: LabelGraph, structure: Structure, embedding: JointEmbedding, width: int
    ) -> None:
        super().__init__()
        self.structure, self.embedding = structure, embedding
        # Part of the state: training that goes on where it stopped finds the same descriptions.
        self.register_buffer("features", torch.zeros(graph.n_nodes, width))
        self.register_buffer("seen", torch.tensor(data=False))
        nodes = torch.from_numpy(graph.node_of_label.astype("int64"))
        self.register_buffer("node_of_label", nodes, False)
        meta = np.ones(graph.n_nodes, bool)
        meta[graph.node_of_label] = False
        rising = (edges[:, meta[edges[0]]].astype(np.int64) for edges in graph.rising)
        self.steps = [torch.from_numpy(edges) for edges in rising if edges.size]

    @torch.no_grad()
    def see(self, labels: Tensor) -> None:
        """Take note of the descriptions of labels, (n_labels, width)."""
        found = torch.zeros_like(self.features)
        found[self.get_buffer("node_of_label")] = labels.detach().to(found)
        for edges in self.steps:
            parent, child = edges.to(found.device)
            sums = added(found[child], parent, len(found))
            size = torch.bincount(parent, minlength=len(found))[:, None]
            found = torch.where(size > 0, sums / size.clamp_min(1), found)
        self.features.copy_(found)
        self.seen.fill_(value=True)

    def forward(self) -> Tensor:
        """Return the points of all nodes, (n_nodes, m)."""
        states: States = self.structure(self.features[None])
        points: Tensor = self.embedding(states.nodes[0])
        return points


class MatchNetwork(HeadNetwork):
    """HiAGM-TP, and while training the label side with its two losses."""

    def __init__(self, options: MatchHead, graph: LabelGraph, text_width: int) -> None:
        super().__init__()
        self.text: GraphNetwork = options.text.build(graph, text_width)
        self.options = options
        scale = options.width if options.normalise else 1
        self.margins = Margins(*(margin / scale for margin in options.margins))
        self.labels: LabelSide | None = None
        if not options.matches:
            return  # HiAGM-TP, to the last bit
        self.text_repr, width = options.text_width(graph, text_width)
        self.sampler = RoleSampler(graph, options.n_positives)

        def embedding(width: int) -> JointEmbedding:
            return JointEmbedding(
                width, options.width, options.dropout, normalise=options.normalise
            )

        self.place: JointEmbedding | None = embedding(width)
        structure = options.structure.structure(graph, text_width)
        self.labels = LabelSide(graph, structure, embedding(text_width), text_width)

    def forward(self, text: TextFeatures) -> Tensor:
        """Return the text side's logits (batch, n_labels)."""
        logits: Tensor = self.text(text)
        return logits

    def misfit(self, text: TextFeatures, y: Tensor, only: Tensor | None = None) -> Tensor:
        """Return the binary cross entropy, and the losses of the joint space."""
        states = self.text.states(text)
        loss = bce(self.text.answered(states), y, only)
        if self.labels is None:
            return loss
        if not self.labels.seen:
            raise ValueError("Labels have no descriptions yet: call see_labels before training.")
        draws = self.sampler(y, only)
        d = self.distances(self._point(text, states), self.labels(), draws)
        options = self.options
        comparable = draws.has_positive & draws.has_negative
        joint = joint_loss(d, draws.has_positive, options.dead_zone / options.width)
        match = matching_loss(d, comparable, self.margins, rank_coarse=options.rank_coarse)
        return loss + options.joint * joint + options.match * match

    def distances(self, texts: Tensor, nodes: Tensor, draws: Draws) -> Distances:
        """Return squared distances by width, of points (batch, m) and (n_nodes, m)."""
        found = (((texts[:, None] - nodes[at]) ** 2).mean(-1) for at in draws[:4])
        return Distances(*found)

    def begin_at(self, logits: Tensor) -> None:
        """Let the text side's answers begin there."""
        self.text.begin_at(logits)

    def regularisation(self) -> Tensor:
        """Return the text side's."""
        return self.text.regularisation()

    def see_labels(self, features: Tensor) -> None:
        """Take note of encoded descriptions (n_labels, text_width)."""
        if self.labels is not None:
            self.labels.see(features)

    def drop_training_parts(self) -> None:
        """Keep the text side alone."""
        self.labels = self.place = None

    def _point(self, text: TextFeatures, states: States) -> Tensor:
        """Return texts in the joint space, (batch, m)."""
        assert self.place is not None
        seen = text.pooled
        if self.text_repr != "text":
            flat = self.text_repr == "flatten"
            seen = states.nodes.flatten(1) if flat else states.nodes.mean(1)
        points: Tensor = self.place(seen)
        return points
