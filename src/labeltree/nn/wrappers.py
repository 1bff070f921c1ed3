"""Heads around other heads: coherent, one for each branch, or routed.

Importing this needs no torch; building does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labeltree.core.errors import ParameterError
from labeltree.core.params import Params, choice, whole
from labeltree.nn.heads import FlatHead, GraphHead, Head, MatchHead

if TYPE_CHECKING:
    from labeltree.nn.graph import LabelGraph
    from labeltree.nn.head import HeadNetwork


@dataclass
class Wrapper(Params):
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

    @property
    def refresh_share(self) -> float:
        """How many of the labels then, from 0 to 1."""
        return self.base.refresh_share

    def _inside(self) -> Iterator[Head]:
        """Yield the base, and what is inside that."""
        inner = self.base
        while isinstance(inner, Wrapper):
            yield inner
            inner = inner.base
        yield inner


@dataclass
class McmHead(Wrapper):
    """Any head made coherent: no label is more probable than its parents (C-HMCNN)."""

    train: str = choice("max_constraint", ("max_constraint", "base"))
    """The loss: the max constraint loss, or the base's own; then only answers are changed."""

    def check(self) -> None:
        """Compare fields with what was declared; no loss may be replaced that is all a base has."""
        super().check()
        if self.train == "base":
            return
        for inner in self._inside():
            if isinstance(inner, MatchHead) and inner.matches:
                raise ParameterError(
                    "McmHead: the max constraint loss would replace that by which match_head"
                    " matches. Choose train=base, or give match_head joint=0 and match=0."
                )
            if isinstance(inner, RoutedHead):
                raise ParameterError(
                    "McmHead: the max constraint loss would replace that by which routed_head"
                    " routes. Put mcm_head inside routed_head, or choose train=base."
                )

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
class HimtlHead(Wrapper):
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
class RoutedHead(Wrapper):
    """Any head behind a layer whose units learn from their branch's documents what to answer to."""

    base: Head = field(default_factory=GraphHead)
    """The head, on the whole graph."""
    block: int = whole(1, 64)
    """Units of each branch."""
    shared: int = whole(0, 64)
    """Units that learn from all documents."""
    routing: str = choice("sample", ("sample", "batch"))
    """`sample`: a document teaches the units of all its branches; `batch`: one branch at a time, as
    if batches held documents of one branch only."""
    split: str = choice("root", ("root", "random"))
    """`random`: as many groups of labels, of equal size: the control."""
    split_seed: int = whole(0, 0)
    """Seed of random groups."""

    def build(self, graph: LabelGraph, text_width: int) -> HeadNetwork:
        """Return the network, with fresh weights, for texts of this width."""
        from labeltree.nn.routing import RoutedNetwork

        return RoutedNetwork(self, graph, text_width)
