"""What all networks share, with a small encoder and a small head; no preset takes part."""

import copy
import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
from scipy.sparse import csr_array

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from toys import LabelReadingHead, ToyFlat, ToyReading  # noqa: E402

import labeltree  # noqa: E402
from labeltree.core import store  # noqa: E402
from labeltree.core.arrays import as_csr  # noqa: E402
from labeltree.core.dataset import Dataset  # noqa: E402
from labeltree.core.errors import DataError, MissingExtraError, NotFittedError  # noqa: E402
from labeltree.core.hierarchy import Hierarchy  # noqa: E402
from labeltree.core.labels import Labels  # noqa: E402
from labeltree.core.pool import ThreadPool  # noqa: E402
from labeltree.grow import Given, Graft, Grown, Huffman, Random, Star  # noqa: E402
from labeltree.nn.graph import LabelGraph  # noqa: E402
from labeltree.nn.heads import FlatHead  # noqa: E402
from labeltree.nn.network import Network  # noqa: E402


def fitted(data, validation=None, **params):
    model = ToyFlat(**params)
    return model.fit(data.texts, data.Y, labels=data.labels, validation=validation)


def handed_over(monkeypatch, data, **params):
    """Return what a fit hands to the training: (args, kwargs)."""
    from labeltree.nn import train

    met, real = [], train.train

    def spy(*args, **kwargs):
        met.append((args, kwargs))
        return real(*args, **kwargs)

    monkeypatch.setattr("labeltree.nn.train.train", spy)
    fitted(data, epochs=1, **params)
    return met[0]


def loaded(model, folder):
    """Save and read again, without the registry: the toy is in no folder of models."""
    model.save(folder)
    header, state = store.read_folder(folder)
    return ToyFlat.from_state(header, state, lambda name: ToyFlat)


def test_learns_the_checkerboard(checkerboard):
    model = fitted(checkerboard, epochs=20)
    labels, scores = labeltree.top_k(model.predict(checkerboard.texts), 2)
    expected = np.sort(checkerboard.Y.indices.reshape(-1, 2), axis=1)
    np.testing.assert_array_equal(np.sort(labels, axis=1), expected)
    assert (scores > 0.5).all()
    assert model.labels_.n_train == 96


def test_same_seed_same_weights(checkerboard):
    one, again, other = (fitted(checkerboard, epochs=2, seed=s) for s in (1, 1, 2))
    assert all(np.array_equal(one.weights_[n], again.weights_[n]) for n in one.weights_)
    assert any(not np.array_equal(one.weights_[n], other.weights_[n]) for n in one.weights_)


@pytest.mark.parametrize("k", [1, 4, 10, 1000])
def test_any_number_of_answers(checkerboard, k):
    S = fitted(checkerboard, epochs=1).predict(checkerboard.texts, k)
    assert S.shape == checkerboard.Y.shape
    assert (np.diff(S.indptr) == min(k, 10)).all()


def test_answers_come_in_the_order_of_the_texts(checkerboard):
    """Batches are sorted by length inside."""
    model = fitted(checkerboard)
    rng = np.random.default_rng(0)
    texts = [t + " padding" * int(rng.integers(0, 30)) for t in checkerboard.texts]
    order = rng.permutation(len(texts))
    together = model.predict(texts, 10).toarray()
    shuffled = model.predict([texts[i] for i in order], 10).toarray()
    np.testing.assert_allclose(shuffled, together[order], atol=1e-4)
    alone = np.vstack([model.predict([t], 10).toarray() for t in texts[:10]])
    np.testing.assert_allclose(alone, together[:10], atol=1e-4)


def test_no_text_one_text_and_empty_texts(checkerboard):
    model = fitted(checkerboard, epochs=1)
    assert model.predict([]).shape == (0, 10)
    assert model.predict([""]).nnz == 5
    assert model.predict(["", " \n", "unknown words", "√ 日本 \ud800 \U0001f600"]).nnz == 20


# ---- the hierarchy -------------------------------------------------------------------------------


def test_the_taxonomy_is_read_as_it_is(checkerboard, monkeypatch):
    (network, *_), _ = handed_over(monkeypatch, checkerboard)
    expected = LabelGraph.of(checkerboard.labels.hierarchy, checkerboard.Y)
    np.testing.assert_array_equal(network.head.graph.edges, expected.edges)
    np.testing.assert_array_equal(network.head.graph.prior, expected.prior)


