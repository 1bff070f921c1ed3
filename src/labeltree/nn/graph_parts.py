"""What heads over a hierarchy are put together from: any fusion, any structure, any readout.

Importing this needs no torch; building does. Parts of the papers whose weights multiply widths by
numbers of nodes have slim forms, which take their place above `max_weights`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from labeltree.core.errors import ParameterError
from labeltree.core.params import Params, choice, whole, within
from labeltree.grow.coding_tree import METHODS, coding_tree
from labeltree.grow.merging import GAINS

if TYPE_CHECKING:
    from labeltree.nn.fusion import Fusion
    from labeltree.nn.graph import LabelGraph
    from labeltree.nn.readout import Readout
    from labeltree.nn.structure import Structure

logger = logging.getLogger(__name__)

LIMIT = 2**28
"""Weights of 1 GiB, or 4 GiB while training with AdamW."""


def fits(part: Params, weights: int, limit: int, instead: str) -> bool:
    """Whether a part may have so many weights; if not, say what is used instead."""
    if weights > limit:
        logger.warning(
            "%s would have %s weights, more than max_weights (%s): %s instead",
            type(part).__name__, f"{weights:,}", f"{limit:,}", instead,
        )  # fmt: skip
    return weights <= limit


# ---- fusions ------------------------------------------------------------------------------------


class FusionPart(Protocol):
    """Where texts meet labels."""

    def fusion(self, graph: LabelGraph, text_width: int, width: int) -> Fusion:
        """Return the network that makes node features of a text."""


@dataclass
class Projection(Params):
    """A linear view of the text for each node (HiAGM-TP)."""

    dropout: float = within(0, 1, 0.1)
    """Of the nodes' features."""
    max_weights: int = whole(0, LIMIT)
    """With more, a projection all nodes share, scaled and shifted for each: nodes x width weights
    instead of text width x nodes x width."""

    def fusion(self, graph: LabelGraph, text_width: int, width: int) -> Fusion:
        """Return the network that makes node features of a text."""
        from labeltree.nn.fusion import FactorisedProjection, LabelProjection

        weights = text_width * graph.n_nodes * width
        full = fits(self, weights, self.max_weights, "one projection, scaled for each node")
        kind = LabelProjection if full else FactorisedProjection
        return kind(text_width, graph.n_nodes, width, self.dropout)


@dataclass
class Replicate(Params):
    """One view of the text for all nodes, mixed between them (HiTIN)."""

    init: str = choice("full", ("full", "scalar"))
    """`full`: a matrix nodes x nodes; `scalar`: its row sums, which answer the same."""
    dropout: float = within(0, 1, 0.1)
    """Before and after mixing."""
    max_weights: int = whole(0, LIMIT)
    """With more in the matrix, row sums."""

    def fusion(self, graph: LabelGraph, text_width: int, width: int) -> Fusion:
        """Return the network that makes node features of a text."""
        from labeltree.nn.fusion import ReplicateProject

        scalar = self.init == "scalar" or not fits(
            self, graph.n_nodes**2, self.max_weights, "its row sums"
        )
        return ReplicateProject(text_width, graph.n_nodes, width, self.dropout, scalar=scalar)


@dataclass
class Attention(Params):
    """Label embeddings that look at the words (HiAGM-LA). Needs an encoder that keeps tokens."""

    dropout: float = within(0, 1, 0.1)
    """Of the nodes' features."""

    def fusion(self, graph: LabelGraph, text_width: int, width: int) -> Fusion:
        """Return the network that makes node features of a text."""
        from labeltree.nn.fusion import LabelAttention

        return LabelAttention(text_width, graph.n_nodes, width, self.dropout)


# ---- structures ---------------------------------------------------------------------------------


class StructurePart(Protocol):
    """How labels hear from their neighbours."""

    def structure(self, graph: LabelGraph, width: int) -> Structure:
        """Return the network that spreads node features."""

    def n_layers(self) -> int:
        """Return how many layers of states there are."""


class _OneLayer(Params):
    """A structure without a tree of its own."""

    def n_layers(self) -> int:
        """Return how many layers of states there are."""
        return 1


@dataclass
class Convolution(_OneLayer):
    """Gated messages from parents and children (HiAGM's hierarchy-GCN)."""

    dropout: float = within(0, 1, 0.05)
    """Of messages."""

    def structure(self, graph: LabelGraph, width: int) -> Structure:
        """Return the network that spreads node features."""
        from labeltree.nn.structure import HierarchyConv

        return HierarchyConv(graph, width, self.dropout)


