"""Heads as parameters: what a model is configured with, and builds once it knows the labels.

Importing this needs no torch; building does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol

from labeltree.core.errors import ParameterError
from labeltree.core.params import Params, at_least, choice, whole, within
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

    def build(self, graph: LabelGraph, text_width: int) -> HeadNetwork:
        """Return the network, with fresh weights, for texts of this width."""


@dataclass
class FlatHead(Params):
    """A linear layer, or a perceptron, for all labels."""

    closes: ClassVar[bool] = False
    refresh_labels: ClassVar[int] = 0

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
class _Wrapper(Params):
    """What heads around another head have in common."""

    base: Head = field(default_factory=FlatHead)
    """The head inside."""

    @property
    def closes(self) -> bool:
        """Whether training needs label sets with all their ancestors."""
        return self.base.closes

    @property
    def refresh_labels(self) -> int:
        """After how many steps labels are described anew; 0: never."""
        return self.base.refresh_labels


@dataclass
class McmHead(_Wrapper):
    """Any head made coherent: no label is more probable than its parents (C-HMCNN)."""

    train: str = choice("max_constraint", ("max_constraint", "base"))
    """The loss: the max constraint loss, or the base's own; then only answers are changed."""

    @property
    def closes(self) -> bool:
        """Whether training needs label sets with all their ancestors."""
        return self.train == "max_constraint" or self.base.closes

    def build(self, graph: LabelGraph, text_width: int) -> HeadNetwork:
        """Return the network, with fresh weights, for texts of this width."""
        from labeltree.nn.head import CoherentNetwork

        base = self.base.build(graph, text_width)
        return CoherentNetwork(base, graph, constrained=self.train == "max_constraint")


@dataclass
class GraphHead(Params):
    """Texts meet labels, the hierarchy spreads it, labels answer: HiAGM, HiTIN, GAT, your own."""

    closes: ClassVar[bool] = False
    refresh_labels: ClassVar[int] = 0

    fusion: FusionPart = field(default_factory=Projection)
    """Where texts meet labels: `projection`, `replicate` or `attention`."""
    structure: StructurePart = field(default_factory=Convolution)
    """How labels hear from their neighbours: `convolution`, `tree_lstm`, `graph_attention`,
    `kipf_gcn`, `isomorphism_tree` or `no_structure`."""
    readout: ReadoutPart = field(default_factory=Flatten)
    """How nodes answer: `flatten`, `label_wise` or `layer_wise`."""
    width: int = whole(0, 300)
    """Length of a node's features; 0: as long as a text's."""
    recursive: float = at_least(0, 1e-6)
    """Weight of the recursive regularisation: labels' weights are drawn to their parents'."""

    def build(self, graph: LabelGraph, text_width: int) -> GraphNetwork:
        """Return the network, with fresh weights, for texts of this width."""
        from labeltree.nn.head import GraphNetwork

        width = self.width or text_width
        fusion = self.fusion.fusion(graph, text_width, width)
        structure = self.structure.structure(graph, width)
        readout = self.readout.readout(graph, width, self.structure.n_layers())
        return GraphNetwork(graph, fusion, structure, readout, self.recursive)


@dataclass
class HmcnHead(Params):
    """A chain of layers, one for each level, with local answers and global ones (HMCN)."""

    refresh_labels: ClassVar[int] = 0

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
    margins: Sequence[float] = (0.02, 0.1, 0.2)
    """How much nearer a gold label must be than its parent, than a sibling, than another."""
    dead_zone: float = at_least(0, 0.01)
    """Squared distance at which a parent is near enough."""
    rank_coarse: bool = False
    """Whether gold labels are ranked before their parents too."""
    refresh_labels: int = whole(1, 50)
    """After how many steps labels are described anew."""
    text_repr: str = choice("flatten", ("flatten", "nodes", "text"))
    """A text in the shared space: by all node states, by their mean, or by the encoder's vector."""
    max_weights: int = whole(0, LIMIT)
    """With more in the first layer of `flatten`, `nodes`."""

    def check(self) -> None:
        """Compare each field with what was declared beside it; three margins."""
        super().check()
        if len(self.margins) != 3:
            raise ParameterError(
                f"MatchHead: margins must be three, of parent, sibling and other, found"
                f" {tuple(self.margins)}."
            )

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


@dataclass
class HimtlHead(_Wrapper):
    """One head for each branch of the root, of any kind (HiMTL)."""

    base: Head = field(default_factory=GraphHead)
    """The head of each branch."""
    layout: str = choice("projection", ("projection", "masking"))
    """`projection`: heads of a branch's nodes and labels; `masking`: whole heads, whose answers to
    other branches' labels do not count."""
    combine: str = choice("max", ("max", "mean", "sum", "logit_mean"))
    """What labels of several branches get; `sum` needs a tree."""
    reduction: str = choice("mean", ("mean", "size", "sum"))
    """What a branch's mean loss weighs: 1, its share of labels, or their number."""
    mask_norm: str = choice("branch", ("branch", "all"))
    """Masked losses are means over a branch's labels, or over all, the others being 0."""
    skip_empty: bool = False
    """Whether documents without a label of a branch are no examples of it."""
    split: str = choice("root", ("root", "random"))
    """`random`: as many groups of labels, of equal size: the control."""
    split_seed: int = whole(0, 0)
    """Seed of random groups."""

    def build(self, graph: LabelGraph, text_width: int) -> HeadNetwork:
        """Return the network, with fresh weights, for texts of this width."""
        from labeltree.nn.himtl import himtl_network

        return himtl_network(self, graph, text_width)


@dataclass
class RoutedHead(_Wrapper):
    """Any head behind a layer whose units learn from the documents of their branch alone."""

    base: Head = field(default_factory=GraphHead)
    """The head, on the whole graph."""
    block: int = whole(1, 64)
    """Units of each branch."""
    shared: int = whole(0, 64)
    """Units that learn from all documents."""
    routing: str = choice("sample", ("sample", "batch"))
    """`sample`: a document teaches the units of all its branches; `batch`: one branch at a time, as
    if batches held documents of one branch only."""

    def build(self, graph: LabelGraph, text_width: int) -> HeadNetwork:
        """Return the network, with fresh weights, for texts of this width."""
        from labeltree.nn.routing import RoutedNetwork

        return RoutedNetwork(self, graph, text_width)
