import networkx as nx
import numpy as np
import pytest
from graphs import DIAMOND, NYT, RCV1, SIZES, graph, grown, public, random_dag, wos

from labeltree.core.hierarchy import Hierarchy
from labeltree.nn.branches import n_branches, random_groups, root_branches
from labeltree.nn.graph import LabelGraph


def test_branches_of_wos():
    cut = root_branches(wos())
    assert [len(branch.columns) for branch in cut.branches] == list(SIZES)
    assert [branch.graph.edges.shape[1] for branch in cut.branches] == [n - 1 for n in SIZES]
    assert not len(cut.single)
    together = np.concatenate([branch.columns for branch in cut.branches])
    assert sorted(together) == list(range(141))  # all, none twice


@pytest.mark.parametrize(
    ("counts", "n_labels", "levels", "sizes"),
    [
        (RCV1, 103, [4, 55, 43, 1], {34, 26, 33, 10}),
        (NYT, 166, [4, 27, 51, 47, 17, 12, 6, 2], {62, 7, 23, 74}),
    ],
)
def test_levels_and_branches_of_public_taxonomies(counts, n_labels, levels, sizes):
    g = public(counts)
    assert g.n_labels == g.n_nodes == n_labels
    assert np.bincount(g.level).tolist() == levels
    cut = root_branches(g)
    assert {len(branch.columns) for branch in cut.branches} == sizes
    assert not len(cut.single)


@pytest.mark.parametrize("seed", range(5))
def test_branches_are_descendants(seed):
    g = random_dag(seed)
    reach = nx.DiGraph([*map(tuple, g.edges.T.tolist())])
    reach.add_nodes_from(range(g.n_nodes))
    roots = [v for v in range(g.n_nodes) if not reach.in_degree(v)]
    expected = [{r} | nx.descendants(reach, r) for r in roots]
    label = {int(v): c for c, v in enumerate(g.node_of_label)}
    cut = root_branches(g)
    found = [set(b.columns.tolist()) for b in cut.branches]
    assert found == [{label[v] for v in part} for part in expected if len(part) > 1]
    assert set(cut.single.tolist()) == {label[min(p)] for p in expected if len(p) == 1}


def test_a_branch_keeps_edges_priors_and_order():
    h = Hierarchy.from_edges(DIAMOND)
    g = LabelGraph.of(h, prior="sibling")
    ids = h.ids[1:]
    first, second = root_branches(g).branches
    names = [[ids[g.node_of_label[c]] for c in b.columns] for b in (first, second)]
    assert [set(part) for part in names] == [set("abcdf"), set("ed")]
    inside = {(p, c): w for (p, c), w in zip(
        ((ids[p], ids[c]) for p, c in g.edges.T), g.prior.tolist(), strict=True)}  # fmt: skip
    for branch, own in zip((first, second), names, strict=True):
        part = branch.graph
        name = {int(v): own[c] for c, v in enumerate(part.node_of_label)}
        found = {(name[p], name[c]): w for (p, c), w in zip(
            part.edges.T.tolist(), part.prior.tolist(), strict=True)}  # fmt: skip
        assert found == {e: w for e, w in inside.items() if set(e) <= set(own)}
        assert (np.diff(part.edges[1]) >= 0).all()
        assert part.level.max() == {5: 2, 2: 1}[len(own)]


def test_meta_labels_belong_to_branches():
    (branch,) = root_branches(graph("meta")).branches
    assert branch.graph.n_nodes == 5
    assert branch.columns.tolist() == [0, 1, 2]


def test_labels_alone_are_set_aside():
    cut = root_branches(graph("flat"))
    assert cut.branches == []
    assert cut.single.tolist() == [0, 1, 2]
    assert n_branches(cut) == 3
    meta = LabelGraph.of(Hierarchy.from_edges([("m", "a"), ("n", "a"), ("n", "o")], ["a", "b"]))
    assert root_branches(meta).single.tolist() == [0, 1]
    assert n_branches(root_branches(graph("one label"))) == 1


def test_one_branch_is_everything():
    (branch,) = root_branches(graph("one branch")).branches
    assert branch.graph.n_nodes == 3
    assert n_branches(root_branches(graph("one branch"))) == 1


def test_random_groups_have_one_size():
    g = wos()
    cut = random_groups(g, 7, seed=3)
    sizes = [len(branch.columns) for branch in cut.branches]
    assert sorted(sizes) == [20] * 6 + [21]
    assert sorted(np.concatenate([b.columns for b in cut.branches])) == list(range(141))
    other = random_groups(g, 7, seed=4)
    assert any((a.columns != b.columns).any() for a, b in zip(
        cut.branches[1:], other.branches[1:], strict=True))  # fmt: skip
    kept = sum(branch.graph.edges.shape[1] for branch in cut.branches)
    assert 0 < kept < g.edges.shape[1]


def test_random_groups_keep_meta_labels():
    g = grown(400, leaf=50)
    for branch in random_groups(g, 2, seed=0).branches:
        assert len(branch.columns) == 200
        assert branch.graph.n_nodes == 200 + (g.n_nodes - 400)
        assert branch.graph.level.max() == g.level.max()


def test_more_groups_than_labels():
    assert random_groups(graph("flat"), 9, seed=0).single.tolist() == [0, 1, 2]
