"""Cut a data set into parts: seeded, documents that belong together in one part, labels spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import block_array, csr_array, vstack
from scipy.sparse.csgraph import connected_components

from labeltree.core.arrays import CSR, Doubles, Ints, Longs, as_csr
from labeltree.core.dataset import Dataset
from labeltree.core.errors import DataError, ParameterError
from labeltree.core.labels import Labels
from labeltree.kernels.stratify import Sets, stratify
from labeltree.readers import Splits
from labeltree.readers.universe import extended, sort_ids
from labeltree.run.checks.material import PartMaterial

PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class Coverage:
    """What a part holds."""

    part: str
    documents: int
    labels: int
    """Labels that occur in it."""
    learnable: int
    """Those of them that occur in train."""
    occurrences: float
    """Share of the part's label occurrences whose label occurs in train, in [0, 1]."""


def pool(splits: Splits) -> Splits:
    """Return the data with all documents in train, in the order train, val, test."""
    parts = list(splits.parts.values())
    new = {label for part in parts for label in part.labels.ids[len(splits.labels) :]}
    names = dict(pair for p in parts for pair in zip(p.labels.ids, p.labels.names, strict=True))
    labels = extended(splits.labels, sort_ids(new), {})
    labels = replace(labels, names=tuple(names[label] for label in labels.ids))
    Y = as_csr(vstack([_over(part, labels) for part in parts], format="csr"), "Y")
    texts, X = None, None
    if all(part.texts is not None for part in parts):
        texts = [text for part in parts for text in part.texts or ()]
    if all(part.X is not None for part in parts):
        X = as_csr(vstack([part.X for part in parts], format="csr"), "X")
    labels = labels.counted(Y)
    return Splits(Dataset(Y, labels, texts, X), None, None, labels, splits.report)


def _over(part: Dataset, labels: Labels) -> CSR:
    """Return the part's Y over the columns of `labels`."""
    column = np.array([labels.column[label] for label in part.labels.ids], np.int32)
    parts = (part.Y.data, column[part.Y.indices], part.Y.indptr)
    return csr_array(parts, shape=(len(part), len(labels)))


def split(
    splits: Splits,
    shares: Mapping[str, float],
    *,
    seed: int = 0,
    stratified: bool = False,
    together: Sequence[CSR] = (),
) -> Splits:
    """Move shares of the training documents to new parts; parts that exist stay as they are.

    Documents with the same words (case, space and punctuation do not count) always go to the same
    part, so nothing leaks between the new parts.

    Parameters
    ----------
    shares
        Share of the training documents for `val`, `test` or both.
    stratified
        Spread every label over the parts by iterative stratification (Sechidis et al., 2011); a
        label that occurs in two documents or more, not all of them tied together, is in train.
    together
        Binary matrices (n_samples, anything): documents with an entry in the same column belong
        together, by author for instance.

    Raises
    ------
    DataError
        If there is no training part, or a part would be empty.
    ParameterError
        If a share is not between 0 and 1, or the part is there already.
    """
    data = splits.train
    if data is None:
        raise DataError("There is no training part.", "Name a file train.jsonl, train.csv ...")
    _check(shares, splits)
    shares = {"train": 1 - sum(shares.values()), **shares}
    units = tied_documents(data, together)
    part_of = _assigned(data.Y, units, np.array(list(shares.values())), seed, stratified)[units]
    found = {name: data.subset(part_of == i) for i, name in enumerate(shares)}
    for name, part in found.items():
        if not len(part):
            raise DataError(
                f"The {name} part would be empty: {len(data)} documents, {units.max() + 1} of which"
                " do not belong together.",
                "Ask for another share, or for fewer fields.",
            )
    labels = splits.labels.counted(found["train"].Y[:, : len(splits.labels)])
    parts = {
        name: replace(part, labels=_recounted(part.labels, labels))
        for name, part in ({**splits.parts, **found}).items()
    }
    return Splits(parts["train"], parts.get("val"), parts.get("test"), labels, splits.report)


