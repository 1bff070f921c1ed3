"""Heads as parameters: what a model is configured with, and builds once it knows the labels.

Importing this needs no torch; building does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol

from labeltree.core.params import Params, at_least, choice, several, whole, within
from labeltree.nn.graph_parts import (
    LIMIT,
    Convolution,
    Flatten,
    FusionPart,
    Projection,
    ReadoutPart,
    StructurePart,
    fits,
)

if TYPE_CHECKING:
    from labeltree.nn.graph import LabelGraph
    from labeltree.nn.head import GraphNetwork, HeadNetwork


class Head(Protocol):
    """From texts to answers."""

    @property
    def closes(self) -> bool:
        """Whether training needs label sets with all their ancestors."""

    @property
    def refresh_labels(self) -> int:
        """After how many steps labels are described anew; 0: never."""

    @property
    def refresh_share(self) -> float:
        """How many of the labels then, from 0 to 1."""

    def build(self, graph: LabelGraph, text_width: int) -> HeadNetwork:
        """Return the network, with fresh weights, for texts of this width."""


@dataclass
class FlatHead(Params):
    """A linear layer, or a perceptron, for all labels."""

    closes: ClassVar[bool] = False
    refresh_labels: ClassVar[int] = 0
    refresh_share: ClassVar[float] = 1.0

    dropout: float = within(0, 1, 0.1)
    """Before each layer."""
    layers: int = whole(0, 0)
    """Hidden layers."""
    hidden: int = whole(1, 512)
    """Width of a hidden layer."""
    chunk: int = whole(0, 65_536)
    """Labels whose logits are held at a time while training; 0: all."""

    def build(self, graph: LabelGraph, text_width: int) -> HeadNetwork:
        """Return the network, with fresh weights, for texts of this width."""
        from labeltree.nn.head import FlatNetwork

        hidden = (self.hidden,) * self.layers
        return FlatNetwork(graph.n_labels, text_width, self.dropout, hidden, self.chunk)


@dataclass
class GraphHead(Params):
    """Texts meet labels, the hierarchy spreads it, labels answer: HiAGM, HiTIN, GAT, your own."""

    closes: ClassVar[bool] = False
    refresh_labels: ClassVar[int] = 0
    refresh_share: ClassVar[float] = 1.0

    fusion: FusionPart = field(default_factory=Projection)
    """Where texts meet labels: `projection`, `replicate` or `attention`."""
    structure: StructurePart = field(default_factory=Convolution)
    """How labels hear from their neighbours: `convolution`, `tree_lstm`, `graph_attention`,
    `kipf_gcn`, `isomorphism_tree` or `no_structure`."""
    readout: ReadoutPart = field(default_factory=Flatten)
    """How nodes answer: `flatten`, `label_wise`, `neighbourhood` or `layer_wise`."""
    width: int = whole(0, 300)
    """Length of a node's features; 0: as long as a text's."""
    recursive: float = at_least(0, 1e-6)
    """Weight of the recursive regularisation: labels' weights are drawn to their parents'."""
    logit_dropout: float = within(0, 1, 0.0)
    """Of answers while training: those dropped count as undecided, a logit of 0."""

    def build(self, graph: LabelGraph, text_width: int) -> GraphNetwork:
        """Return the network, with fresh weights, for texts of this width."""
        from labeltree.nn.head import GraphNetwork

        width = self.width or text_width
        fusion = self.fusion.fusion(graph, text_width, width)
        structure = self.structure.structure(graph, width)
        readout = self.readout.readout(graph, width, self.structure.n_layers())
        return GraphNetwork(graph, fusion, structure, readout, self.recursive, self.logit_dropout)


@dataclass
class HmcnHead(Params):
    """A chain of layers, one for each level, with local answers and global ones (HMCN)."""

    refresh_labels: ClassVar[int] = 0
    refresh_share: ClassVar[float] = 1.0

    kind: str = choice("f", ("f", "r"))
    """`f`: each level has weights of its own; `r`: one recurrent cell for all."""
    width: int = whole(1, 384)
    """Of each layer."""
    dropout: float = within(0, 1, 0.6)
    """After each layer."""
    beta: float = within(0, 1, 0.5)
    """Share of local answers in the mix."""
    mix: str = choice("probabilities", ("probabilities", "logits"))
    """What is mixed; some implementations mix logits."""
    local: float = at_least(0, 1.0)
    """Weight of the levels' losses."""
    overall: float = at_least(0, 1.0)
    """Weight of the global loss."""
    violation: float = at_least(0, 0.1)
    """Weight of the penalty for children more probable than their parents."""
    levels: str = choice("equal", ("equal", "size", "learned"))
    """What levels weigh among each other: the same, by their labels, or learned."""
    global_loss: str = choice("bce", ("bce", "max_constraint", "focal"))
    """What global answers are trained by."""

    @property
    def closes(self) -> bool:
        """Whether training needs label sets with all their ancestors."""
        return self.global_loss == "max_constraint"

    def build(self, graph: LabelGraph, text_width: int) -> HeadNetwork:
        """Return the network, with fresh weights, for texts of this width."""
        from labeltree.nn.hmcn import HmcnNetwork

        return HmcnNetwork(self, graph, text_width)


