"""Structure encoders: against the equations, and what all of them keep."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from graphs import HIERARCHIES, graph, random_dag, wos  # noqa: E402

from labeltree.grow.coding_tree import coding_tree  # noqa: E402
from labeltree.nn.graph_nets import Gat, Gcn  # noqa: E402
from labeltree.nn.graph_parts import IsomorphismTree  # noqa: E402
from labeltree.nn.isomorphism import TreeIsomorphism  # noqa: E402
from labeltree.nn.structure import HierarchyConv  # noqa: E402
from labeltree.nn.tree_lstm import LevelTreeLSTM  # noqa: E402

ALL = [HierarchyConv, LevelTreeLSTM, TreeIsomorphism, Gat, Gcn]
WIDTH = 8


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def randomised(module):
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter)
    return module.double().eval()


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def of_equations(conv, g, x):
    """HiAGM's section 3.2, node by node."""
    names = "up", "down", "up_bias", "down_bias", "gates.weight", "gate_bias"
    values = (conv.get_parameter(name).detach().numpy() for name in names)
    up, down, up_bias, down_bias, gates, gate_bias = values
    out = np.zeros_like(x)
    for k in range(g.n_nodes):
        from_children, from_parents = up_bias[k].copy(), down_bias[k].copy()
        for e, (p, c) in enumerate(g.edges.T):
            if p == k:
                from_children += up[e] * x[c]
            if c == k:
                from_parents += down[e] * x[p]
        g_up = sigmoid(gates[0] @ x[k] + gate_bias[k, 0])
        g_down = sigmoid(gates[1] @ x[k] + gate_bias[k, 1])
        g_self = sigmoid(gates[2] @ x[k])
        out[k] = np.maximum(0, g_up * from_children + g_down * from_parents + g_self * x[k])
    return out


@pytest.mark.parametrize("name", HIERARCHIES)
def test_hierarchy_conv_is_its_equations(name):
    g = graph(name)
    conv = randomised(HierarchyConv(g, WIDTH))
    x = torch.randn(2, g.n_nodes, WIDTH, dtype=torch.double)
    expected = np.stack([of_equations(conv, g, row.numpy()) for row in x])
    np.testing.assert_allclose(conv(x).nodes.detach().numpy(), expected, atol=1e-9)


def test_hierarchy_conv_starts_from_the_priors():
    g = graph("diamond", prior="sibling")
    conv = HierarchyConv(g, WIDTH)
    assert conv.down.tolist() == g.prior.tolist()
    assert (conv.up == 1).all()
    assert sum(p.numel() for p in conv.parameters()) == (
        2 * g.edges.shape[1] + 2 * g.n_nodes * WIDTH + 3 * WIDTH + 2 * g.n_nodes
    )


def attended(layer, g, x):
    """Brody et al.'s equations 7 and 4, node by node; a feature tells up from down from self."""
    linear, own = layer.lin_l, layer.lin_r
    heads, out = layer.heads, torch.zeros_like(x)
    for k in range(g.n_nodes):
        children, parents = g.edges[1][g.edges[0] == k], g.edges[0][g.edges[1] == k]
        heard = [(c, 0) for c in children] + [(p, 1) for p in parents] + [(k, 2)]
        shares, values = [], []
        for j, kind in heard:
            value = linear(x[j])
            met = value + own(x[k]) + layer.lin_edge.weight[:, kind]
            met = torch.where(met > 0, met, 0.2 * met).view(heads, -1)
            shares.append((met * layer.att[0]).sum(-1).exp())
            values.append(value.view(heads, -1))
        total = torch.stack(shares).sum(0)
        mixed = sum(s[:, None] * v for s, v in zip(shares, values, strict=True)) / total[:, None]
        out[k] = mixed.flatten() + layer.bias
    return x + torch.where(out > 0, out, out.exp() - 1)


@pytest.mark.parametrize("name", HIERARCHIES)
def test_gat_is_its_equations(name):
    g = graph(name)
    gat = randomised(Gat(g, WIDTH, heads=2, n_layers=2))
    x = torch.randn(2, g.n_nodes, WIDTH, dtype=torch.double)
    expected = x
    for layer in gat.layers:
        expected = torch.stack([attended(layer, g, row) for row in expected])
    torch.testing.assert_close(gat(x).nodes, expected)


@pytest.mark.parametrize("name", HIERARCHIES)
def test_gcn_is_its_equation(name):
    """relu(D^-1/2 (A + I) D^-1/2 X W + b), Kipf and Welling's equation 2."""
    g = graph(name)
    gcn = randomised(Gcn(g, WIDTH, n_layers=2))
    A = torch.eye(g.n_nodes, dtype=torch.double)
    for parent, child in g.edges.T.tolist():
        A[parent, child] = A[child, parent] = 1
    scale = A.sum(0) ** -0.5
    A = scale[:, None] * A * scale
    x = torch.randn(2, g.n_nodes, WIDTH, dtype=torch.double)
    expected = x
    for layer in gcn.layers:
        expected = (A @ expected @ layer.lin.weight.T + layer.bias).relu()
    torch.testing.assert_close(gcn(x).nodes, expected)


def heard_by(module, name):
    """Return which nodes have a part in the state of each, by their names."""
    g, ids = graph(name), HIERARCHIES[name].ids[1:]
    module = randomised(module)
    x = torch.randn(1, g.n_nodes, WIDTH, dtype=torch.double, requires_grad=True)
    hears = {}
    for k, node in enumerate(ids):
        (gradient,) = torch.autograd.grad(module(x).nodes[0, k].sum(), x)
        heard = gradient[0].abs().sum(1) > 0
        hears[node] = "".join(sorted(ids[v] for v in heard.nonzero().squeeze(1)))
    return hears


