"""TF-IDF: texts to sparse features, the numbers of scikit-learn's TfidfVectorizer in less time.

Texts are read once. Each word becomes a number in one flat array, in which 0 ends a document;
all counting is then done on arrays.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, repeat
from typing import Any, Self

import numpy as np
from scipy.sparse import csr_array

from labeltree.core.arrays import CSR, Floats, Ints, Longs, from_parts, row_of_entry
from labeltree.core.errors import DataError, NotFittedError
from labeltree.core.params import Params, whole, within
from labeltree.core.store import storable
from labeltree.text import tokens
from labeltree.text.tokens import Grams, find_words, number_grams, tokenise

logger = logging.getLogger(__name__)


@storable
@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The terms that are columns."""

    terms: tuple[str, ...]
    """Words, and runs of words joined by blanks, sorted, (n_features,)."""
    idf: Floats
    """Smoothed inverse document frequency of each term, (n_features,)."""

    def __len__(self) -> int:
        return len(self.terms)

    @cached_property
    def columns(self) -> dict[str, int]:
        """The column of each term."""
        return dict(zip(self.terms, range(len(self.terms)), strict=True))


@dataclass(eq=False)
class Tfidf(Params):
    r"""Term frequency times inverse document frequency, each row scaled to length 1.

    A word is a run of two or more letters, digits or underscores (`\b\w\w+\b`). With t the count
    of a term in a document, n the documents and d those with the term, its weight before scaling
    is (1 + ln t) (1 + ln((1 + n) / (1 + d))).

    Examples
    --------
    >>> tfidf = Tfidf()
    >>> tfidf.fit_transform(["a red lamp", "the red bike", "the red lamp"]).toarray().round(2)
    array([[0.79, 0.61, 0.  ],
           [0.  , 0.61, 0.79],
           [0.62, 0.48, 0.62]], dtype=float32)
    >>> tfidf.vocabulary_.terms
    ('lamp', 'red', 'the')
    """

    ngrams: int = whole(1, 1, search="1,2")
    """Longest run of words that makes a term: 2 for words and pairs."""
    min_df: int = whole(1, 2, search="1,2,4")
    """Fewest documents a term occurs in."""
    max_df: float = within(0, 1, 1.0)
    """Largest share of the documents a term occurs in."""
    max_features: int = whole(0, 0)
    """Terms to keep, those counted most often first; 0 for all."""
    sublinear: bool = True
    """Damp the count t of a term in a document to 1 + ln t."""
    lowercase: bool = True
    """Read capital letters as small ones."""

    def fit(self, texts: Iterable[str], Y: Any = None) -> Self:
        """Learn terms and weights; see `fit_transform`."""
        self.fit_transform(texts)
        return self

    def fit_transform(self, texts: Iterable[str], Y: Any = None) -> CSR:
        """Learn terms and weights, and return the features of the same texts.

        Parameters
        ----------
        texts
            One document each; read once, so a generator will do.
        Y
            Ignored: pipelines pass it.

        Returns
        -------
        CSR
            Shape (n_samples, n_features), float32; a text without a term is an empty row.

        Raises
        ------
        DataError
            If an item is not a string, or no term is left.
        """
        grams = number_grams(tokenise(texts, self.lowercase), self.ngrams, self.min_df)
        n_samples = len(grams.bounds) - 1
        order = sorted(
            np.flatnonzero(grams.counted >= self.min_df).tolist(), key=grams.terms.__getitem__
        )
        terms = [grams.terms[i] for i in order]
        column_of = np.full(len(grams.terms), -1, np.int32)
        column_of[order] = np.arange(len(order), dtype=np.int32)
        blocks = list(count_terms(grams, column_of, len(order)))
        del grams  # as large as the features
        frequency = np.zeros(len(terms), np.int64)
        for block in blocks:
            frequency += np.bincount(block.indices, minlength=len(terms))
        kept = self._kept(frequency, blocks, n_samples)
        idf = _idf(frequency[kept], n_samples)
        self.vocabulary_ = Vocabulary(tuple(terms[i] for i in kept.tolist()), idf)
        return self._weighted(_with_columns(kept, blocks))

    def transform(self, texts: Iterable[str]) -> CSR:
        """Return the features of texts, as `fit_transform` does.

        Raises
        ------
        NotFittedError
            Before `fit`.
        DataError
            If an item is not a string.
        """
        if not hasattr(self, "vocabulary_"):
            raise NotFittedError("This Tfidf is not fitted yet: call fit first.")
        if isinstance(texts, (list, tuple)) and len(texts) == 1 and isinstance(texts[0], str):
            return self._transform_one(texts[0])
        grams = number_grams(tokenise(texts, self.lowercase), self.ngrams, 1)
        found = map(self.vocabulary_.columns.get, grams.terms, repeat(-1))
        column_of = np.fromiter(found, np.int32, len(grams.terms))
        return self._weighted(count_terms(grams, column_of, len(self.vocabulary_)))

    def _transform_one(self, text: str) -> CSR:
        """Return what `transform` does, without the arrays that pay off over many texts only."""
        words = find_words(text.lower() if self.lowercase else text)
        terms = words.copy()
        for n in range(2, self.ngrams + 1):
            terms += map(" ".join, zip(*(words[i:] for i in range(n)), strict=False))
        found = map(self.vocabulary_.columns.get, terms, repeat(-1))
        columns = np.fromiter(found, np.int32, len(terms))
        columns.sort()
        columns = columns[columns.searchsorted(0) :]
        last = np.ones(len(columns), np.bool_)
        np.not_equal(columns[1:], columns[:-1], out=last[:-1])
        ends = np.concatenate(([0], last.nonzero()[0] + 1))
        counts = (ends[1:] - ends[:-1]).astype(np.float32)
        shape = (1, len(self.vocabulary_))
        row = from_parts(counts, columns[last], np.array([0, len(counts)]), shape)
        _report_empty(int(not len(counts)), 1)
        return _weigh(row, self.vocabulary_.idf, self.sublinear)

    def _kept(self, frequency: Longs, blocks: list[CSR], n_samples: int) -> Longs:
        """Return the columns to keep, ascending.

        Raises
        ------
        DataError
            If there is none.
        """
        kept = np.flatnonzero((frequency >= self.min_df) & (frequency <= self.max_df * n_samples))
        if not len(kept):
            raise DataError(
                f"No term occurs in at least {self.min_df} of the {n_samples} texts and in at most"
                f" {self.max_df:.0%} of them.",
                "Lower min_df, raise max_df, or train on more texts.",
            )
        if 0 < self.max_features < len(kept):
            totals = np.zeros(len(frequency))
            for block in blocks:
                totals += np.bincount(block.indices, block.data, len(frequency))
            # scikit-learn's type and sort: ties at the limit fall as they do there.
            kept = kept[(-totals[kept].astype(np.float32)).argsort()[: self.max_features]]
        return np.sort(kept)

    def _weighted(self, blocks: Iterable[CSR]) -> CSR:
        """Turn blocks of counts into one matrix of weights."""
        idf = self.vocabulary_.idf
        X = _stacked((_weigh(block, idf, self.sublinear) for block in blocks), len(idf))
        _report_empty(int((np.diff(X.indptr) == 0).sum()), X.shape[0])
        return X

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "vocabulary_")


