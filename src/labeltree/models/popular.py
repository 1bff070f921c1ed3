"""Popular: the most frequent labels, whatever the document. The honest baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from labeltree.core.arrays import CSR, Longs
from labeltree.core.dataset import Dataset, Inputs
from labeltree.core.inputs import checked_training
from labeltree.core.labels import Labels
from labeltree.core.model import BaseModel
from labeltree.core.scores import from_ranking

__all__ = ["Popular"]


@dataclass(eq=False)
class Popular(BaseModel):
    """Rank labels by how many training documents carry them.

    The score is that share of documents. Labels without documents are not ranked.

    Examples
    --------
    >>> import numpy as np
    >>> Y = np.array([[1, 0], [1, 1], [1, 0]])
    >>> print(Popular().fit(Y, Y).predict(Y[:1]).toarray().round(2))
    [[1.   0.33]]
    """

    def fit(
        self, X: Any, Y: Any, *, labels: Labels | None = None, validation: Dataset | None = None
    ) -> Self:
        """Count labels; the documents' features are not looked at."""
        _, _, self.labels_ = checked_training(X, Y, labels)
        by_count = np.argsort(-self.labels_.counts, kind="stable")
        self.ranking_: Longs = by_count[self.labels_.counts[by_count] > 0]
        return self

    def predict(self, X: Any, k: int = 5) -> CSR:
        """Return the same k labels for every document."""
        self.check_fitted()
        n = len(X.texts) if isinstance(X, Inputs) else X.shape[0] if hasattr(X, "shape") else len(X)
        best = self.ranking_[:k].astype(np.int32)
        share = self.labels_.counts[best] / max(1, self.labels_.n_train)
        return from_ranking(np.tile(best, (n, 1)), np.tile(share, (n, 1)), len(self.labels_))
