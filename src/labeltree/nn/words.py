"""Vocabularies of encoders that read words. Needs no torch.

Cleaning (small letters, no punctuation, no words of one letter, no function words) is what these
encoders do to a text, and nothing that is done to data: transformers read texts as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat

import numpy as np

from labeltree.core.arrays import Ints, Longs, ranges
from labeltree.core.errors import DataError
from labeltree.core.store import storable
from labeltree.text.tokens import tokenise

PADDING, UNKNOWN, FIRST = 0, 1, 2
"""Numbers of no word, of a word outside the vocabulary, and of the vocabulary's first word."""

_FUNCTION_WORDS = """
about above after again against all also am an and any are as at be because been before being
below between both but by can could did do does doing down during each few for from further had
has have having he her here hers herself him himself his how if in into is it its itself just me
more most my myself no nor not now of off on once only or other our ours ourselves out over own
same she should so some such than that the their theirs them themselves then there these they this
those through to too under until up very was we were what when where which while who whom why will
with would you your yours yourself yourselves
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())
"""English words that say little about what a text is about."""


@storable
@dataclass(frozen=True, eq=False)
class Words:
    """A vocabulary: how texts become numbers."""

    words: tuple[str, ...]
    """Most frequent first; the first has number `FIRST`."""
    ignored: tuple[str, ...]
    """Words that are left out of texts."""
    lowercase: bool
    """Read capital letters as small ones."""

    @classmethod
    def learned(
        cls, texts: Iterable[str], *, lowercase: bool, ignored: Iterable[str], least: int, most: int
    ) -> Words:
        """Return the words that texts use most.

        Parameters
        ----------
        ignored
            Words to leave out.
        least
            How often a word must be used.
        most
            Words to keep.

        Raises
        ------
        DataError
            If an item is not a string, or no word is left.
        """
        ignored = tuple(sorted(ignored))
        flat, met = tokenise(texts, lowercase)
        counted = np.bincount(flat, minlength=len(met))
        counted[0] = 0  # the end of a document
        left_out = set(ignored)
        used = np.flatnonzero(counted >= max(1, least)).tolist()
        kept = [i for i in used if met[i] not in left_out]
        if not kept:
            raise DataError(
                f"No word is used {least} times or more in the texts.",
                "Lower min_count, or train on more texts.",
            )
        kept.sort(key=lambda i: (-counted[i], met[i]))
        return cls(tuple(met[i] for i in kept[:most]), ignored, lowercase)

    @property
    def n_ids(self) -> int:
        """Numbers in use, those of padding and of unknown words included."""
        return FIRST + len(self.words)

    def read(self, texts: Iterable[str], longest: int) -> tuple[Ints, Longs]:
        """Return the numbers of all words, and where each text begins (n_texts + 1,).

        Parameters
        ----------
        longest
            Words of a text that are read.

        Raises
        ------
        DataError
            If an item is not a string.
        """
        flat, met = tokenise(texts, self.lowercase)
        found = map(self._ids.get, met, repeat(UNKNOWN))
        id_of = np.fromiter(found, np.int32, len(met))
        id_of[0] = -1  # the end of a document
        ids = id_of[flat]
        before = np.concatenate(([0], np.cumsum(ids >= 0)))
        ends = before[np.flatnonzero(flat == 0)]
        starts = np.concatenate(([0], ends[:-1])) if len(ends) else ends
        count = np.minimum(ends - starts, longest)
        ptr = np.concatenate(([0], np.cumsum(count))).astype(np.int64)
        return ids[ids >= 0][ranges(starts, count)], ptr

    @cached_property
    def _ids(self) -> dict[str, int]:
        """The number of each word, -1 for those that are left out."""
        found = dict(zip(self.words, range(FIRST, self.n_ids), strict=True))
        return found | dict.fromkeys(self.ignored, -1)
