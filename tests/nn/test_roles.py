"""Which labels HiMatch compares documents with."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from graphs import HIERARCHIES, below, graph, label_sets, random_dag, wos  # noqa: E402

from labeltree.core.hierarchy import Hierarchy  # noqa: E402
from labeltree.nn.graph import LabelGraph  # noqa: E402
from labeltree.nn.roles import RoleSampler  # noqa: E402


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def wos_documents(n=300):
    """Return documents of one child and its parent each, as WOS has them."""
    g = wos()
    rng = np.random.default_rng(0)
    leaves = np.flatnonzero(g.height == 0)
    leaf = rng.choice(leaves, n)
    above = dict(g.edges[::-1].T.tolist())
    y = torch.zeros(n, g.n_labels)
    y[torch.arange(n), torch.from_numpy(leaf)] = 1
    y[torch.arange(n), torch.tensor([above[v] for v in leaf.tolist()])] = 1
    return g, y, above


def test_roles_on_wos():
    g, y, above = wos_documents()
    draws = RoleSampler(g)(y)
    depths = set()
    for i in range(len(y)):
        positive, coarse, sibling, other = (int(d[i, 0]) for d in draws[:4])
        gold = set(y[i].nonzero().squeeze(1).tolist())
        depths.add(int(g.level[positive]))
        assert positive in gold
        assert coarse == above.get(positive, positive)
        assert sibling not in gold
        assert other not in gold
        assert above.get(sibling) == above.get(positive)
    assert depths == {0, 1}
    assert draws.has_positive.all()
    assert draws.has_negative.all()


@pytest.mark.parametrize("seed", range(4))
def test_roles_on_graphs(seed):
    g = random_dag(seed)
    parents = {v: set(g.edges[0][g.edges[1] == v].tolist()) or {-1} for v in range(g.n_nodes)}
    y = label_sets(g, 50, share=0.15)
    draws = RoleSampler(g, 2)(y)
    label = {int(v): c for c, v in enumerate(g.node_of_label)}
    for i in range(len(y)):
        for j in range(2):
            if not draws.has_positive[i, j]:
                continue
            positive, coarse, sibling, other = (int(d[i, j]) for d in draws[:4])
            assert y[i, label[positive]] == 1
            if not draws.has_negative[i, j]:
                continue
            assert coarse in parents[positive] | {positive}
            assert (coarse == positive) == (parents[positive] == {-1})
            assert y[i, label[other]] == 0
            assert y[i, label[sibling]] == 0
            parent = -1 if coarse == positive else coarse
            free = [v for v in parents if parent in parents[v] and not y[i, label[v]]]
            assert sibling in free or not free


def test_every_eligible_label_is_drawn():
    g, y, above = wos_documents(1)
    y = y.expand(3000, -1)
    draws = RoleSampler(g)(y)
    gold = set(y[0].nonzero().squeeze(1).tolist())
    assert set(draws.positive.flatten().tolist()) == gold
    assert len(set(draws.other.flatten().tolist())) == g.n_labels - 2
    child = max(gold)
    siblings = {v for v in above if above[v] == above[child]} - gold
    found = draws.sibling[draws.positive == child]
    assert set(found.tolist()) == siblings


def test_gold_siblings_are_never_drawn():
    """All siblings gold: any other label then."""
    g = LabelGraph.of(Hierarchy.from_edges([("a", "b"), ("a", "c"), ("d", "e")]))
    ids = ["a", "d", "b", "c", "e"]
    y = torch.tensor([[1.0 if i in "abc" else 0 for i in ids]]).expand(200, -1)
    draws = RoleSampler(g)(y)
    assert {ids[v] for v in draws.sibling.flatten()} == {"d", "e"}


def test_positives_are_repeated_where_there_are_fewer():
    g = graph("tree")
    y = torch.zeros(3, g.n_labels)
    y[0, :2] = 1
    y[1, 3] = 1
    draws = RoleSampler(g, 3)(y)
    label = {int(v): c for c, v in enumerate(g.node_of_label)}
    found = [[label[int(v)] for v in row] for row in draws.positive]
    assert set(found[0][:2]) == {0, 1}
    assert found[0][2] == found[0][0]
    assert found[1] == [3, 3, 3]
    assert draws.has_positive.any(1).tolist() == [True, True, False]


def test_drawn_inside_a_branch():
    g, y, _ = wos_documents()
    inside = torch.from_numpy(np.flatnonzero(g.edges[0] == 1))
    branch = torch.cat([torch.tensor([1]), torch.from_numpy(g.edges[1].astype("int64"))[inside]])
    draws = RoleSampler(g)(y, branch)
    own = set(branch.tolist())
    has = draws.has_positive[:, 0]
    assert 0 < has.sum() < len(y)
    for d in draws[:4]:
        assert set(d[has].flatten().tolist()) <= own
    assert torch.equal(has, y[:, branch].any(1))


def test_documents_with_all_labels_are_not_compared():
    draws = RoleSampler(graph("tree"))(torch.ones(2, 7))
    assert draws.has_positive.all()
    assert not draws.has_negative.any()


OPEN = [graph(name) for name in HIERARCHIES] + [random_dag(seed) for seed in range(4)]


@pytest.mark.parametrize("g", OPEN)
@pytest.mark.parametrize("inside", [False, True])
def test_ancestors_of_gold_labels_are_never_drawn_against(g, inside):
    """Label sets that do not say so: what is drawn to be far must not be drawn to be near too."""
    y = torch.from_numpy(np.random.default_rng(0).random((200, g.n_labels)) < 0.2).float()
    given = y.clone()
    only = torch.arange(0, g.n_labels, 2) if inside else None
    draws = RoleSampler(g, 2)(y, only)
    own = torch.from_numpy(below(g).astype("float32")) @ y.T > 0  # (n_labels, batch)
    label = {int(v): c for c, v in enumerate(g.node_of_label)}
    for i, j in (draws.has_positive & draws.has_negative).nonzero().tolist():
        for role in (draws.sibling, draws.other):
            assert not own[label[int(role[i, j])], i]
        assert y[i, label[int(draws.positive[i, j])]] == 1
    there = ~own.T if only is None else ~own.T[:, only]
    assert torch.equal(draws.has_negative[:, 0], there.any(1))
    assert torch.equal(y, given)
