"""The taxonomy where there is one, a grown tree where there is none."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from labeltree.core.arrays import CSR
from labeltree.core.labels import Labels
from labeltree.core.params import Params
from labeltree.core.pool import Pool
from labeltree.core.tree import LabelTree
from labeltree.grow.given import Given
from labeltree.grow.grown import Grown

logger = logging.getLogger(__name__)


@dataclass
class GivenOrGrown(Params):
    """For models that were made for a taxonomy: every label space is a tree, given or grown."""

    given: Given = field(default_factory=Given)
    """How the taxonomy is unfolded."""
    grown: Grown = field(default_factory=Grown)
    """How a tree is grown where the data has no taxonomy."""

    def build(self, X: CSR, Y: CSR, labels: Labels, *, seed: int, pool: Pool) -> LabelTree:
        """Return the unfolded taxonomy, or the grown tree."""
        if labels.hierarchy is None:
            logger.info("the data has no taxonomy: growing a tree")
            return self.grown.build(X, Y, labels, seed=seed, pool=pool)
        return self.given.build(X, Y, labels, seed=seed, pool=pool)
