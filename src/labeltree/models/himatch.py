"""HiMatch: HiAGM-TP, trained to match texts with descriptions of their labels too.

Chen, Ma, Lin, Yan, "Hierarchy-aware Label Semantics Matching Network for Hierarchical Text
Classification" (ACL 2021):

    D(t, l) = |phi_t(text) - phi_l(label)|^2 / m        both through a hierarchy-GCN of their own
    L = BCE + mean D(t, gold) + mean max(0, D(t, parent) - 0.01 / m)
            + mean max(0, D(t, gold) - D(t, sibling) + 0.1 / m)
            + mean max(0, D(t, gold) - D(t, other) + 0.2 / m)

Margins are divided by m as distances are, where points have length 1. The authors' code leaves them
as they are: 0.1 and 0.2, which D <= 4 / m = 0.02 never reaches, so that they change nothing. With
`--normalise false` points are free, D can be as large as it must, and margins stay as they are.

Labels are described by the words of their training documents, which the text encoder reads anew
every 50 steps. Answers come from the text side alone: at test time this is HiAGM-TP.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from labeltree.core.params import at_least, choice, several, whole, within
from labeltree.nn.graph_parts import Convolution, Flatten, Projection, ReadoutPart, StructurePart
from labeltree.nn.heads import GraphHead, Head, MatchHead
from labeltree.nn.model import NeuralModel

__all__ = ["Himatch"]


@dataclass(eq=False)
class Himatch(NeuralModel):
    """Text propagation, and a space in which texts are near their labels."""

    structure: StructurePart = field(default_factory=Convolution)
    """How labels hear from their neighbours, on the text side and on the label side."""
    readout: ReadoutPart = field(default_factory=Flatten)
    """`flatten`: each label sees all nodes; `label_wise`: its own, for large hierarchies;
    `neighbourhood`: its own, its parents' and its children's."""
    width: int = whole(1, 300)
    """Length of a node's features."""
    dropout: float = within(0, 1, 0.1)
    """Of the labels' views of a text, and on the way into the joint space."""
    joint_width: int = whole(1, 200)
    """m, of the joint space."""
    normalise: bool = True
    """Whether points of the joint space have length 1."""
    text_repr: str = choice("flatten", ("flatten", "nodes", "text"))
    """A text in the joint space: by all node states, their mean, or the encoder's vector."""
    joint: float = at_least(0, 1.0)
    """Weight of the distance to gold labels and their parents."""
    match: float = at_least(0, 1.0)
    """Weight of the ranking of gold labels before siblings and others."""
    n_positives: int = whole(1, 1)
    """Labels of a document that are drawn for comparison each time."""
    margins: Sequence[float] = several(0, (0.02, 0.1, 0.2))
    """How much nearer a gold label must be than its parent, than a sibling, than another: in
    squared distance where points have length 1, else in squared distance / `joint_width`."""
    dead_zone: float = at_least(0, 0.01)
    """Squared distance at which a parent is near enough."""
    rank_coarse: bool = False
    """Whether gold labels are ranked before their parents too, as the paper's text has it."""
    refresh_labels: int = whole(1, 50)
    """After how many steps labels are described anew."""
    refresh_share: float = within(0, 1, 1.0)
    """How many of them each time, drawn at random: with tens of thousands of labels, few."""
    recursive: float = at_least(0, 0.0)
    """Weight of the recursive regularisation."""
    logit_dropout: float = within(0, 1, 0.0)
    """Of answers while training; the authors' code has 0.5 for word vectors."""

    def head(self) -> Head:
        """Return what answers."""
        projection = Projection(dropout=self.dropout)
        return MatchHead(
            GraphHead(
                projection, self.structure, self.readout, self.width, self.recursive,
                self.logit_dropout,
            ),
            structure=self.structure, width=self.joint_width, dropout=self.dropout,
            normalise=self.normalise, n_positives=self.n_positives, joint=self.joint,
            match=self.match, margins=self.margins, dead_zone=self.dead_zone,
            rank_coarse=self.rank_coarse, refresh=self.refresh_labels,
            refresh_share=self.refresh_share, text_repr=self.text_repr,
        )  # fmt: skip
