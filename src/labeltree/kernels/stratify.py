"""Iterative stratification: spread the documents of every label over parts in given shares.

Sechidis, Tsoumakas, Vlahavas, "On the Stratification of Multi-Label Data" (ECML PKDD 2011),
algorithm 1. Labels wait in lists by the number of their documents left, so the time is that of
reading the label matrix once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from labeltree.kernels.compile import kernel
from labeltree.kernels.types import F64, I32, I64

TIE = 1e-9
"""Shares times counts differ by rounding where they mean the same."""


class Sets(NamedTuple):
    """Units that must not be divided (documents, or documents that belong together)."""

    label_ptr: I64
    """Labels of unit i are `label[label_ptr[i]:label_ptr[i + 1]]`, (n_units + 1,)."""
    label: I32
    times: F64
    """Documents of the unit that carry the label, (n_entries,)."""
    unit_ptr: I64
    """Units of label l are `unit[unit_ptr[l]:unit_ptr[l + 1]]`, (n_labels + 1,)."""
    unit: I32
    size: F64
    """Documents of each unit, (n_units,)."""


class Waiting(NamedTuple):
    """Labels by number of units left: doubly linked lists, -1 at the ends.

    Labels queue up: those that were rare from the start come before those that became so.
    """

    left: I64
    """Units left of each label, (n_labels,)."""
    head: I64
    """First label with so many units left, (most + 1,)."""
    tail: I64
    """Last one, (most + 1,)."""
    after: I64
    before: I64


@kernel
def put(waiting: Waiting, label: int) -> None:
    """Put a label at the end of its list."""
    count = waiting.left[label]
    last = waiting.tail[count]
    waiting.before[label], waiting.after[label] = last, -1
    if last >= 0:
        waiting.after[last] = label
    else:
        waiting.head[count] = label
    waiting.tail[count] = label


@kernel
def take(waiting: Waiting, label: int) -> None:
    """Take a label out of its list."""
    count, before, after = waiting.left[label], waiting.before[label], waiting.after[label]
    if before >= 0:
        waiting.after[before] = after
    else:
        waiting.head[count] = after
    if after >= 0:
        waiting.before[after] = before
    else:
        waiting.tail[count] = before


@kernel
def most_wanting(wanted: F64, lacks: F64) -> int:
    """Return the part that wants most; ties go to the one that lacks the largest share of its own.

    The paper breaks ties by the number of documents lacking, which sends both documents of a label
    to the largest part.
    """
    best = 0
    for part in range(1, len(wanted)):
        ahead = wanted[part] - wanted[best]
        if ahead > TIE or (ahead > -TIE and lacks[part] > lacks[best] + TIE):
            best = part
    return best


@kernel
def stratify(sets: Sets, share: F64) -> I32:
    """Return the part of each unit, (n_units,).

    Parameters
    ----------
    sets
        Units in random order: among equals the first come first.
    share
        Wanted share of each part, (n_parts,), adding up to 1.
    """
    n_units, n_labels = len(sets.size), len(sets.unit_ptr) - 1
    whole = share * sets.size.sum()
    lacks = np.ones(len(share))
    wanted = np.zeros((n_labels, len(share)))
    for e in range(len(sets.label)):
        wanted[sets.label[e]] += share * sets.times[e]
    left = sets.unit_ptr[1:] - sets.unit_ptr[:-1]
    heads = np.full(left.max() + 1 if n_labels else 1, -1, np.int64)
    after, before = np.empty(n_labels, np.int64), np.empty(n_labels, np.int64)
    waiting = Waiting(left, heads, heads.copy(), after, before)
    for label in range(n_labels):
        put(waiting, label)
    part_of = np.full(n_units, -1, np.int32)
    count = 1
    while count < len(heads):
        label = heads[count]
        if label < 0:
            count += 1
            continue
        for u in range(sets.unit_ptr[label], sets.unit_ptr[label + 1]):
            unit = sets.unit[u]
            if part_of[unit] >= 0:
                continue
            part = most_wanting(wanted[label], lacks)
            part_of[unit] = part
            lacks[part] -= sets.size[unit] / whole[part]
            for e in range(sets.label_ptr[unit], sets.label_ptr[unit + 1]):
                other = sets.label[e]
                wanted[other, part] -= sets.times[e]
                take(waiting, other)
                left[other] -= 1
                put(waiting, other)
                count = min(count, max(1, left[other]))
    for unit in range(n_units):
        if part_of[unit] < 0:  # without labels
            part = most_wanting(lacks, lacks)
            part_of[unit] = part
            lacks[part] -= sets.size[unit] / whole[part]
    return part_of