@dataclass
class MatchHead(Params):
    """HiAGM-TP, trained to match texts with descriptions of their labels too (HiMatch)."""

    closes: ClassVar[bool] = False

    text: GraphHead = field(default_factory=lambda: GraphHead(recursive=0.0))
    """The head that answers."""
    structure: StructurePart = field(default_factory=Convolution)
    """How labels' descriptions hear from their neighbours."""
    width: int = whole(1, 200)
    """Of the space that texts and labels share."""
    dropout: float = within(0, 1, 0.1)
    """On the way into that space."""
    normalise: bool = True
    """Whether its points have length 1."""
    n_positives: int = whole(1, 1)
    """Labels of a document that are drawn for comparison each time."""
    joint: float = at_least(0, 1.0)
    """Weight of the distance to gold labels and their parents."""
    match: float = at_least(0, 1.0)
    """Weight of the ranking of gold labels before siblings and others."""
    margins: Sequence[float] = several(0, (0.02, 0.1, 0.2))
    """How much nearer a gold label must be than its parent, than a sibling, than another: in
    squared distance where points have length 1, else in squared distance / `width`."""
    dead_zone: float = at_least(0, 0.01)
    """Squared distance at which a parent is near enough."""
    rank_coarse: bool = False
    """Whether gold labels are ranked before their parents too."""
    refresh: int = whole(1, 50)
    """After how many steps labels are described anew."""
    refresh_share: float = within(0, 1, 1.0)
    """How many of them each time, drawn at random; all the first time."""
    text_repr: str = choice("flatten", ("flatten", "nodes", "text"))
    """A text in the shared space: by all node states, by their mean, or by the encoder's vector."""
    max_weights: int = whole(0, LIMIT)
    """With more in the first layer of `flatten`, `nodes`."""

    @property
    def matches(self) -> bool:
        """Whether there is anything but the head that answers."""
        return bool(self.joint or self.match)

    @property
    def refresh_labels(self) -> int:
        """After how many steps labels are described anew; 0: never, as nothing looks at them."""
        return self.refresh if self.matches else 0

    def text_width(self, graph: LabelGraph, text_width: int) -> tuple[str, int]:
        """Return by what a text is represented in the shared space, and its width."""
        if self.text_repr == "text":
            return "text", text_width
        width = self.text.width or text_width
        flat = graph.n_nodes * width
        if self.text_repr == "flatten" and fits(
            self, flat * self.width, self.max_weights, "the mean of node states"
        ):
            return "flatten", flat
        return "nodes", width

    def build(self, graph: LabelGraph, text_width: int) -> HeadNetwork:
        """Return the network, with fresh weights, for texts of this width."""
        from labeltree.nn.matching import MatchNetwork

        return MatchNetwork(self, graph, text_width)
