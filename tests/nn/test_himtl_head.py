"""Heads for branches: isolation, layouts, combination."""

import logging

import pytest

torch = pytest.importorskip("torch")

from graphs import DIAMOND, SIZES, graph, label_sets, n_weights, texts, wos  # noqa: E402

from labeltree.core.errors import ParameterError  # noqa: E402
from labeltree.core.hierarchy import Hierarchy  # noqa: E402
from labeltree.nn.coherence import violations  # noqa: E402
from labeltree.nn.graph import LabelGraph  # noqa: E402
from labeltree.nn.graph_parts import IsomorphismTree, LayerWise, Replicate  # noqa: E402
from labeltree.nn.head import FlatNetwork  # noqa: E402
from labeltree.nn.heads import FlatHead, GraphHead, HmcnHead, MatchHead  # noqa: E402
from labeltree.nn.himtl import ProjectCombine  # noqa: E402
from labeltree.nn.loss import bce  # noqa: E402
from labeltree.nn.wrappers import HimtlHead, McmHead  # noqa: E402

TEXT = 12
STILL = FlatHead(dropout=0.0)
SMALL = GraphHead(width=8)
BASES = {
    "flat": STILL, "hiagm": SMALL, "c_hmcnn": McmHead(STILL), "hmcn": HmcnHead(width=6),
    "himatch": MatchHead(SMALL, width=6),
    "hitin": GraphHead(Replicate(), IsomorphismTree(), LayerWise(), 8),
}  # fmt: skip
BRANCHES = LabelGraph.of(Hierarchy.from_edges(
    [("a", "b"), ("a", "c"), ("c", "d"), ("e", "f"), ("e", "g"), ("h", "i"), ("h", "j")]
))  # fmt: skip


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def built(base, layout="projection", g=BRANCHES, **options):
    network = HimtlHead(base, layout, **options).build(g, TEXT)
    network.see_labels(torch.randn(g.n_labels, TEXT))
    return network


def encoded(n=6):
    """Return texts whose vectors come from an encoder with a weight."""
    weight = torch.ones(TEXT, requires_grad=True)
    text = texts(n)
    return text._replace(pooled=text.pooled * weight, tokens=text.tokens * weight), weight


# ---- isolation ----------------------------------------------------------------------------------


def learned(network, y):
    """Return the gradients of the encoder, and of each head, for label sets y."""
    network.zero_grad(set_to_none=True)
    torch.manual_seed(1)  # of dropout and draws
    text, weight = encoded()
    network.misfit(text, y).backward()
    return weight.grad, [
        torch.cat([p.grad.flatten() for p in head.parameters() if p.grad is not None])
        for head in network.heads
    ]


@pytest.mark.parametrize("layout", ["masking", "projection"])
@pytest.mark.parametrize("base", BASES)
def test_a_branch_teaches_its_own_head_and_the_encoder(base, layout):
    network = built(BASES[base], layout)
    y = label_sets(BRANCHES, 6)
    weight, heads = learned(network, y)
    for i, task in enumerate(network.tasks):
        other = y.clone()
        other[:, task.columns] = label_sets(BRANCHES, 6, seed=1)[:, task.columns]
        assert not torch.equal(other, y)
        weight_then, heads_then = learned(network, other)
        assert not torch.allclose(weight_then, weight)
        for j, (now, then) in enumerate(zip(heads, heads_then, strict=True)):
            assert torch.allclose(now, then, rtol=0, atol=0) == (i != j)


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("split", ["root", "random"])
def test_foreign_outputs_of_masked_heads_do_not_matter(base, split):
    if split == "random" and BASES[base].closes:
        with pytest.raises(ParameterError, match="not closed downwards"):
            built(BASES[base], "masking", split=split)
        return
    network = built(BASES[base], "masking", split=split).eval()
    y, text = label_sets(BRANCHES), texts()
    torch.manual_seed(1)
    loss, answer = network.misfit(text, y), network.answer(text)
    for head, task in zip(network.heads, network.tasks, strict=True):
        foreign = [c for c in range(BRANCHES.n_labels) if c not in task.columns]
        with torch.no_grad():
            for name, p in head.named_parameters():
                is_output = name.endswith("bias") and not name.startswith("fusion")
                if is_output and p.shape == (BRANCHES.n_labels,):
                    p[foreign] = 1e4
                if name.startswith("local.linears") and name.endswith("bias"):
                    i = int(name.split(".")[2])
                    level = BRANCHES.level[BRANCHES.node_of_label]
                    columns = (level == head.local.levels[i]).nonzero()[0].tolist()
                    p[[k for k, c in enumerate(columns) if c in foreign]] = 1e4
        assert head(text)[:, foreign].min() > 1e3
    torch.manual_seed(1)
    torch.testing.assert_close(network.misfit(text, y), loss)
    torch.testing.assert_close(network.answer(text), answer)


