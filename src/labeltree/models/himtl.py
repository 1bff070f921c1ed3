"""HiMTL: the hierarchy is cut at the root, each branch is a task with a head of its own.

    L = sum over branches i of  BCE(head_i(x), y_i) + R_i,   x the encoder's, shared by all

A wrapper of any head: with `projection` a branch's head is built on the branch alone, with
`masking` on the whole hierarchy, and answers to other branches' labels do not count. A label that
several branches reach gets the highest of their answers. With `routing` there is one head, and the
branches are kept apart by gradients: each has units that learn what to answer to from its documents
only (Cloud et al., "Gradient Routing: Masking Gradients to Localize Computation in Neural
Networks", 2024), and fields that are about several heads must be left alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from labeltree.core.errors import ParameterError
from labeltree.core.params import choice, whole
from labeltree.nn.heads import GraphHead, Head
from labeltree.nn.model import NeuralModel
from labeltree.nn.wrappers import HimtlHead, RoutedHead

__all__ = ["Himtl"]

OF_SEVERAL_HEADS = ("combine", "reduction", "mask_norm", "skip_empty")
"""Fields without a meaning where there is one head."""


@dataclass(eq=False)
class Himtl(NeuralModel):
    """One head for each branch of the root, on one encoder."""

    base: Head = field(default_factory=GraphHead)
    """The head of each branch: `flat_head`, `mcm_head`, `graph_head` (HiAGM, HiTIN, GAT),
    `hmcn_head`, `match_head`."""
    layout: str = choice("projection", ("projection", "masking", "routing"))
    """How branches are kept apart."""
    combine: str = choice("max", ("max", "mean", "sum", "logit_mean"))
    """What labels of several branches get; `sum` needs a tree."""
    reduction: str = choice("mean", ("mean", "size", "sum"))
    """What a branch's mean loss weighs: 1, its share of labels, or their number."""
    mask_norm: str = choice("branch", ("branch", "all"))
    """Masked losses are means over a branch's labels, or over all, the others being 0."""
    skip_empty: bool = False
    """Whether documents without a label of a branch are no examples of it."""
    split: str = choice("root", ("root", "random"))
    """`random`: as many groups of labels, of equal size: does it matter where it is cut?"""
    routing: str = choice("sample", ("sample", "batch"))
    """With `routing`: a document teaches the units of all its branches, or one at a time."""
    block: int = whole(1, 64)
    """With `routing`: units of each branch, and units of all."""

    def check(self) -> None:
        """Compare each field with what was declared beside it, and with the layout."""
        super().check()
        if self.layout == "routing":
            for name in OF_SEVERAL_HEADS:
                default = getattr(type(self), name)
                if getattr(self, name) != default:
                    raise ParameterError(
                        f"Himtl: {name} is about several heads, and with the layout routing there"
                        f" is one: leave it {default}."
                    )

    def head(self) -> Head:
        """Return what answers."""
        if self.layout == "routing":
            return RoutedHead(
                self.base, self.block, self.block, self.routing, self.split, self.seed
            )
        return HimtlHead(
            self.base, self.layout, self.combine, self.reduction, self.mask_norm,
            self.skip_empty, self.split, self.seed,
        )  # fmt: skip
