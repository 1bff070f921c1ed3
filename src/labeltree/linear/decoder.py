"""From codes back to labels: the k labels whose vectors fit a code best."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from labeltree.core.arrays import Doubles, Floats, Ints
from labeltree.core.inputs import seen_place
from labeltree.core.store import storable
from labeltree.kernels.compile import announce
from labeltree.kernels.products import best_products, side_by_side


@storable
@dataclass(frozen=True, eq=False)
class Decoder:
    """A label's score is code . vector + offset."""

    column: Ints
    """Column of each label that has training documents, ascending, (n_seen,)."""
    vector: Floats
    """(n_seen, dim)"""
    offset: Floats
    """(n_seen,)"""

    @cached_property
    def blocks(self) -> Floats:
        """The vectors side by side, as `kernels.products` searches them."""
        announce()
        return np.asarray(side_by_side(np.ascontiguousarray(self.vector)))

    def best(self, Z: Floats, k: int) -> tuple[Ints, Doubles]:
        """Return (label, score), (n, k), of the k best labels of codes Z (n, dim), best first."""
        k = min(k, len(self.column))
        item, score = best_products(np.ascontiguousarray(Z), self.blocks, self.offset, k)
        return self.column[item], score

    def of(self, column: int) -> tuple[Doubles, float]:
        """Return the vector (dim,) and the offset of a label.

        Raises
        ------
        DataError
            If it has no training documents.
        """
        at = seen_place(self.column, column)
        return self.vector[at].astype(np.float64), float(self.offset[at])
