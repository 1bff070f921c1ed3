"""GAT: HiAGM with graph attention in the place of its convolution.

Velickovic et al., "Graph Attention Networks" (ICLR 2018), as Brody, Alon, Yahav, "How Attentive are
Graph Attention Networks?" (ICLR 2022) have it:

    V = reshape(W x + b),  one row a label
    x'_k = x_k + ELU(sum over j of a_kj W x_j),  j: parents, children and k itself
    a_kj = softmax over j of  w LeakyReLU(W [x_k; x_j; kind of edge])
    z = W_c flatten(x') + b_c
"""

from __future__ import annotations

from dataclasses import dataclass, field

from labeltree.core.params import at_least, choice, whole, within
from labeltree.nn.encoder import check_tokens
from labeltree.nn.graph_parts import Attention, Flatten, GraphAttention, Projection, ReadoutPart
from labeltree.nn.heads import GraphHead, Head
from labeltree.nn.model import NeuralModel

__all__ = ["Gat"]


@dataclass(eq=False)
class Gat(NeuralModel):
    """Attention between neighbours in the hierarchy."""

    variant: str = choice("tp", ("tp", "la"))
    """`tp`: views of the text are propagated; `la`: label embeddings are, and attend to words: not
    with a frozen transformer, `tfidf_mlp` or `feature_mlp`, which keep none."""
    attention: GraphAttention = field(default_factory=GraphAttention)
    """Heads and layers of the attention."""
    readout: ReadoutPart = field(default_factory=Flatten)
    """`flatten`: each label sees all nodes; `label_wise`: its own, for large hierarchies;
    `neighbourhood`: its own, its parents' and its children's."""
    width: int = whole(1, 300)
    """Length of a node's features, a multiple of the attention's heads."""
    dropout: float = within(0, 1, 0.1)
    """Of the labels' views of a text."""
    recursive: float = at_least(0, 0.0)
    """Weight of the recursive regularisation."""

    def check(self) -> None:
        """Compare fields with what was declared, and the variant with the encoder."""
        super().check()
        if self.variant == "la":
            check_tokens("Gat", self.encoder)

    def head(self) -> Head:
        """Return what answers."""
        fusion = Projection(self.dropout) if self.variant == "tp" else Attention(self.dropout)
        return GraphHead(fusion, self.attention, self.readout, self.width, self.recursive)
