"""Iterative stratification against the algorithm as its paper tells it, one label at a time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from labeltree.kernels.stratify import TIE, Sets, stratify


def sets_of(counts, size):
    rows = csr_array(np.asarray(counts, float))
    columns = rows.tocsc()
    columns.sort_indices()
    return Sets(
        rows.indptr.astype("i8"), rows.indices.astype("i4"), rows.data.astype("f8"),
        columns.indptr.astype("i8"), columns.indices.astype("i4"), np.asarray(size, "f8"),
    )  # fmt: skip


def naive(counts, size, share):
    """Algorithm 1, with labels that became rare behind those that were."""
    counts, size = np.asarray(counts, float), np.asarray(size, float)
    wanted = counts.sum(axis=0)[:, None] * share
    part_of = np.full(len(size), -1)
    left = (counts > 0).sum(axis=0)
    since = list(range(counts.shape[1]))
    clock = len(since)

    def part_for(wanting):
        used = np.array([size[part_of == p].sum() for p in range(len(share))])
        lacks = 1 - used / (share * size.sum())
        best = np.flatnonzero(wanting >= wanting.max() - TIE)
        return best[np.flatnonzero(lacks[best] >= lacks[best].max() - TIE)[0]]

    while (left > 0).any():
        label = min(np.flatnonzero(left > 0), key=lambda c: (left[c], since[c]))
        for unit in np.flatnonzero(counts[:, label]):
            if part_of[unit] >= 0:
                continue
            part = part_for(wanted[label])
            part_of[unit] = part
            for other in np.flatnonzero(counts[unit]):
                wanted[other, part] -= counts[unit, other]
                left[other] -= 1
                since[other] = clock
                clock += 1
    for unit in np.flatnonzero(part_of < 0):
        used = np.array([size[part_of == p].sum() for p in range(len(share))])
        lacks = 1 - used / (share * size.sum())
        part_of[unit] = np.flatnonzero(lacks >= lacks.max() - TIE)[0]
    return part_of


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(1, 25),
    n_labels=st.integers(0, 8),
    share=st.sampled_from([(0.7, 0.1, 0.2), (0.5, 0.5), (0.25, 0.25, 0.25, 0.25), (1.0,)]),
)
def test_it_does_what_the_algorithm_says(seed, n, n_labels, share):
    rng = np.random.default_rng(seed)
    size = rng.integers(1, 4, n)
    counts = np.minimum(rng.integers(0, 4, (n, n_labels)) * (rng.random((n, n_labels)) < 0.4),
                        size[:, None])  # fmt: skip
    share = np.array(share)
    found = stratify(sets_of(counts, size), share)
    assert found.tolist() == naive(counts, size, share).tolist()
    assert found.tolist() == stratify.py_func(sets_of(counts, size), share).tolist()


def test_every_label_is_spread_in_the_wanted_shares():
    rng = np.random.default_rng(1)
    counts = rng.random((2000, 30)) < np.linspace(0.01, 0.3, 30)
    share = np.array([0.6, 0.1, 0.3])
    part = stratify(sets_of(counts, np.ones(2000)), share)
    found = np.array([counts[part == p].sum(axis=0) for p in range(3)]) / counts.sum(axis=0)
    assert np.abs(found - share[:, None]).max() < 0.06
    chance = rng.choice(3, 2000, p=share)
    other = np.array([counts[chance == p].sum(axis=0) for p in range(3)]) / counts.sum(axis=0)
    assert np.abs(found - share[:, None]).mean() < 0.5 * np.abs(other - share[:, None]).mean()


@pytest.mark.parametrize("n", [2, 3, 5])
def test_a_label_with_several_documents_reaches_the_first_part(n):
    counts = np.kron(np.eye(50), np.ones((n, 1)))
    part = stratify(sets_of(counts, np.ones(len(counts))), np.array([0.7, 0.1, 0.2]))
    assert (counts[part == 0].sum(axis=0) > 0).all()
