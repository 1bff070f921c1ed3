import numpy as np
import pytest
from graphs import graph, random_dag
from scipy.sparse import csr_array

from labeltree.core.errors import ParameterError
from labeltree.core.hierarchy import Hierarchy
from labeltree.nn.graph import LabelGraph

EDGES = [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("e", "f")]
H = Hierarchy.from_edges(EDGES, ["a", "b", "c", "d", "e", "f"])


def named(g, h=H):
    ids = h.ids[1:]
    return {(ids[p], ids[c]): w for (p, c), w in zip(g.edges.T, g.prior.tolist(), strict=True)}


def test_the_root_is_no_node():
    g = LabelGraph.of(H)
    assert g.n_nodes == g.n_labels == 6
    assert sorted(named(g)) == sorted(EDGES)
    ids = H.ids[1:]
    assert {ids[v]: n for v, n in enumerate(g.level.tolist())} == {
        "a": 0, "e": 0, "b": 1, "c": 1, "f": 1, "d": 2,
    }  # fmt: skip
    assert {ids[v]: n for v, n in enumerate(g.height.tolist())} == {
        "a": 2, "e": 1, "b": 1, "c": 1, "f": 0, "d": 0,
    }  # fmt: skip


def test_levels_and_heights_are_longest_paths():
    h = Hierarchy.from_edges([("a", "b"), ("b", "c"), ("a", "c"), ("z", "c")])
    g = LabelGraph.of(h)
    ids = h.ids[1:]
    assert g.level[ids.index("c")] == 2
    assert g.height[ids.index("a")] == 2
    assert g.height[ids.index("z")] == 1


ALONE = {("a", "b"): 1 / 2, ("a", "c"): 1 / 2, ("b", "d"): 1, ("c", "d"): 1, ("e", "f"): 1}
COUNTED = {
    ("a", "b"): 2 / 3,
    ("a", "c"): 2 / 3,
    ("b", "d"): 1 / 2,
    ("c", "d"): 1 / 2,
    ("e", "f"): 0,
}


@pytest.mark.parametrize(
    ("prior", "expected"),
    [
        ("share", COUNTED), ("sibling", ALONE), ("uniform", ALONE),
        ("none", dict.fromkeys(EDGES, 1)),
    ],
)  # fmt: skip
def test_priors(prior, expected):
    Y = np.zeros((4, 6))
    Y[0, 3] = 1  # d: at or below a, b, c too, once each
    Y[1, 1] = Y[2, 2] = 1
    Y[3, 4] = 1
    found = named(LabelGraph.of(H, csr_array(Y), prior=prior, eps=1e-6))
    assert found == pytest.approx(expected, abs=1e-5)


def test_labels_without_documents_pass_something_on():
    g = LabelGraph.of(H, csr_array(np.zeros((2, 6))))
    assert np.isfinite(g.prior).all()
    assert (g.prior > 0).all()


def test_meta_labels_are_nodes_but_not_answered():
    h = Hierarchy.from_edges([("m", "a"), ("a", "n"), ("n", "b"), ("a", "c")], ["a", "b", "c"])
    g = LabelGraph.of(h)
    assert g.n_nodes == 5
    assert g.n_labels == 3
    assert g.label_edges.T.tolist() == [[0, 2]]


def test_an_unknown_prior():
    with pytest.raises(ParameterError, match="share, sibling, uniform, none"):
        LabelGraph.of(H, prior="best")


@pytest.mark.parametrize("seed", range(5))
def test_rising_edges_are_complete_before_they_go_on(seed):
    g = random_dag(seed)
    left = g.edges.T.tolist()
    for edges in g.rising:
        for edge in edges.T.tolist():
            left.remove(edge)
        done = edges[0].tolist()
        assert not {parent for parent, _ in left} & set(done)
    assert not left
    assert graph("flat").rising == []