def test_several_parents_stay(monkeypatch):
    ids = ("a", "b", "c")
    labels = Labels(ids, hierarchy=Hierarchy.from_edges([("a", "c"), ("b", "c")], ids))
    Y = csr_array(np.tile([[1, 1, 1], [1, 0, 0]], (4, 1)))
    data = Dataset(Y, labels, texts=["one", "two"] * 4)
    (network, *_), _ = handed_over(monkeypatch, data, tree=Given())
    assert network.head.graph.edges.tolist() == [[0, 1], [2, 2]]


def test_a_grown_tree_has_nodes_that_are_no_labels(checkerboard, monkeypatch):
    bare = Dataset(checkerboard.Y, Labels(checkerboard.labels.ids), texts=checkerboard.texts)
    source = Grown()
    source.clusterer.max_leaf = 2
    for data, tree in ((bare, {}), (checkerboard, {"tree": source})):
        (network, *_), _ = handed_over(monkeypatch, data, **tree)
        graph = network.head.graph
        assert graph.n_labels == 10
        if tree:
            assert graph.n_nodes > 10
            assert not graph.label_edges.size, "labels hang below clusters only"


def test_no_structure(checkerboard, monkeypatch):
    (network, *_), _ = handed_over(monkeypatch, checkerboard, tree=Star())
    assert network.head.graph.n_nodes == 10
    assert network.head.graph.edges.shape == (2, 0)


@pytest.mark.parametrize("source", [Graft(max_children=2), Random(), Huffman()],
                         ids=lambda s: type(s).__name__)  # fmt: skip
def test_any_tree_source(checkerboard, source):
    model = fitted(checkerboard, tree=source, epochs=1)
    assert model.graph_.n_labels == 10


def test_a_taxonomy_is_wanted_and_there_is_none(checkerboard):
    with pytest.raises(DataError, match="needs a taxonomy"):
        ToyFlat(tree=Given()).fit(checkerboard.texts, checkerboard.Y)


def test_priors_come_from_training_labels_alone(checkerboard):
    """Validation may be anything: the graph is the same."""
    other = Dataset(
        csr_array(np.ones((96, 10))), checkerboard.labels, texts=checkerboard.texts
    )  # fmt: skip
    one = fitted(checkerboard, other, epochs=1)
    np.testing.assert_array_equal(one.graph_.prior, fitted(checkerboard, epochs=1).graph_.prior)
    assert one.graph_.prior[0] == pytest.approx((12 + 1e-3) / (48 + 1e-3))
    assert (fitted(checkerboard, epochs=1, prior="uniform").graph_.prior == 0.25).all()


def squares_only(checkerboard):
    """Return the data with the most specific labels only, and both colours on no document."""
    Y = checkerboard.labels.hierarchy.most_specific(checkerboard.Y)
    return Dataset(Y, checkerboard.labels, texts=checkerboard.texts)


def test_answers_begin_at_the_labels_frequencies(checkerboard):
    class Linear(ToyFlat):
        def head(self):
            return FlatHead()

    n, counts = checkerboard.Y.shape[0], checkerboard.Y.sum(axis=0)
    expected = np.log((counts + 0.5) / (n - counts + 0.5))
    for begin, is_told in (("frequencies", True), ("random", False)):
        model = Linear(epochs=1, head_lr=1e-9, lr=1e-9, begin=begin)
        model.fit(checkerboard.texts, checkerboard.Y, labels=checkerboard.labels)
        bias = model.weights_["head.linear.bias"]
        assert np.allclose(bias, expected, atol=1e-5) == is_told


def test_label_sets_are_closed_where_the_head_wants_that(checkerboard, monkeypatch):
    data = squares_only(checkerboard)
    (_, open_, *_), _ = handed_over(monkeypatch, data)
    assert (open_.Y != data.Y).nnz == 0
    (_, closed, held_out, _), _ = handed_over(monkeypatch, data, closes=True)
    assert (closed.Y != checkerboard.Y).nnz == 0
    assert held_out is None


def test_validation_is_closed_too(checkerboard, monkeypatch):
    from labeltree.nn import train

    met, real = [], train.train
    monkeypatch.setattr("labeltree.nn.train.train",
                        lambda *a, **k: met.append(a) or real(*a, **k))  # fmt: skip
    data = squares_only(checkerboard)
    fitted(data, data, closes=True, epochs=1)
    assert (met[0][2].Y != checkerboard.Y).nnz == 0


