"""Texts to numbers of words, and words to n-grams; all counting is done on arrays."""

from __future__ import annotations

import re
from array import array
from collections import defaultdict
from collections.abc import Iterable
from itertools import count
from typing import NamedTuple

import numpy as np

from labeltree.core.arrays import Ints, Longs
from labeltree.core.errors import DataError

BLOCK = 1 << 18
"""Tokens handled at once: their arrays stay in the processor's cache."""

find_words = re.compile(r"\w\w+").findall
"""A word: two or more letters, digits or underscores."""
_words_and_ends = re.compile(r"\w\w+|\n").findall

_BLANKED = bytes(b if b > 127 or chr(b).isalnum() or chr(b) == "_" else 32 for b in range(256))
"""Maps each ASCII byte that is in no word to a blank."""


class Tokens(NamedTuple):
    """The words of all documents, one after the other."""

    ids: Ints
    """Numbers into `words`; 0 after the last word of each document. Shape (n_tokens,)."""
    words: list[str]
    """The words met; the first stands for the end of a document."""


def tokenise(texts: Iterable[str], lowercase: bool) -> Tokens:
    """Turn texts into numbers of words.

    The pattern for words is slow: texts are cut at ASCII blanks and punctuation, and the pattern
    runs over the distinct pieces only.

    Raises
    ------
    DataError
        If an item is not a string.
    """
    if isinstance(texts, str):
        raise DataError("texts is one string.", "Pass a list of strings, one a document.")
    pieces: defaultdict[bytes, int] = defaultdict(count().__next__)
    number = pieces.__getitem__
    number(b"")  # no cut leaves an empty piece: 0 is free to end documents
    ids = array("i")
    for position, text in enumerate(texts):
        if not isinstance(text, str):
            raise DataError(
                f"texts[{position}] is of type {type(text).__name__}.", "Each text is a string."
            )
        raw = (text.lower() if lowercase else text).encode("utf-8", "surrogatepass")
        ids.fromlist(list(map(number, raw.translate(_BLANKED).split())))
        ids.append(0)
    joined = b"\n".join(pieces)
    del pieces, number
    return _pieces_to_words(np.frombuffer(ids, np.int32), joined.decode("utf-8", "surrogatepass"))


def _pieces_to_words(ids: Ints, pieces: str) -> Tokens:
    """Replace each piece by the words in it: mostly one, at times none or several.

    Parameters
    ----------
    ids
        Numbers of pieces, (n,).
    pieces
        The pieces, one a line.
    """
    found = _words_and_ends(pieces + "\n")
    words: defaultdict[str, int] = defaultdict(count().__next__)
    words["\n"]
    flat = np.fromiter(map(words.__getitem__, found), np.int32, len(found))
    stops = np.flatnonzero(flat == 0)
    starts = np.concatenate(([0], stops[:-1] + 1))
    lengths = stops - starts
    lengths[0] = 1  # the end of a document stays: flat[0] is 0
    out = np.empty(np.bincount(ids, minlength=len(lengths)) @ lengths, np.int32)
    end = 0
    for i in range(0, len(ids), BLOCK):
        block = ids[i : i + BLOCK]
        n = lengths[block]
        until = np.cumsum(n)
        at = np.repeat(starts[block] - (until - n), n) + np.arange(until[-1])
        out[end : end + len(at)] = flat[at]
        end += len(at)
    return Tokens(out, list(words))


# ---- numbers to terms ---------------------------------------------------------------------------


class Grams(NamedTuple):
    """The terms that start at each token."""

    levels: list[Ints]
    """For each length of n-gram: numbers into `terms`, each of shape (n_tokens,)."""
    terms: list[str]
    """Words and n-grams; the first stands for none."""
    counted: Longs
    """How often each term occurs, (n_terms,); 0 for the first."""
    bounds: Longs
    """Where each document starts, and where the last one ends, (n_samples + 1,)."""


def number_grams(tokens: Tokens, longest: int, least: int) -> Grams:
    """Find the n-grams of 1 to `longest` words; beyond words, those counted `least` times."""
    ids, words = tokens
    bounds = np.concatenate(([0], np.flatnonzero(ids == 0) + 1))
    counted = np.bincount(ids, minlength=1)
    counted[0] = 0
    levels, terms = [ids], list(words)
    # No n-gram is more frequent than its parts: only frequent ones are made longer.
    frequent = (counted >= least)[ids] if longest > 1 else np.empty(0, np.bool_)
    starts = frequent
    for n in range(2, longest + 1):
        at = np.flatnonzero(starts[: 1 - n] & frequent[n - 1 :])
        pairs = levels[-1][at].astype(np.int64) * len(words) + ids[at + n - 1]
        distinct, which, times = np.unique(pairs, return_inverse=True, return_counts=True)
        kept = times >= least
        level = np.zeros_like(ids)
        level[at] = np.where(kept, np.cumsum(kept) + (len(terms) - 1), 0)[which]
        heads, tails = np.divmod(distinct[kept], len(words))
        terms += [
            f"{terms[h]} {words[t]}" for h, t in zip(heads.tolist(), tails.tolist(), strict=True)
        ]
        counted = np.concatenate((counted, times[kept]))
        levels.append(level)
        starts = level > 0
    return Grams(levels, terms, counted, bounds)
