"""HiTIN: sums and perceptrons up a coding tree of the labels.

Zhu et al., "HiTIN: Hierarchy-aware Tree Isomorphism Network for Hierarchical Text Classification"
(ACL 2023):

    H_0 = W_dup (1 p') + b_dup,   p = W_p x + b_p
    H_i = MLP_i(sum over children in layer i - 1 of H_{i-1}),   layers 1 .. K
    z   = sum over layers i of  W_i pool(H_i) + b_i
    L   = BCE(z, y) + 1e-6 sum over layers and edges of |w_p - w_c|^2 / 2

The coding tree, of height K, is the one that minimises the structural entropy of the label graph
(algorithm 1): no texts, names or counts enter. All rows of 1 p' are equal, so W_dup acts by its row
sums: `--init scalar` has only these.
"""

from __future__ import annotations

from dataclasses import dataclass

from labeltree.core.params import at_least, choice, whole, within
from labeltree.grow.coding_tree import METHODS
from labeltree.grow.merging import GAINS
from labeltree.nn.graph_parts import IsomorphismTree, LayerWise, Replicate
from labeltree.nn.heads import GraphHead, Head
from labeltree.nn.model import NeuralModel

__all__ = ["Hitin"]


@dataclass(eq=False)
class Hitin(NeuralModel):
    """A tree isomorphism network over a coding tree of height 2."""

    height: int = whole(1, 2)
    """K, layers of the coding tree above the labels."""
    coding: str = choice("squeeze", METHODS)
    """`squeeze`: the tree is made binary, then as low as wanted, as in the paper; `grow`: two
    layers, then one more at a time, as in the authors' code."""
    gain: str = choice("combine", tuple(GAINS))
    """What neighbours are merged by: `combine` takes both as one module, as the authors' code does;
    `merge` keeps them as parts of it."""
    init: str = choice("full", ("full", "scalar"))
    """Of the leaves: `full` has the matrix labels x labels, `scalar` its row sums."""
    width: int = whole(0, 0)
    """Length of a node's features; 0: as long as a text's."""
    pool: str = choice("sum", ("sum", "mean", "max"))
    """Over the nodes of a layer."""
    dropout: float = within(0, 1, 0.1)
    """Of the leaves' features."""
    readout_dropout: float = within(0, 1, 0.5)
    """Of pooled layers."""
    recursive: float = at_least(0, 1e-6)
    """Weight of the recursive regularisation, on the matrix of each layer."""

    def head(self) -> Head:
        """Return what answers."""
        return GraphHead(
            Replicate(self.init, self.dropout),
            IsomorphismTree(self.height, self.coding, self.gain),
            LayerWise(self.pool, self.readout_dropout), self.width, self.recursive,
        )  # fmt: skip
