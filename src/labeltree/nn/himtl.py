"""HiMTL: one head for each branch of the root, on one text encoder.

    L = sum over branches i of  BCE(head_i(x), y_i) + R_i

A wrapper of any head. With the layout `projection` head i is built on the sub-graph of branch i and
answers its labels alone; with `masking` it is built on the whole graph and answers all labels, of
which those of other branches are left out of the loss and of the answer. A label that several
branches own gets the highest, or the mean, of their answers.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from labeltree.core.arrays import Longs
from labeltree.core.errors import ParameterError
from labeltree.nn.branches import parts
from labeltree.nn.coherence import Mcm
from labeltree.nn.fusion import TextFeatures
from labeltree.nn.graph import LabelGraph
from labeltree.nn.head import HeadNetwork, mean_logit

if TYPE_CHECKING:
    from labeltree.nn.heads import Head
    from labeltree.nn.wrappers import HimtlHead

logger = logging.getLogger(__name__)


class ProjectCombine(nn.Module):
    """Answers of branches, one after the other, made answers for all labels.

    Parameters
    ----------
    columns
        The labels of each branch.
    op
        For labels of several branches: `max` or `mean` of probabilities, `logit_mean`; `sum`, which
        would exceed 1, is refused where there are such labels.
    """

    slots: Tensor
    """Where the answers for each label are, (n_labels, most owners of a label); 0 where empty."""
    empty: Tensor
    """Whether a slot is empty, of the same shape."""
    log_share: Tensor
    """Logarithm of 1 / owners, -inf in empty slots, of the same shape."""

    def __init__(self, columns: list[Longs], n_labels: int, op: str = "max") -> None:
        super().__init__()
        label = np.concatenate(columns)
        order = np.argsort(label, kind="stable")
        owners = np.bincount(label, minlength=n_labels)
        if op == "sum" and owners.max() > 1:
            raise ParameterError(
                f"{(owners > 1).sum()} labels are in several branches, where probabilities must"
                " not be added up: choose combine max, mean or logit_mean."
            )
        rank = np.arange(len(label)) - np.repeat(np.cumsum(owners) - owners, owners)
        slots = np.full((n_labels, int(owners.max())), -1, np.int64)
        slots[label[order], rank] = order
        self.op = op
        empty = torch.from_numpy(slots < 0)
        share = -torch.from_numpy(owners).float().log()[:, None]
        self.register_buffer("slots", torch.from_numpy(slots).clamp_min(0), False)
        self.register_buffer("empty", empty, False)
        self.register_buffer("log_share", share.masked_fill(empty, -torch.inf), False)

    def forward(self, z: Tensor) -> Tensor:
        """Return logits (batch, n_labels) of those of all branches, (batch, sum of sizes)."""
        if self.slots.shape[1] == 1:
            return z[:, self.slots[:, 0]]
        owned = z[:, self.slots]
        if self.op == "max":
            return owned.masked_fill(self.empty, torch.finfo(z.dtype).min).amax(-1)
        if self.op == "mean":
            return mean_logit(owned, self.log_share)
        return owned.masked_fill(self.empty, 0).sum(-1) / (~self.empty).sum(-1)


class Task(NamedTuple):
    """What one head is for."""

    columns: Longs
    """The labels it answers."""
    masked: bool
    """Whether the head has outputs for all labels."""
    weight: float
    """Of its loss."""


class HimtlNetwork(HeadNetwork):
    """Heads side by side; the loss of each reaches its own weights and the encoder.

    Parameters
    ----------
    heads, tasks
        One of each for a branch.
    graph
        The whole hierarchy.
    skip_empty
        Whether a document without a label of a branch is no example of its task; else it is one
        without positives.
    """

    def __init__(
        self, heads: list[HeadNetwork], tasks: list[Task], graph: LabelGraph, *,
        combine: str = "max", skip_empty: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.heads, self.tasks, self.skip_empty = nn.ModuleList(heads), tasks, skip_empty
        for number, task in enumerate(tasks):
            self.register_buffer(f"columns{number}", torch.from_numpy(task.columns), False)
        self.combine = ProjectCombine([task.columns for task in tasks], graph.n_labels, combine)
        # Coherent heads know their own branch; a label of several has parents in others.
        coherent = any(head.coherent for head in heads)
        self.across = Mcm(graph) if coherent else nn.Identity()

    def forward(self, text: TextFeatures) -> Tensor:
        """Return combined logits (batch, n_labels)."""
        return self._combined([head(text) for head, _, _ in self._each()])

    def answer(self, text: TextFeatures) -> Tensor:
        """Return the combined answers (batch, n_labels)."""
        answers = self._combined([head.answer(text) for head, _, _ in self._each()])
        found: Tensor = self.across(answers)
        return found

    def misfit(self, text: TextFeatures, y: Tensor, only: Tensor | None = None) -> Tensor:
        """Return the sum of the heads' losses."""
        losses = [
            task.weight * self._branch_loss(head, text, y, (own, task.masked, only))
            for head, own, task in self._each()
            if only is None or torch.isin(own, only).any()
        ]
        return torch.stack(losses).sum()

    def regularisation(self) -> Tensor:
        """Return the sum of the heads'."""
        costs = [head.regularisation() for head, _, _ in self._each()]
        return torch.stack([cost.to(self.combine.slots.device) for cost in costs]).sum()

    def begin_at(self, logits: Tensor) -> None:
        """Let the answers of each head begin there."""
        for head, own, task in self._each():
            head.begin_at(logits if task.masked else logits[own])

    def see_labels(self, features: Tensor) -> None:
        """Show each head its labels."""
        for head, own, task in self._each():
            head.see_labels(features if task.masked else features[own])

    def drop_training_parts(self) -> None:
        """Drop those of the heads."""
        for head, _, _ in self._each():
            head.drop_training_parts()

    def _each(self) -> Iterator[tuple[HeadNetwork, Tensor, Task]]:
        """Yield each head, the columns of its labels, and its task."""
        for number, (head, task) in enumerate(zip(self.heads, self.tasks, strict=True)):
            assert isinstance(head, HeadNetwork)
            yield head, self.get_buffer(f"columns{number}"), task

    def _combined(self, logits: list[Tensor]) -> Tensor:
        """Return combined logits of those of each head."""
        parts = [z[:, own] if task.masked else z
                 for z, (_, own, task) in zip(logits, self._each(), strict=True)]  # fmt: skip
        found: Tensor = self.combine(torch.cat(parts, 1))
        return found

    def _branch_loss(
        self, head: HeadNetwork, text: TextFeatures, y: Tensor,
        scope: tuple[Tensor, bool, Tensor | None],
    ) -> Tensor:  # fmt: skip
        own, masked, only = scope
        share = 1.0
        if self.skip_empty:
            rows = y[:, own].any(1).nonzero().squeeze(1)
            if len(rows):
                text, y = text.rows(rows), y[rows]
            else:
                share = 0.0  # no example at all: a loss of 0, with gradients of 0
        if masked:
            kept = own if only is None else own[torch.isin(own, only)]
            return share * head.misfit(text, y, kept)
        kept_own = None if only is None else torch.isin(own, only).nonzero().squeeze(1)
        return share * head.misfit(text, y[:, own], kept_own)


