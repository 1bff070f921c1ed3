from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeltree.core.dag import SHOWN, closure, longest_paths, parent_csr
from labeltree.core.errors import DataError


@st.composite
def dags(draw):
    """(n_nodes, arcs): nodes in random order, arcs from lower to higher in a hidden one."""
    n = draw(st.integers(1, 12))
    order = draw(st.permutations(range(n)))
    pairs = [(order[i], order[j]) for i in range(n) for j in range(i + 1, n)]
    arcs = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    return n, np.array(arcs, np.int64).reshape(-1, 2)


@given(dags())
def test_longest_paths_are_those_of_the_definition(dag):
    n, arcs = dag
    parents = {v: arcs[arcs[:, 1] == v, 0].tolist() for v in range(n)}

    def longest(v):
        return max((longest(p) + 1 for p in parents[v]), default=0)

    assert longest_paths(n, arcs, "x" * n).tolist() == [longest(v) for v in range(n)]


@given(dags(), st.data())
def test_any_cycle_is_found_and_named_correctly(dag, data):
    n, arcs = dag
    back = (arcs[0][::-1] if len(arcs) else np.array([0, 0]))[None]
    arcs = np.vstack([arcs, back])
    with pytest.raises(DataError) as error:
        longest_paths(n, arcs, [f"n{v}" for v in range(n)])
    loop = str(error.value).removeprefix("The taxonomy has a cycle: ").split(".")[0].split(" > ")
    graph = nx.DiGraph((f"n{p}", f"n{c}") for p, c in arcs)
    assert loop[0] == loop[-1]
    assert len(set(loop)) == len(loop) - 1 >= 1
    assert nx.is_path(graph, loop)


def test_a_long_cycle_is_shown_shortened():
    n = 50_000
    arcs = np.stack([np.arange(n), (np.arange(n) + 1) % n], axis=1)
    with pytest.raises(DataError) as error:
        longest_paths(n, arcs, [f"n{v}" for v in range(n)])
    assert f"... ({n + 1 - SHOWN} more) ..." in str(error.value)
    assert str(error.value).count(" > ") == SHOWN


@given(dags())
def test_parents_are_sorted_and_sources_get_the_root(dag):
    n, arcs = dag
    ptr, idx = parent_csr(arcs + 1, n + 1)
    assert (ptr.dtype, idx.dtype) == (np.int32, np.int32)
    assert idx[ptr[0] : ptr[1]].tolist() == []
    for v in range(n):
        above = sorted(arcs[arcs[:, 1] == v, 0] + 1) or [0]
        assert idx[ptr[v + 1] : ptr[v + 2]].tolist() == above


@given(dags())
def test_closure_is_that_of_networkx(dag):
    n, arcs = dag
    level = np.concatenate([[0], longest_paths(n, arcs, "x" * n) + 1])
    found = closure(*parent_csr(arcs + 1, n + 1), level)
    graph = nx.DiGraph((p + 1, c + 1) for p, c in arcs)
    graph.add_nodes_from(range(n + 1))
    graph.add_edges_from([(0, v) for v in range(1, n + 1)])
    expected = [sorted(nx.ancestors(graph, v)) for v in range(n + 1)]
    assert [found.indices[a:b].tolist() for a, b in pairwise(found.indptr)] == expected
    assert (found.data == 1).all()