def test_labels_without_documents_are_never_ranked(checkerboard):
    """Not even those that closing gave documents: nobody uses them."""
    model = fitted(squares_only(checkerboard), closes=True, epochs=2)
    S = model.predict(checkerboard.texts, 10)
    assert set(S.indices.tolist()) == set(range(2, 10))
    assert S.shape == (96, 10)


def test_grown_on_thousands_of_labels():
    rng = np.random.default_rng(0)
    n, n_labels = 300, 5000
    label = rng.integers(0, n_labels, n)
    Y = csr_array((np.ones(n), (np.arange(n), label)), shape=(n, n_labels))
    texts = [f"word{c} group{c % 50}" for c in label]
    model = ToyFlat(epochs=1, tree=Grown()).fit(texts, Y)
    S = model.predict(texts[:5], 3)
    assert S.nnz == 15
    assert np.isin(S.indices, label).all()


# ---- validation ----------------------------------------------------------------------------------


def test_the_best_epoch_on_validation_is_kept(checkerboard):
    contrary = Dataset(
        csr_array(1 - checkerboard.Y.toarray()), checkerboard.labels, texts=checkerboard.texts
    )
    model = fitted(checkerboard, contrary, epochs=12, patience=2)
    assert len(model.history_.f1) < 12
    assert model.history_.best_epoch == len(model.history_.f1) - 3


def test_an_empty_validation_part_is_none(checkerboard):
    model = fitted(checkerboard, checkerboard.subset([]), epochs=5, patience=1)
    assert np.isnan(model.history_.f1).all()
    assert len(model.history_.f1) == 5, "nothing to stop by"


def test_labels_outside_the_universe_take_no_part(checkerboard):
    """A validation part may bring labels that training does not know."""
    more = Labels((*checkerboard.labels.ids, "new"), hierarchy=checkerboard.labels.hierarchy)
    Y = csr_array(np.hstack([checkerboard.Y.toarray(), np.ones((96, 1))]))
    wide = Dataset(Y, more, texts=checkerboard.texts, n_universe=10)
    model = fitted(checkerboard, wide, epochs=2)
    plain = fitted(checkerboard, checkerboard, epochs=2)
    np.testing.assert_array_equal(model.history_.f1, plain.history_.f1)


def test_validation_of_other_labels(checkerboard):
    few = Labels(checkerboard.labels.ids[:9])
    narrow = Dataset(checkerboard.Y[:, :9], few, texts=checkerboard.texts)
    with pytest.raises(DataError, match="validation has 9 columns, Y of training 10"):
        fitted(checkerboard, narrow)


# ---- labels that are read ------------------------------------------------------------------------


def test_labels_are_described_to_heads_that_read_them(checkerboard, monkeypatch):
    (network, *_), options = handed_over(monkeypatch, checkerboard, refresh_labels=3)
    assert isinstance(network.head, LabelReadingHead)
    described = options["descriptions"]
    assert described.every == 3
    assert len(described.documents) == 10
    model = fitted(checkerboard, refresh_labels=3, epochs=1)
    terms = model.reading_.terms
    first = described.documents.batch(np.array([2])).ids[0]  # label square0
    assert terms[first[0] - 2] == "square0"


def test_what_only_training_needs_is_not_kept(checkerboard, tmp_path):
    model = fitted(checkerboard, refresh_labels=3, epochs=2)
    assert not [name for name in model.weights_ if "side" in name]
    again = loaded(model, tmp_path / "model")
    assert (again.predict(checkerboard.texts) != model.predict(checkerboard.texts)).nnz == 0


# ---- saved, copied, shared -----------------------------------------------------------------------


def test_saved_and_loaded(checkerboard, tmp_path):
    model = fitted(checkerboard, checkerboard, epochs=2)
    again = loaded(model, tmp_path / "model")
    assert isinstance(again.reading_, ToyReading)
    assert again.history_.n_steps == model.history_.n_steps
    assert again.to_json() == model.to_json()
    assert (again.predict(checkerboard.texts) != model.predict(checkerboard.texts)).nnz == 0