@dataclass
class TreeLstm(_OneLayer):
    """A TreeLSTM up and one down the hierarchy (HiAGM)."""

    dropout: float = within(0, 1, 0.05)
    """Of the states."""

    def structure(self, graph: LabelGraph, width: int) -> Structure:
        """Return the network that spreads node features."""
        from labeltree.nn.tree_lstm import LevelTreeLSTM

        return LevelTreeLSTM(graph, width, self.dropout)


@dataclass
class GraphAttention(_OneLayer):
    """Attention over parents, children and oneself (GAT)."""

    heads: int = whole(1, 4)
    """Attentions side by side; the width must be a multiple of it."""
    hops: int = whole(1, 1)
    """Layers one after the other."""

    def structure(self, graph: LabelGraph, width: int) -> Structure:
        """Return the network that spreads node features."""
        from labeltree.nn.graph_nets import Gat

        if width % self.heads:
            raise ParameterError(f"A width of {width} is no multiple of heads = {self.heads}.")
        return Gat(graph, width, self.heads, self.hops)


@dataclass
class KipfGcn(_OneLayer):
    """The plain graph convolution: what HiAGM's is compared with."""

    hops: int = whole(1, 1)
    """Layers one after the other."""

    def structure(self, graph: LabelGraph, width: int) -> Structure:
        """Return the network that spreads node features."""
        from labeltree.nn.graph_nets import Gcn

        return Gcn(graph, width, self.hops)


@dataclass
class IsomorphismTree(Params):
    """Sums and perceptrons up a coding tree (HiTIN)."""

    height: int = whole(1, 2)
    """Layers of the coding tree above the nodes."""
    method: str = choice("squeeze", METHODS)
    """`squeeze`: made binary, then as low as wanted, as in the paper; `grow`: two layers, then one
    more at a time, as in the authors' code."""
    gain: str = choice("combine", tuple(GAINS))
    """What neighbours are merged by: `combine` takes both as one module, as the authors' code does;
    `merge` keeps them as parts of it."""

    def structure(self, graph: LabelGraph, width: int) -> Structure:
        """Return the network that spreads node features."""
        from labeltree.nn.isomorphism import TreeIsomorphism

        tree = coding_tree(graph.n_nodes, graph.edges, self.height, self.gain, self.method)
        return TreeIsomorphism(graph, width, tree=tree)

    def n_layers(self) -> int:
        """Return how many layers of states there are."""
        return self.height + 1


@dataclass
class NoStructure(_OneLayer):
    """Nothing is spread: what any structure must beat."""

    def structure(self, graph: LabelGraph, width: int) -> Structure:
        """Return the network that spreads node features."""
        from labeltree.nn.head import NoSpread

        return NoSpread()


# ---- readouts -----------------------------------------------------------------------------------


class ReadoutPart(Protocol):
    """How nodes answer."""

    def readout(self, graph: LabelGraph, width: int, n_layers: int) -> Readout:
        """Return the network that makes logits of node states."""


@dataclass
class Flatten(Params):
    """Each label sees all nodes (HiAGM)."""

    max_weights: int = whole(0, LIMIT)
    """With more than so many, labels x nodes x width, each label sees its own node only."""

    def readout(self, graph: LabelGraph, width: int, n_layers: int) -> Readout:
        """Return the network that makes logits of node states."""
        from labeltree.nn.readout import FlattenReadout, LabelWiseReadout

        weights = graph.n_labels * graph.n_nodes * width
        full = fits(self, weights, self.max_weights, "label-wise")
        return FlattenReadout(graph, width) if full else LabelWiseReadout(graph, width)


@dataclass
class LabelWise(Params):
    """Each label sees its own node."""

    def readout(self, graph: LabelGraph, width: int, n_layers: int) -> Readout:
        """Return the network that makes logits of node states."""
        from labeltree.nn.readout import LabelWiseReadout

        return LabelWiseReadout(graph, width)


@dataclass
class Neighbourhood(Params):
    """Each label sees its own node, its parents' and its children's."""

    def readout(self, graph: LabelGraph, width: int, n_layers: int) -> Readout:
        """Return the network that makes logits of node states."""
        from labeltree.nn.readout import NeighbourhoodReadout

        return NeighbourhoodReadout(graph, width)


@dataclass
class LayerWise(Params):
    """Each label sees all nodes of a layer, pooled (HiTIN)."""

    pool: str = choice("sum", ("sum", "mean", "max"))
    """Over the nodes of a layer."""
    dropout: float = within(0, 1, 0.5)
    """Of what is pooled."""

    def readout(self, graph: LabelGraph, width: int, n_layers: int) -> Readout:
        """Return the network that makes logits of node states."""
        from labeltree.nn.readout import LayerwiseReadout

        return LayerwiseReadout(graph, width, n_layers, self.pool, self.dropout)