def _report_empty(n_empty: int, n_samples: int) -> None:
    if n_empty:
        logger.info("%d of %d texts hold no known term", n_empty, n_samples)


# ---- counts to weights --------------------------------------------------------------------------


def _idf(frequency: Longs, n_samples: int) -> Floats:
    """Return 1 + ln((1 + n) / (1 + d)), in the float32 steps of scikit-learn."""
    ratio = np.float32(n_samples + 1) / (frequency.astype(np.float32) + np.float32(1))
    weights: Floats = np.log(ratio) + np.float32(1)
    return weights


def _weigh(counts: CSR, idf: Floats, sublinear: bool) -> CSR:
    """Turn counts into weights, in place."""
    data = counts.data
    if sublinear:
        np.log(data, out=data)
        data += 1
    data *= idf[counts.indices]
    row = row_of_entry(counts)
    norm = np.sqrt(np.bincount(row, data * data, counts.shape[0]))
    np.divide(data, norm[row], out=data, casting="same_kind")
    return counts


def _with_columns(kept: Longs, blocks: list[CSR]) -> Iterator[CSR]:
    """Narrow each block to the columns `kept`; empties the list, to free memory on the way."""
    while blocks:
        block = blocks.pop(0)
        column_of = np.full(block.shape[1], -1, np.int32)
        column_of[kept] = np.arange(len(kept), dtype=np.int32)
        columns = column_of[block.indices]
        stays = columns >= 0
        indptr = np.concatenate(([0], np.cumsum(stays)))[block.indptr]
        yield from_parts(block.data[stays], columns[stays], indptr, (block.shape[0], len(kept)))


def _stacked(blocks: Iterable[CSR], n_columns: int) -> CSR:
    """Put blocks of rows under each other."""
    data, indices, lengths = [np.empty(0, np.float32)], [np.empty(0, np.int32)], [np.zeros(1, int)]
    for block in blocks:
        data.append(block.data)
        indices.append(block.indices)
        lengths.append(np.diff(block.indptr))
    indptr = np.cumsum(np.concatenate(lengths), dtype=np.int64)
    all_data = np.concatenate(data)
    data.clear()
    return from_parts(all_data, np.concatenate(indices), indptr, (len(indptr) - 1, n_columns))


# ---- terms to counts ----------------------------------------------------------------------------


def count_terms(grams: Grams, column_of: Ints, n_columns: int) -> Iterator[CSR]:
    """Count terms: blocks of rows of (n_samples, n_columns); column -1 is left out."""
    for a, b in pairwise(_cuts(grams.bounds)):
        bounds = grams.bounds[a : b + 1]
        # (tokens, levels), read row by row: a document stays in one piece
        columns = np.stack([column_of[x[bounds[0] : bounds[-1]]] for x in grams.levels], 1).ravel()
        known = columns >= 0
        until = np.concatenate(([0], np.cumsum(known)), dtype=np.int32)
        indptr = until[(bounds - bounds[0]) * len(grams.levels)]
        columns = columns[known]
        ones = np.ones(len(columns), np.float32)
        block = csr_array((ones, columns, indptr), shape=(b - a, n_columns))
        block.sum_duplicates()
        yield block.copy()  # the arrays of the block itself still have the length they had before


def _cuts(bounds: Longs) -> list[int]:
    """Cut documents into blocks of about `tokens.BLOCK` tokens each."""
    marks = np.arange(0, bounds[-1], tokens.BLOCK)
    cuts: list[int] = np.unique([*bounds.searchsorted(marks), len(bounds) - 1]).tolist()
    return cuts
