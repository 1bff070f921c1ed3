import numpy as np
import pytest

torch = pytest.importorskip("torch")

from graphs import HIERARCHIES, graph, random_dag  # noqa: E402
from toys import LinearHead, documents, flat_order, learnable, network  # noqa: E402

import labeltree  # noqa: E402
from labeltree.core.arrays import as_csr  # noqa: E402
from labeltree.metrics.thresholds import fit_global_threshold  # noqa: E402
from labeltree.nn.answers import Order, ranking, validated  # noqa: E402
from labeltree.nn.batches import TrainingData  # noqa: E402
from labeltree.nn.coherence import Mcm  # noqa: E402
from labeltree.nn.head import HeadNetwork  # noqa: E402
from labeltree.nn.network import Network  # noqa: E402


def naive(net, docs, k, columns):
    """Return what the network answers to each document by itself, all of it."""
    net.eval()
    found = []
    with torch.no_grad():
        for i in range(len(docs)):
            z = net.answer(docs.batch(np.array([i])))[0].numpy()
            found.append(sorted(columns, key=lambda c: -z[c])[:k])
    return np.array(found)


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_the_best_labels_of_each_document(batch_size):
    net, docs = network(), documents()
    S = ranking(net.eval(), docs, 3, flat_order(), batch_size)
    assert S.shape == (20, 5)
    np.testing.assert_array_equal(labeltree.top_k(S, 3)[0], naive(net, docs, 3, range(5)))


def test_scores_are_probabilities():
    net, docs = network(), documents(4)
    S = ranking(net.eval(), docs, 5, flat_order(), 4).toarray()
    z = net.answer(docs.batch(np.arange(4)))
    np.testing.assert_allclose(S, z.sigmoid().detach().numpy(), atol=1e-6)


def test_more_labels_asked_for_than_there_are():
    S = ranking(network().eval(), documents(), 1000, flat_order(), 8)
    assert (np.diff(S.indptr) == 5).all()


def test_labels_never_seen_are_left_out():
    seen = np.array([True, False, True, False, True])
    order = Order.of(graph("flat"), np.array([True, False, True]))
    assert order.columns.tolist() == [0, 2]
    assert order.n_labels == 3
    net = network()
    S = ranking(net.eval(), documents(), 5, Order(np.flatnonzero(seen), 0, 5), 8)
    assert S.shape == (20, 5)
    assert set(S.indices.tolist()) == {0, 2, 4}


def test_no_documents():
    S = ranking(network().eval(), documents(0), 3, flat_order(), 8)
    assert S.shape == (0, 5)


class Coherent(HeadNetwork):
    """Answers whose ancestors are as high as the highest descendant: many are equal."""

    def __init__(self, width, g):
        super().__init__()
        self.linear, self.mcm = torch.nn.Linear(width, g.n_labels), Mcm(g)

    def forward(self, text):
        return self.linear(text.pooled)

    def answer(self, text):
        return self.mcm(self.forward(text))


@pytest.mark.parametrize("name", [*HIERARCHIES, "random"])
@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_no_label_goes_before_its_ancestors(name, k):
    """Coherent answers stay coherent: cut off at k, and strictly decreasing."""
    g = random_dag(1) if name == "random" else graph(name)
    net = network(head=lambda width, _: Coherent(width, g)).eval()
    S = ranking(net, documents(50), k, Order.of(g, np.ones(g.n_labels, bool)), 16)
    parent, child = g.label_edges
    dense = S.toarray()
    assert ((dense[:, parent] > dense[:, child]) | (dense[:, child] == 0)).all()
    assert (np.diff(S.indptr) == min(k, g.n_labels)).all()


def test_ancestors_before_descendants_whatever_their_columns():
    for name in HIERARCHIES:
        g = graph(name)
        place = np.argsort(Order.of(g, np.ones(g.n_labels, bool)).columns)
        parent, child = g.label_edges
        assert (place[parent] < place[child]).all()


def test_spare_is_the_number_of_ancestors():
    assert Order.of(graph("one branch"), np.ones(3, bool)).spare == 2
    assert Order.of(graph("diamond"), np.ones(6, bool)).spare == 4
    assert Order.of(graph("flat"), np.ones(3, bool)).spare == 0


def test_validation_measures_f1_and_loss():
    net, data = network().eval(), learnable(30)
    f1, loss = validated(net, data, flat_order(), 7)
    S = ranking(net, data.documents, 100, flat_order(), 30)
    assert f1 == fit_global_threshold(data.Y, S, "here").f1
    y = torch.from_numpy(data.Y.toarray())
    z = net.answer(data.documents.batch(np.arange(30)))
    expected = torch.nn.functional.binary_cross_entropy_with_logits(z, y)
    assert loss == pytest.approx(expected.item(), rel=1e-5)


def test_validation_keeps_as_many_labels_as_a_document_has():
    """With 150 labels all right, 100 a document would lose a third of them."""
    Y = as_csr(np.ones((4, 150)), "Y")
    net = network(n_labels=150).eval()
    f1, _ = validated(net, TrainingData(documents(4), Y), flat_order(150), 2)
    assert f1 == 1


def test_a_loss_that_is_not_finite_is_told():
    net = network().eval()
    with torch.no_grad():
        net.head.linear.bias[0] = float("nan")
    f1, loss = validated(net, learnable(8), flat_order(), 8)
    assert np.isnan(f1)
    assert np.isnan(loss)


def test_never_documents_times_labels_at_once():
    """Memory: no batch is larger than asked for, and only k answers a document are kept."""
    met = []

    class Spy(LinearHead):
        def answer(self, text):
            met.append(len(text.pooled))
            return super().answer(text)

    net = Network(network().encoder, Spy(8, 5)).eval()
    ranking(net, documents(100), 2, flat_order(), 16)
    assert max(met) == 16
    assert sum(met) == 100