@pytest.mark.parametrize("encoder", [HierarchyConv, Gat, Gcn])
def test_one_layer_reaches_neighbours_only(encoder):
    assert heard_by(encoder(graph("tree"), WIDTH), "tree") == {
        "a": "abc", "b": "abde", "c": "ac", "d": "bd", "e": "be", "f": "fg", "g": "fg",
    }  # fmt: skip
    assert heard_by(encoder(graph("diamond"), WIDTH), "diamond") == {
        "a": "abc", "b": "abd", "c": "acdf", "d": "bcde", "e": "de", "f": "cf",
    }  # fmt: skip


@pytest.mark.parametrize("encoder", [Gat, Gcn])
def test_two_layers_reach_neighbours_of_neighbours(encoder):
    assert heard_by(encoder(graph("tree"), WIDTH, n_layers=2), "tree") == {
        "a": "abcde", "b": "abcde", "c": "abc", "d": "abde", "e": "abde", "f": "fg", "g": "fg",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["tree", "diamond"])
def test_both_numbers_of_an_edge_learn(name):
    """Sheet hiagm, section 10: up and down; there are none where there is no edge."""
    g = graph(name)
    conv = HierarchyConv(g, WIDTH)
    conv(torch.randn(4, g.n_nodes, WIDTH)).nodes.square().sum().backward()
    for weight in (conv.up, conv.down):
        assert weight.shape == (g.edges.shape[1],)
        assert (weight.grad != 0).all()


def recursive(way, rank_edges, x):
    """A TreeLSTM node by node, by recursion."""
    own_w, own_b = way.own.weight, way.own.bias
    done = {}

    def state(k):
        if k not in done:
            arcs = [e for e in range(rank_edges.shape[1]) if rank_edges[1, e] == k]
            h_in = [way.weight[e] * state(int(rank_edges[0, e]))[0] for e in arcs]
            c_in = [way.weight[e] * state(int(rank_edges[0, e]))[1] for e in arcs]
            total = sum(h_in, torch.zeros(way.hidden, dtype=x.dtype))
            i, o, u = (own_w @ x[k] + own_b + way.heard.weight @ total).chunk(3)
            c = i.sigmoid() * u.tanh()
            for h, cell in zip(h_in, c_in, strict=True):
                f = way.forget_own(x[k]) + way.forget_heard.weight @ h
                c = c + f.sigmoid() * cell
            done[k] = o.sigmoid() * c.tanh(), c
        return done[k]

    return torch.stack([state(k)[0] for k in range(len(x))])


@pytest.mark.parametrize("name", HIERARCHIES)
def test_tree_lstm_is_the_recursion(name):
    g = graph(name)
    lstm = randomised(LevelTreeLSTM(g, WIDTH))
    x = torch.randn(g.n_nodes, WIDTH, dtype=torch.double)
    up = recursive(lstm.up, g.edges[::-1], x)
    down = recursive(lstm.down, g.edges, x)
    torch.testing.assert_close(lstm(x[None]).nodes[0], torch.cat([up, down], -1))


@pytest.mark.parametrize("name", HIERARCHIES)
def test_tree_isomorphism_is_the_sum_of_children(name):
    g = graph(name)
    net = TreeIsomorphism(g, WIDTH, height=3).eval()
    x = torch.randn(2, g.n_nodes, WIDTH)
    layers = net(x).layers
    assert len(layers) == 4
    assert layers[-1].shape == (2, 1, WIDTH)
    for i, perceptron in enumerate(net.perceptrons):
        up = net.get_buffer(f"up{i}").tolist()
        for node in range(layers[i + 1].shape[1]):
            total = sum(layers[i][:, c] for c, parent in enumerate(up) if parent == node)
            expected = perceptron(total[:, None])[:, 0]
            torch.testing.assert_close(layers[i + 1][:, node], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("encoder", ALL)
@pytest.mark.parametrize("name", HIERARCHIES)
def test_all_keep_the_shape_and_learn(encoder, name):
    g = graph(name)
    module = encoder(g, WIDTH)
    x = torch.randn(3, g.n_nodes, WIDTH, requires_grad=True)
    states = module(x)
    assert states.nodes.shape == x.shape
    (states.nodes.square().sum() + sum(layer.square().sum() for layer in states.layers)).backward()
    assert x.grad is not None
    has_edges = g.edges.shape[1] > 0
    for parameter_name, parameter in module.named_parameters():
        assert parameter.grad is not None or not has_edges, parameter_name


@pytest.mark.parametrize("encoder", ALL)
def test_a_document_does_not_depend_on_its_batch(encoder):
    g = random_dag(1)
    module = encoder(g, WIDTH).eval()
    x = torch.randn(7, g.n_nodes, WIDTH)
    together = module(x).nodes
    alone = torch.cat([module(row[None]).nodes for row in x])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


def test_ways_to_a_coding_tree_are_different_networks():
    g = wos()
    ways = [IsomorphismTree(4), IsomorphismTree(4, "grow"), IsomorphismTree(4, "grow", "merge")]
    sizes = [way.structure(g, WIDTH).sizes for way in ways]
    assert sizes[0] != sizes[1]
    for way, found in zip(ways, sizes, strict=True):
        tree = coding_tree(g.n_nodes, g.edges, 4, way.gain, way.method)
        assert tree.sizes == found


def test_batches_of_one_train():
    g = graph("tree")
    TreeIsomorphism(g, WIDTH).train()(torch.randn(1, g.n_nodes, WIDTH)).layers[-1].sum().backward()