def himtl_network(options: HimtlHead, graph: LabelGraph, text_width: int) -> HeadNetwork:
    """Return the heads of all branches.

    Labels that are alone in their branch share one linear layer, which is the same as one each (but
    where documents are skipped: one each would meet positives only); of a flat base with hidden
    layers they share these too.

    Raises
    ------
    ParameterError
        If masked heads of random groups would read other groups' answers.
    """
    cut = parts(graph, options.split, options.split_seed)
    heads: list[HeadNetwork] = []
    tasks: list[Task] = []
    masked = options.layout == "masking"
    for branch in cut.branches:
        heads.append(options.base.build(graph if masked else branch.graph, text_width))
        tasks.append(Task(branch.columns, masked, _weight(options, len(branch.columns), 1, graph)))
    if len(cut.single):
        n = len(cut.single)
        logger.info("%d branches of one label: linear layers instead of heads", n)
        heads.append(_flat(options).build(_star(n), text_width))
        tasks.append(Task(cut.single, False, _weight(options, n, n, graph)))
    if masked and options.split == "random":
        _refuse_maxima(options, heads)
    return HimtlNetwork(heads, tasks, graph, combine=options.combine, skip_empty=options.skip_empty)


def _refuse_maxima(options: HimtlHead, heads: list[HeadNetwork]) -> None:
    if options.base.closes or any(head.coherent for head in heads):
        raise ParameterError(
            "Random groups are not closed downwards: with masking, the maxima over descendants that"
            " the base takes would be other groups' answers. Choose the layout projection, or"
            " another base."
        )


def _flat(options: HimtlHead) -> Head:
    """Return the head of labels that are alone."""
    from labeltree.nn.heads import FlatHead

    return options.base if isinstance(options.base, FlatHead) else FlatHead()


def _star(n: int) -> LabelGraph:
    """Return labels without edges."""
    return LabelGraph(
        n, np.zeros((2, 0), np.int32), np.arange(n, dtype=np.int32), np.zeros(0, np.float32)
    )


def _weight(options: HimtlHead, n_labels: int, n_merged: int, graph: LabelGraph) -> float:
    """Return the weight of the mean loss of so many labels, which were so many branches."""
    weight = {
        "mean": float(n_merged), "size": n_labels / graph.n_labels, "sum": float(n_labels),
    }[options.reduction]  # fmt: skip
    if options.layout == "masking" and options.mask_norm == "all":
        weight *= n_labels / n_merged / graph.n_labels
    return weight
