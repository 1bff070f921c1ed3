"""What labels are described by, for heads that read it: the words of their documents."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labeltree.core.arrays import CSR, Doubles, as_csr, row_of_entry
from labeltree.core.errors import DataError
from labeltree.core.labels import Labels
from labeltree.text.tfidf import Tfidf

N_WORDS = 30
"""Words that describe a label."""


def described_by_words(texts: Sequence[str], Y: CSR, labels: Labels) -> list[str]:
    """Return the words that stand out in each label's documents, best first, (n_labels,).

    Those with the most weight (TF-IDF, the mean over its documents) above the mean over all
    documents, so that words which are everywhere describe nothing. A label without documents is
    described by its name and text.
    """
    names = [d or i for d, i in zip(labels.described(), labels.ids, strict=True)]
    tfidf = Tfidf(min_df=1)
    try:
        X = tfidf.fit_transform(texts)
    except DataError:  # no text has a word
        return names
    terms = np.array(tfidf.vocabulary_.terms, object)
    mean = means(X, Y)
    above = mean.data - _mean_of_all(X)[mean.indices]
    order = np.lexsort((mean.indices, -above, row_of_entry(mean)))  # rows stay where they are
    found = []
    for label, name in enumerate(names):
        best = mean.indices[order[mean.indptr[label] : mean.indptr[label + 1]][:N_WORDS]]
        found.append(" ".join(terms[best]) or name)
    return found


def means(X: CSR, Y: CSR) -> CSR:
    """Return the mean of each label's rows of X, (n_labels, n_features); empty without rows."""
    total = as_csr(Y.T @ X, "label features")
    counts = np.bincount(Y.indices, minlength=Y.shape[1])
    total.data = (total.data / np.repeat(counts, np.diff(total.indptr))).astype(np.float32)
    return total


def _mean_of_all(X: CSR) -> Doubles:
    return np.bincount(X.indices, X.data, minlength=X.shape[1]) / X.shape[0]
