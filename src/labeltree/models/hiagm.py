"""HiAGM: each label gets a view of the text, and hears what its neighbours see.

Zhou et al., "Hierarchy-Aware Global Model for Hierarchical Text Classification" (ACL 2020):

    TP:  V = reshape(W x + b), one row a label;  H = structure(V)                   (sec. 3.3.2)
    LA:  H = softmax(S L') S,  L = structure(label embeddings),  S the words        (sec. 3.3.1)
    z = W_c flatten(H) + b_c,   L = BCE(z, y) + 1e-6 sum over edges |w_p - w_c|^2 / 2

The structure is a gated convolution that starts from the priors n_child / n_parent of the training
labels (sec. 3.2), or a TreeLSTM in both directions (`--structure tree_lstm`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from labeltree.core.params import at_least, choice, whole, within
from labeltree.nn.encoder import check_tokens
from labeltree.nn.graph_parts import (
    Attention,
    Convolution,
    Flatten,
    Projection,
    ReadoutPart,
    StructurePart,
)
from labeltree.nn.heads import GraphHead, Head
from labeltree.nn.model import NeuralModel

__all__ = ["Hiagm"]


@dataclass(eq=False)
class Hiagm(NeuralModel):
    """Text propagation through the hierarchy (TP), or attention of labels to words (LA)."""

    variant: str = choice("tp", ("tp", "la"))
    """`tp`: views of the text are propagated; `la`: label embeddings are, and attend to words: not
    with a frozen transformer, `tfidf_mlp` or `feature_mlp`, which keep none."""
    structure: StructurePart = field(default_factory=Convolution)
    """How labels hear from their neighbours: `convolution` or `tree_lstm`; others fit as well."""
    readout: ReadoutPart = field(default_factory=Flatten)
    """`flatten`: each label sees all nodes; `label_wise`: its own, for large hierarchies;
    `neighbourhood`: its own, its parents' and its children's."""
    width: int = whole(1, 300)
    """Length of a node's features."""
    dropout: float = within(0, 1, 0.1)
    """Of the labels' views of a text."""
    recursive: float = at_least(0, 1e-6)
    """Weight of the recursive regularisation."""
    logit_dropout: float = within(0, 1, 0.0)
    """Of answers while training; the authors' code has 0.5."""

    def check(self) -> None:
        """Compare fields with what was declared, and the variant with the encoder."""
        super().check()
        if self.variant == "la":
            check_tokens("Hiagm", self.encoder)

    def head(self) -> Head:
        """Return what answers."""
        fusion = Projection(self.dropout) if self.variant == "tp" else Attention(self.dropout)
        return GraphHead(
            fusion, self.structure, self.readout, self.width, self.recursive, self.logit_dropout
        )