def coverage(splits: Splits) -> list[Coverage]:
    """Return what each part holds, and how much of it can be learnt from train."""
    known = splits.labels.counts > 0
    found = []
    for name, part in splits.parts.items():
        times = np.bincount(part.Y.indices, minlength=part.Y.shape[1])
        learnable = np.pad(known, (0, len(times) - len(known))) & (times > 0)
        share = float(times[learnable].sum() / max(1, times.sum()))
        counts = int((times > 0).sum()), int(learnable.sum())
        found.append(Coverage(name, len(part), *counts, share))
    return found


def shared_with_train(splits: Splits, name: str) -> int:
    """Return how many documents of a part say the same as one of train."""
    assert splits.train is not None
    known = PartMaterial("train", splits.train, near=True).same.keys
    same = PartMaterial(name, splits.parts[name], near=True).same
    leaked = [i for key, i in same.keys.items() if key in known]
    return int(np.isin(same.first, leaked).sum())


def tied_documents(data: Dataset, together: Sequence[CSR] = ()) -> Ints:
    """Return the number of the unit each document belongs to, (n_samples,).

    Documents are tied that say the same, or share an entry of `together`, and so on from one to
    the next.
    """
    first = PartMaterial("", data, near=True).same.first
    n = len(data)
    same = csr_array((np.ones(n, np.int8), (np.arange(n), first)), shape=(n, n))
    columns = [same, *(csr_array(matrix, dtype=np.int8) for matrix in together)]
    ties = block_array([columns], format="csr")
    graph = block_array([[None, ties], [ties.T, None]], format="csr")
    return np.asarray(connected_components(graph, directed=False)[1][:n], np.int32)


def _check(shares: Mapping[str, float], splits: Splits) -> None:
    for name, share in shares.items():
        if name not in PARTS[1:] or not 0 < share < 1:
            raise ParameterError(f"The share of {name} must be between 0 and 1, found {share}.")
        if name in splits.parts:
            raise ParameterError(f"There is a {name} part already: keep it, or pool the parts.")
    if not shares or sum(shares.values()) >= 1:
        raise ParameterError("The shares of val and test must leave something for train.")


def _assigned(Y: CSR, units: Ints, share: Doubles, seed: int, stratified: bool) -> Ints:
    """Return the part of each unit, (n_units,)."""
    n_units = int(units.max(initial=-1)) + 1
    order = np.random.default_rng(seed).permutation(n_units)
    member = csr_array(
        (np.ones(len(units)), (units, np.arange(len(units)))), shape=(n_units, len(units))
    )
    size = np.bincount(units, minlength=n_units)[order]
    part_of = np.empty(n_units, np.int32)
    if not stratified:
        middle = np.cumsum(size) - size / 2
        part_of[order] = np.searchsorted(np.cumsum(share[:-1]) * size.sum(), middle, "right")
        return part_of
    carried = as_csr(member @ Y, "labels")[order]
    part_of[order] = _repaired(carried, stratify(_sets(carried, size), share))
    return part_of


def _sets(carried: CSR, size: Longs) -> Sets:
    columns = carried.tocsc()
    columns.sort_indices()
    return Sets(
        carried.indptr.astype(np.int64), carried.indices.astype(np.int32),
        carried.data.astype(np.float64), columns.indptr.astype(np.int64),
        columns.indices.astype(np.int32), size.astype(np.float64),
    )  # fmt: skip


def _repaired(carried: CSR, part_of: Ints) -> Ints:
    """Move to train one unit of each label with several units that has none there.

    Stratification follows the rarest label of a unit, which can draw all units of another one away
    from train. What is in train stays there, so no move undoes another.
    """
    columns = carried.tocsc()
    n_units = np.diff(columns.indptr)
    here = np.bincount(carried[part_of == 0].indices, minlength=carried.shape[1])
    for label in np.flatnonzero((n_units > 1) & (here == 0)).tolist():
        own = columns.indices[columns.indptr[label] : columns.indptr[label + 1]]
        if (part_of[own] != 0).all():
            part_of[own.min()] = 0
    return part_of


def _recounted(labels: Labels, universe: Labels) -> Labels:
    """Return labels with the counts of the universe; those outside it have none."""
    extra = len(labels) - len(universe)
    return replace(
        labels,
        counts=np.pad(universe.counts, (0, extra)),
        counts_specific=np.pad(universe.counts_specific, (0, extra)),
        n_train=universe.n_train,
        closed=universe.closed,
    )
