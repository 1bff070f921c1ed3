"""What a label looks like to the clustering: its documents, its company, its text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.sparse import csr_array, hstack

from labeltree.core.arrays import CSR, as_csr
from labeltree.core.errors import DataError
from labeltree.core.labels import Labels
from labeltree.core.params import Params, choice, within
from labeltree.core.pool import Pool
from labeltree.grow.pifa import pifa, unit_rows


class LabelFeatures(Protocol):
    """Represents labels for clustering."""

    def represent(self, X: CSR, Y: CSR, labels: Labels, pool: Pool | None = None) -> CSR:
        """Return one row of length 1 a label, (n_labels, any); empty where nothing is known.

        Parameters
        ----------
        X
            Training documents, rows of length 1, (n_samples, n_features).
        Y
            Their labels, (n_samples, n_labels).
        """


@dataclass
class Pifa(Params):
    """The mean of a label's documents (positive instance feature aggregation)."""

    per_document: bool = False
    """Whether the labels of a document share its weight (PECOS) or each gets it all (Parabel)."""

    def represent(self, X: CSR, Y: CSR, labels: Labels, pool: Pool | None = None) -> CSR:
        """Return (n_labels, n_features)."""
        return pifa(X, Y, per_document=self.per_document, pool=pool)


@dataclass
class CoOccurrence(Params):
    """The other labels of a label's documents (Bonsai's label space, 2020, sec. 3.1)."""

    def represent(self, X: CSR, Y: CSR, labels: Labels, pool: Pool | None = None) -> CSR:
        """Return (n_labels, n_labels): how often each other label stands beside it."""
        together = csr_array(Y.T @ Y)
        together.setdiag(0)  # a label tells nothing about itself
        return unit_rows(as_csr(together, "label features"))


@dataclass
class Joint(Params):
    """A label's documents and its company, side by side (Bonsai's joint space, 2020, sec. 3.1)."""

    per_document: bool = False
    """As in `pifa`."""

    def represent(self, X: CSR, Y: CSR, labels: Labels, pool: Pool | None = None) -> CSR:
        """Return (n_labels, n_features + n_labels)."""
        documents = pifa(X, Y, per_document=self.per_document, pool=pool)
        return _beside(documents, CoOccurrence().represent(X, Y, labels))


@dataclass
class LabelText(Params):
    """A label's documents and its own name or text (PECOS: PIFA with label features).

    A label without documents is represented by its text alone, so it finds its place in the tree.
    """

    join: str = choice("side_by_side", ("side_by_side", "mixed"))
    """`side_by_side`: both, one after the other (pifa_lf_concat); `mixed`: their sum, as a word
    means the same in both (pifa_lf_convex_combine)."""
    share: float = within(0, 1, 0.5)
    """What the text counts: its weight in the sum, or in the similarity of both blocks."""
    per_document: bool = False
    """As in `pifa`."""

    def represent(self, X: CSR, Y: CSR, labels: Labels, pool: Pool | None = None) -> CSR:
        """Return (n_labels, n_features), twice as many columns side by side.

        Raises
        ------
        DataError
            If the labels have no text features.
        """
        if labels.features is None or not labels.features.nnz:
            raise DataError(
                "Label texts are wanted, but the labels have no names or texts, or the model"
                " was given features instead of texts.",
                "Put a label_names.tsv beside the data, and fit on texts.",
            )
        documents = pifa(X, Y, per_document=self.per_document, pool=pool)
        text = unit_rows(as_csr(labels.features, "label features"))
        if self.join == "mixed":
            mixed = documents * (1 - self.share) + text * self.share
            return unit_rows(as_csr(mixed, "label features"))
        ours, its = np.sqrt(1 - self.share), np.sqrt(self.share)
        return _beside(documents * ours, text * its)


def _beside(first: CSR, second: CSR) -> CSR:
    """Return both blocks as one, rows of length 1."""
    return unit_rows(as_csr(hstack([first, second], format="csr"), "label features"))
