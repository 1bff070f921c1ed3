"""Bits of labels such that a wrong bit does little harm: robust Bloom filters.

Cisse, Usunier, Artieres, Gallinari, "Robust Bloom Filters for Large MultiLabel Classification
Tasks" (NIPS 2013). Labels of different clusters hardly ever come together, so they may share bits:
label r of cluster p has the bits {r Q + s : s in S_p}. Labels that come with everything, the hubs,
have a bit each.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, islice
from math import comb

import numpy as np
from scipy.sparse import csr_array

from labeltree.core.arrays import CSR, Ints, Longs, row_of_entry
from labeltree.linear.bits import Code


def robust_code(Y: CSR, seen: Ints, n_hubs: int, max_cluster: int, n_parts: int, seed: int) -> Code:
    """Return the code of the columns of Y (n_samples, n_seen).

    Parameters
    ----------
    seen
        What stands for them in the labels of the model, (n_seen,).
    n_hubs
        Labels with a bit of their own, those that come with most others.
    max_cluster
        Labels of a cluster at most.
    n_parts
        K: bits of a label.
    """
    company = co_occurrence(Y)
    hub = np.argsort(-np.diff(company.indptr), kind="stable")[:n_hubs]
    rest = np.setdiff1d(np.arange(len(seen)), hub)
    found = clustered(csr_array(company[rest][:, rest]), max_cluster, seed)
    subsets = signatures(len(found), n_parts)
    Q = int(subsets.max(initial=-1)) + 1
    cluster = np.full(len(seen), -1, np.int32)
    bits = np.zeros((len(seen), n_parts), np.int64)
    for p, members in enumerate(found):
        cluster[rest[members]] = p
        bits[rest[members]] = np.arange(len(members))[:, None] * Q + subsets[p]
    own = Q * max(map(len, found), default=0)
    bits[hub] = own + np.arange(len(hub))[:, None]
    return Code(seen, bits.astype(np.int32), own + len(hub), cluster)


def co_occurrence(Y: CSR) -> CSR:
    """Return how many documents each two labels have in common, (n_labels, n_labels)."""
    C = csr_array(Y.T @ Y)
    C.data[C.indices == row_of_entry(C)] = 0
    C.eliminate_zeros()
    C.sort_indices()
    return C


def clustered(company: CSR, max_cluster: int, seed: int) -> list[Longs]:
    """Return clusters of labels that come together, none larger than `max_cluster`.

    Louvain's communities (Blondel et al., J. Stat. Mech. 2008), the large ones divided again at
    twice the resolution, the small ones put together.
    """
    import networkx as nx

    graph = nx.from_scipy_sparse_array(company)
    todo, small = [(list(range(company.shape[0])), 1.0)], []
    while todo:
        labels, resolution = todo.pop()
        if len(labels) <= max_cluster:
            small.append(labels)
            continue
        parts = nx.community.louvain_communities(
            graph.subgraph(labels), resolution=resolution, seed=seed
        )
        todo += [(sorted(part), 2 * resolution) for part in parts]
    return packed(small, max_cluster)


def packed(parts: Sequence[Sequence[int]], most: int) -> list[Longs]:
    """Put parts together, the largest first, each where there is room for it first."""
    room = np.full(len(parts), most)
    holds: list[list[int]] = [[] for _ in parts]
    for part in sorted(filter(len, parts), key=lambda part: (-len(part), part[0])):
        at = int(np.argmax(room >= len(part)))
        room[at] -= len(part)
        holds[at] += part
    return [np.array(sorted(labels)) for labels in holds if labels]


def signatures(n_clusters: int, n_parts: int) -> Longs:
    """Return subsets of K positions, (n_clusters, n_parts), no two of which share more than K // 2.

    So a subset of which (K - 1) // 2 positions are lost is still nearest to itself. Up to K = 2
    any two different ones will do; beyond that graphs of polynomials over a prime field, two of
    which meet seldom (Kautz, Singleton, "Nonrandom Binary Superimposed Codes", 1964).
    """
    if n_parts <= 2:
        Q = n_parts
        while comb(Q, n_parts) < n_clusters:
            Q += 1
        found = list(islice(combinations(range(Q), n_parts), n_clusters))
        return np.array(found, np.int64).reshape(n_clusters, n_parts)
    n_terms, q = n_parts // 2 + 1, _prime(n_parts)
    while q**n_terms < n_clusters:
        q = _prime(q + 1)
    place, value = np.arange(n_parts), np.zeros((n_clusters, n_parts), np.int64)
    for t in reversed(range(n_terms)):  # Horner's scheme; the digits of p are its coefficients
        digit = np.arange(n_clusters) // q**t % q
        value = (value * place + digit[:, None]) % q
    _, subsets = np.unique(place * q + value, return_inverse=True)
    return np.asarray(subsets.reshape(n_clusters, n_parts), np.int64)


def _prime(least: int) -> int:
    """Return the first prime that is not below `least`."""
    while least < 2 or any(least % d == 0 for d in range(2, int(least**0.5) + 1)):
        least += 1
    return least