# ---- projection against one head ----------------------------------------------------------------


def flat_twins(layout, g=BRANCHES, **options):
    """Return a wrapped flat head, and one flat head of the same weights."""
    wrapped = built(STILL, layout, g, **options)
    flat = STILL.build(g, TEXT)
    with torch.no_grad():
        for head, task in zip(wrapped.heads, wrapped.tasks, strict=True):
            rows = torch.from_numpy(task.columns)
            own = rows if task.masked else slice(None)
            head.linear.weight[own] = flat.linear.weight[rows]
            head.linear.bias[own] = flat.linear.bias[rows]
    return wrapped, flat


@pytest.mark.parametrize("g", [BRANCHES, wos(), graph("flat"), graph("one branch")])
def test_projected_flat_heads_are_one_flat_head(g):
    wrapped, flat = flat_twins("projection", g, reduction="size")
    y = label_sets(g, 6)
    gradients, losses = [], []
    for network in (wrapped, flat):
        text, weight = encoded()
        losses.append(network.loss(text, y))
        losses[-1].backward()
        gradients.append(weight.grad)
    torch.testing.assert_close(losses[0], losses[1])
    torch.testing.assert_close(gradients[0], gradients[1], atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(wrapped.answer(texts()), flat.answer(texts()))
    for head, task in zip(wrapped.heads, wrapped.tasks, strict=True):
        rows = torch.from_numpy(task.columns)
        torch.testing.assert_close(head.linear.weight.grad, flat.linear.weight.grad[rows])
        torch.testing.assert_close(head.linear.bias.grad, flat.linear.bias.grad[rows])


@pytest.mark.parametrize("layout", ["masking", "projection"])
def test_reductions(layout):
    y, text = label_sets(BRANCHES), texts()
    for reduction in ("mean", "size", "sum"):
        wrapped, flat = flat_twins(layout, reduction=reduction)
        parts = [
            (bce(flat(text), y, torch.from_numpy(task.columns)), len(task.columns))
            for task in wrapped.tasks
        ]
        weight = {"mean": lambda n: 1, "size": lambda n: n / 10, "sum": lambda n: n}[reduction]
        expected = sum(weight(n) * part for part, n in parts)
        torch.testing.assert_close(wrapped.loss(text, y), expected)


def test_masked_means_over_all_labels():
    y, text = label_sets(BRANCHES), texts()
    wrapped, flat = flat_twins("masking", mask_norm="all")
    torch.testing.assert_close(wrapped.loss(text, y), bce(flat(text), y))


def test_masking_and_projection_are_the_same_for_flat_heads():
    first, second = (flat_twins(layout)[0] for layout in ("masking", "projection"))
    for a, b, task in zip(first.heads, second.heads, first.tasks, strict=True):
        own = torch.from_numpy(task.columns)
        with torch.no_grad():
            b.linear.weight.copy_(a.linear.weight[own])
            b.linear.bias.copy_(a.linear.bias[own])
    y = label_sets(BRANCHES)
    torch.testing.assert_close(first.loss(texts(), y), second.loss(texts(), y))
    torch.testing.assert_close(first.answer(texts()), second.answer(texts()))


def test_regularisation_is_the_sum_over_heads():
    network = built(GraphHead(width=8, recursive=0.5))
    expected = sum(head.regularisation() for head in network.heads)
    assert expected > 0
    torch.testing.assert_close(network.regularisation(), expected)


# ---- combination --------------------------------------------------------------------------------

SHARED = LabelGraph.of(Hierarchy.from_edges(DIAMOND))
D = Hierarchy.from_edges(DIAMOND).ids[1:].index("d")


def owners():
    """Return where label d is in each branch of the diamond."""
    network = built(STILL, g=SHARED)
    return network, [list(task.columns).index(D) for task in network.tasks]


@pytest.mark.parametrize("op", ["max", "mean", "logit_mean"])
def test_labels_of_several_branches(op):
    network, at = owners()
    columns = [task.columns for task in network.tasks]
    combine = ProjectCombine(columns, SHARED.n_labels, op)
    z = [torch.randn(3, len(c)) for c in columns]
    found = combine(torch.cat(z, 1))
    two = torch.stack([part[:, i] for part, i in zip(z, at, strict=True)])
    assert len(two) == 2
    expected = {
        "max": two.amax(0), "mean": torch.logit(two.sigmoid().mean(0)), "logit_mean": two.mean(0),
    }[op]  # fmt: skip
    torch.testing.assert_close(found[:, D], expected)
    for part, own in zip(z, columns, strict=True):  # and all others are as they were
        for i, c in enumerate(own.tolist()):
            if c != D:
                torch.testing.assert_close(found[:, c], part[:, i])


def test_means_divide_by_owners_not_by_branches():
    columns = [torch.tensor(c).numpy() for c in ([0, 1], [1, 2], [3])]
    combine = ProjectCombine(columns, 4, "mean")
    p = combine(torch.full((1, 5), 1.5)).sigmoid()
    torch.testing.assert_close(p, torch.full((1, 4), 1.5).sigmoid())


def test_sums_are_refused_where_labels_are_shared():
    with pytest.raises(ParameterError, match="1 labels are in several branches"):
        HimtlHead(STILL, combine="sum").build(SHARED, TEXT)


def test_on_trees_all_combinations_are_one():
    first = built(STILL)
    answer = first.answer(texts())
    for combine in ("sum", "mean", "logit_mean"):
        other = built(STILL, combine=combine)
        other.load_state_dict(first.state_dict())
        assert torch.equal(other.answer(texts()), answer)


def test_answers_are_combined_answers():
    network = built(McmHead(STILL), g=SHARED).eval()
    z, a = network(texts()), network.answer(texts())
    assert (a >= z).all()
    assert (a > z).any()


def test_coherent_heads_stay_so_where_branches_meet():
    network = built(McmHead(STILL), g=SHARED).eval()
    parts = [head.answer(texts(50)) for head in network.heads]
    assert violations(network._combined(parts), SHARED.label_edges).sum() > 0
    assert violations(network.answer(texts(50)), SHARED.label_edges).sum() == 0


# ---- sizes and special branches -----------------------------------------------------------------


def test_each_branch_has_its_own_graph():
    """Sheet himtl, section 12: the readouts of HiAGM fall from 5.96 M to 1.28 M."""
    whole = GraphHead(width=300).build(wos(), 300)
    network = HimtlHead(GraphHead(width=300)).build(wos(), 300)
    weights = sum(head.readout.linear.weight.numel() for head in network.heads)
    assert weights == 300 * sum(n * n for n in SIZES) == 1_281_900
    assert whole.readout.linear.weight.numel() == 5_964_300
    edges = [head.structure.up.numel() for head in network.heads]
    assert edges == [n - 1 for n in SIZES]
    assert n_weights(network.heads[1].readout) == 300 * 54**2 + 54


def test_labels_alone_get_linear_layers(caplog):
    g = LabelGraph.of(Hierarchy.from_edges([("a", "b")], ["a", "b", "x", "y"]))
    with caplog.at_level(logging.INFO):
        network = built(GraphHead(width=8), g=g)
    assert "2 branches of one label" in caplog.text
    assert isinstance(network.heads[1], FlatNetwork)
    assert network.tasks[1].columns.tolist() == [2, 3]
    assert network.tasks[1].weight == 2  # as two branches
    assert network(texts()).shape == (4, 4)


def test_documents_without_a_label_of_the_branch():
    text, y = texts(4), torch.zeros(4, BRANCHES.n_labels)
    own = torch.from_numpy(built(STILL).tasks[0].columns)
    y[1, own[0]] = 1
    wrapped, flat = flat_twins("projection", skip_empty=True)
    rows = torch.tensor([1])
    torch.testing.assert_close(
        wrapped.loss(text, y), bce(flat(text.rows(rows)), y[rows], own)
    )  # fmt: skip
    wrapped.loss(text, y).backward()
    assert (wrapped.heads[1].linear.weight.grad == 0).all()
    kept, _ = flat_twins("projection")
    kept.loss(text, y).backward()
    assert (kept.heads[1].linear.weight.grad != 0).any()


def test_random_groups_are_other_tasks():
    groups = built(SMALL, split="random", split_seed=1)
    branches = built(SMALL)
    assert [len(t.columns) for t in groups.tasks] == [4, 3, 3]
    assert [len(t.columns) for t in branches.tasks] == [4, 3, 3]
    assert any(
        list(a.columns) != list(b.columns)
        for a, b in zip(groups.tasks, branches.tasks, strict=True)
    )
    again = built(SMALL, split="random", split_seed=1)
    assert all(
        list(a.columns) == list(b.columns) for a, b in zip(groups.tasks, again.tasks, strict=True)
    )


def test_wrapped_wrappers():
    network = built(HimtlHead(STILL), "masking")
    y = label_sets(BRANCHES)
    flat_loss = network.loss(texts(), y)
    flat_loss.backward()
    assert torch.isfinite(flat_loss)
