"""Word vectors to begin training with: from a file, or of the texts themselves. Needs no torch."""

from __future__ import annotations

import gzip
import logging
import zlib
from collections.abc import Iterator

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.linalg import svds

from labeltree.core.arrays import CSR, Doubles, Floats, Ints, Longs, row_of_entry
from labeltree.core.errors import DataError, ParameterError
from labeltree.nn.words import FIRST, PADDING

logger = logging.getLogger(__name__)

SPREAD = 0.3
"""Standard deviation of the entries of random vectors, about that of published ones."""
WINDOW = 5
"""Words to either side that count as company of a word."""
SMOOTHING = 0.75
"""Exponent of the frequency of context words."""
EXACT = 1000
"""Up to this many words, vectors are found by a dense decomposition."""


# ---- vectors from a file ------------------------------------------------------------------------


def vectors_from(file: str, words: tuple[str, ...], seed: int) -> Floats:
    """Read word vectors: a word and its numbers on each line, as word2vec and GloVe write them.

    A first line of two whole numbers (words, width) is word2vec's and is checked; files that end
    in .gz are unpacked. Words that the file does not have get random vectors as large as the
    others.

    Returns
    -------
    Floats
        (FIRST + n_words, width)

    Raises
    ------
    ParameterError
        If there is no such file.
    DataError
        If a line is damaged, the file has fewer words than it says, or none of ours.
    """
    number = {w.encode("utf-8", "surrogatepass"): i for i, w in enumerate(words, FIRST)}
    found: dict[int, Floats] = {}
    width = n_lines = 0
    announced = None
    for line, fields in _fields(file):
        if line == 1 and len(fields) == 2 and all(f.isdigit() for f in fields):
            announced, width = int(fields[0]), int(fields[1])
            continue
        width = width or len(fields) - 1
        word = fields[: max(0, len(fields) - width)]  # a few "words" have blanks in them
        if width < 1 or not word or (len(word) > 1 and _is_number(word[-1])):
            raise DataError(
                f"A word and {max(0, len(fields) - 1)} numbers, where {width} are expected.",
                _REMEDY, file=file, line=line,
            )  # fmt: skip
        n_lines += 1
        at = number.get(b" ".join(word))
        if at is not None and at not in found:
            found[at] = _numbers(fields[-width:], file, line)
    if announced not in (None, n_lines):
        raise DataError(f"The file ends after {n_lines} of {announced} words.", _REMEDY, file=file)
    if not found:
        raise DataError(
            f"None of the {len(words)} words of the texts has a vector.",
            "Is it of the same language, and in small letters?", file=file,
        )  # fmt: skip
    logger.info("%s has vectors of %d of %d words", file, len(found), len(words))
    vectors = np.stack(list(found.values()))
    table = random_vectors(FIRST + len(words), width, seed, float(vectors.std()))
    table[list(found)] = vectors
    return table


_REMEDY = "Get the file again: it is damaged or cut off."


def _fields(file: str) -> Iterator[tuple[int, list[bytes]]]:
    """Yield (line, fields), lines counted from 1."""
    try:
        with gzip.open(file) if file.endswith(".gz") else open(file, "rb") as lines:
            for line, raw in enumerate(lines, 1):
                yield line, raw.split()
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise ParameterError(
            f"vectors: {file} cannot be read ({error.strerror})."
            " Give random, trained, or a file of word vectors."
        ) from error
    except (EOFError, OSError, zlib.error) as error:  # of an archive
        raise DataError(f"{error}.", _REMEDY, file=file) from error


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _numbers(fields: list[bytes], file: str, line: int) -> Floats:
    try:
        numbers = np.array(fields, np.float32)
    except ValueError:
        numbers = np.array([np.nan], np.float32)
    if not np.isfinite(numbers).all():
        raise DataError("A vector holds what is no number.", _REMEDY, file=file, line=line)
    return numbers


# ---- vectors of the texts themselves ------------------------------------------------------------


def random_vectors(n: int, width: int, seed: int, spread: float = SPREAD) -> Floats:
    """Return (n, width) normal numbers; the row of padding is 0."""
    table = np.random.default_rng(seed).normal(0, spread, (n, width)).astype(np.float32)
    table[PADDING] = 0
    return table


def trained_vectors(ids: Ints, ptr: Longs, n_ids: int, width: int, seed: int) -> Floats:
    """Learn word vectors from the company that words keep in the texts themselves.

    The singular value decomposition of positive pointwise mutual information, U sqrt(S), with
    smoothed contexts: Levy, Goldberg, Dagan, "Improving distributional similarity with lessons
    learned from word embeddings" (TACL 2015), who find it level with word2vec. By scipy: needs no
    further library. Words without company get random vectors.

    Parameters
    ----------
    ids, ptr
        Words of all texts, and where each text begins; see `Words.read`.
    n_ids
        Numbers in use.

    Returns
    -------
    Floats
        (n_ids, width)
    """
    table = random_vectors(n_ids, width, seed)
    information = mutual_information(company(ids, ptr, n_ids))
    if not information.nnz:
        return table
    vectors = _factor(information, width, seed)
    known = np.diff(information.indptr) > 0
    spread = np.sqrt(np.square(vectors[known]).mean())
    table[known, : vectors.shape[1]] = vectors[known] * (SPREAD / spread)
    table[known, vectors.shape[1] :] = 0
    return table


def company(ids: Ints, ptr: Longs, n_ids: int) -> CSR:
    """Count how often words stand near one another, (n_ids, n_ids).

    Neighbours count 1, words further away less, in even steps down to 1 / `WINDOW` (what word2vec
    does by chance). Unknown words keep their place but are not counted.
    """
    text = np.repeat(np.arange(len(ptr) - 1), np.diff(ptr))
    total = csr_array((n_ids, n_ids), dtype=np.float32)
    for apart in range(1, WINDOW + 1):
        left, right = ids[:-apart], ids[apart:]
        pair = (text[:-apart] == text[apart:]) & (left >= FIRST) & (right >= FIRST)
        weight = np.full(int(pair.sum()), (WINDOW + 1 - apart) / WINDOW, np.float32)
        total += csr_array((weight, (left[pair], right[pair])), shape=(n_ids, n_ids))
    return csr_array(total + total.T)


def mutual_information(counts: CSR) -> CSR:
    """Return max(0, ln p(w, c) / (p(w) p'(c))) for counts (n, n), with p'(c) ~ n_c^`SMOOTHING`."""
    of_word = np.asarray(counts.sum(axis=1), np.float64).ravel()
    of_context = of_word**SMOOTHING
    share = counts.data / of_word[row_of_entry(counts)]  # p(c | w)
    expected = of_context / max(of_context.sum(), 1e-30)
    found = counts.copy()
    found.data = np.log(share / expected[counts.indices]).clip(0).astype(np.float32)
    found.eliminate_zeros()
    return found


def _factor(matrix: CSR, width: int, seed: int) -> Doubles:
    """Return U sqrt(S) of the `width` largest singular values, or of all if there are fewer."""
    n = matrix.shape[0]
    if n <= max(EXACT, width + 1):
        U, s, _ = np.linalg.svd(matrix.toarray().astype(np.float64))
        U, s = U[:, :width], s[:width]
    else:
        start = np.random.default_rng(seed).standard_normal(n)
        U, s, _ = svds(matrix.astype(np.float64), k=width, v0=start)
        U, s = U[:, ::-1], s[::-1]
    return np.asarray(U * np.sqrt(s))