def test_weights_are_readable_by_others(checkerboard, tmp_path):
    """Named as in the network, in the safetensors format."""
    safetensors = pytest.importorskip("safetensors.numpy")
    model = fitted(checkerboard, epochs=1)
    model.save(tmp_path / "model")
    found = safetensors.load_file(tmp_path / "model" / "weights.safetensors")
    np.testing.assert_array_equal(
        found["weights.head.linear.weight"], model.weights_["head.linear.weight"]
    )
    skeleton = json.loads((tmp_path / "model" / "model.json").read_text())["state"]["weights"]
    assert set(skeleton["dict"]) == set(model.weights_)


def test_pickled_copied_and_asked_by_threads(checkerboard):
    model = fitted(checkerboard, epochs=2)
    expected = model.predict(checkerboard.texts)
    assert isinstance(model._network[1], Network)
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model), copy.copy(model)):
        assert other._network is None
        assert (other.predict(checkerboard.texts) != expected).nnz == 0
    fresh = pickle.loads(pickle.dumps(model))
    found = ThreadPool(4).map(lambda _: fresh.predict(checkerboard.texts), range(8))
    assert all((expected != S).nnz == 0 for S in found)


def test_fitted_again_forgets_the_network(checkerboard):
    model = fitted(checkerboard, epochs=1)
    before = model.predict(checkerboard.texts, 10).toarray()
    model.set_params(epochs=10).fit(checkerboard.texts, checkerboard.Y)
    assert not np.allclose(model.predict(checkerboard.texts, 10).toarray(), before)


def test_a_fit_that_fails_leaves_the_model_as_it_was(checkerboard):
    model = fitted(checkerboard, epochs=1)
    before = model.predict(checkerboard.texts)
    with pytest.raises(DataError):
        model.fit(checkerboard.texts[:-1], checkerboard.Y)
    assert (model.predict(checkerboard.texts) != before).nnz == 0
    with pytest.raises(DataError):
        ToyFlat().fit(checkerboard.texts[:-1], checkerboard.Y).predict(["x"])


def test_the_device_of_the_training_is_not_here(checkerboard, caplog):
    model = fitted(checkerboard, epochs=1)
    model.device = "cuda:42"
    assert model.predict(["white"]).nnz == 5
    assert "no device 'cuda:42' here" in caplog.text


# ---- input ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        ("one text", "one text"),
        (np.eye(96), "X is a matrix"),
        (csr_array(np.eye(96)), "X is a matrix"),
        (["a"] * 95 + [None], "Text 95 is no string but of type NoneType"),
        (["a"] * 95 + [3.5], "of type float"),
        (["a"] * 95, "95 rows but Y has 96"),
    ],
)
def test_texts_that_are_none(checkerboard, texts, problem):
    with pytest.raises(DataError, match=problem):
        ToyFlat().fit(texts, checkerboard.Y)


def test_unfitted():
    with pytest.raises(NotFittedError, match="fit first"):
        ToyFlat().predict(["a"])


def test_one_label_and_one_document():
    model = ToyFlat(epochs=2).fit(["yes"], [[1]])
    assert model.predict(["yes", "no"]).toarray().shape == (2, 1)


def test_without_torch(checkerboard, monkeypatch):
    real = __import__("importlib.util").util.find_spec
    monkeypatch.setattr("labeltree.nn.encoder.find_spec",
                        lambda name: None if name == "torch" else real(name))  # fmt: skip
    with pytest.raises(MissingExtraError, match=r"labeltree\[nn\]"):
        ToyFlat().fit(checkerboard.texts, checkerboard.Y)


def test_importing_needs_no_torch():
    code = "import labeltree.nn.model, sys; print({'torch', 'transformers'} & {*sys.modules})"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "set()"


def test_features():
    """Models that take features go through the same paths."""
    from toys import ToyFeatures

    X = as_csr(np.tile(np.eye(12), (5, 1)), "X")
    Y = as_csr(np.tile(np.eye(3), (20, 1)), "Y")
    model = ToyFlat(encoder=ToyFeatures(), epochs=40, tree=Grown(), refresh_labels=5)
    assert model.takes == "features"
    assert model.fit(X, Y).score(X, Y) == 1
    with pytest.raises(DataError, match="features"):
        model.predict(X[:, :-1])
    with pytest.raises(DataError, match="texts"):
        model.predict(["a"])
