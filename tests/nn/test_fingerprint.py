"""A training goes on from checkpoints of its own, never from those of another one."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from scipy.sparse import csr_array

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from tiny import tiny_folder  # noqa: E402
from toys import RECIPE, learnable, network  # noqa: E402

from labeltree.core.arrays import as_csr  # noqa: E402
from labeltree.core.hierarchy import Hierarchy  # noqa: E402
from labeltree.core.labels import Labels  # noqa: E402
from labeltree.nn.batches import TrainingData  # noqa: E402
from labeltree.nn.documents import EmbeddedDocuments, SparseDocuments, TokenDocuments  # noqa: E402
from labeltree.nn.encoders import BiLstm, FeatureMlp, TfidfMlp, Transformer  # noqa: E402
from labeltree.nn.fingerprint import fingerprint  # noqa: E402
from labeltree.nn.heads import FlatHead  # noqa: E402
from labeltree.nn.model import NeuralModel  # noqa: E402
from labeltree.text.tfidf import Tfidf  # noqa: E402

TEXTS = ["red cat", "red dog", "blue cat", "blue dog", "old bird", "old fish"] * 2
Y = np.eye(3)[np.arange(12) % 6 // 2]


@dataclass(eq=False)
class Told(NeuralModel):
    """A head with a field that no weight shows."""

    device: str = "cpu"
    epochs: int = 1
    batch_size: int = 4
    dropout: float = 0.1

    def head(self):
        return FlatHead(dropout=self.dropout)


def n_trainings(folder, *fits, **shared):
    """Return how many trainings these fits are, each (X, labels, parameters)."""
    for X, labels, params in fits:
        Told(checkpoints=str(folder), **shared | params).fit(X, Y, labels=labels)
    return len(list(folder.iterdir()))


def transformer(**params):
    return {"encoder": Transformer(name=tiny_folder(), **params)}


def tfidf(**params):
    return {"encoder": TfidfMlp(hidden=4, tfidf=Tfidf(min_df=1, **params))}


CHANGED = {
    "the head's dropout": (transformer(), transformer() | {"dropout": 0.3}),
    "the encoder's dropout": (transformer(), transformer(dropout=0.3)),
    "pooling": (transformer(pooling="cls"), transformer(pooling="mean")),
    "frozen": (transformer(), transformer(frozen=True)),
    "vectors in bf16": (
        transformer(frozen=True), transformer(frozen=True, frozen_precision="bf16"),
    ),
    "frozen layers": (transformer(), transformer(freeze_layers=1)),
    "sublinear": (tfidf(), tfidf(sublinear=False)),
    "pooling of states": (
        {"encoder": BiLstm(width=4, hidden=4, min_count=1, pooling=p)} for p in ("max", "mean")
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CHANGED)
def test_another_field_is_another_training(case, tmp_path):
    one, other = CHANGED[case]
    fits = [(TEXTS, None, one), (TEXTS, None, other), (TEXTS, None, one)]
    assert n_trainings(tmp_path, *fits) == 2


def test_other_words_are_another_training(tmp_path):
    """As many words in each text, as many labels on each."""
    others = [text.replace("cat", "tree") for text in TEXTS]
    fits = [(TEXTS, None, {}), (others, None, {})]
    assert n_trainings(tmp_path, *fits, **transformer(max_length=16)) == 2


def test_other_features_are_another_training(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.random((12, 5))
    shifted = X + 1  # the same first weights: means are in a buffer that is not saved
    fits = [(X, None, {}), (shifted, None, {}), (X.copy(), None, {})]
    assert n_trainings(tmp_path, *fits, encoder=FeatureMlp(hidden=4)) == 2


def test_another_hierarchy_is_another_training(tmp_path):
    ids = ("a", "b", "c")
    chains = [("a", "b"), ("b", "c")], [("a", "c"), ("c", "b")]
    labels = [Labels(ids, hierarchy=Hierarchy.from_edges(edges, ids)) for edges in chains]
    fits = [(TEXTS, known, {}) for known in labels]
    assert n_trainings(tmp_path, *fits, **tfidf()) == 2


def test_what_is_free_to_change(tmp_path):
    free = {"device": "auto", "save_every": 2, "log": ""}
    fits = [(TEXTS, None, {}), (list(TEXTS), None, free)]
    assert n_trainings(tmp_path, *fits, **tfidf()) == 1


# ---- what is read of a part ----------------------------------------------------------------------


def contrary():
    data = learnable()
    return TrainingData(data.documents, as_csr(1 - data.Y.toarray(), "Y"))


def test_what_makes_another_training():
    def name(net=None, data=None, validation=None, **changed):
        recipe = RECIPE._replace(**changed)
        return fingerprint(recipe, net or network(), data or learnable(), validation)

    base = name()
    assert base == name()
    free = {"device": "auto", "checkpoints": "x", "save_every": 5, "log": "y"}
    assert name(**free) == base
    hidden = network()
    hidden.register_buffer("shift", torch.ones(2), persistent=False)
    moved = network()
    moved.register_buffer("shift", torch.zeros(2), persistent=False)
    others = [
        name(lr=0.02), name(epochs=4), name(precision="bf16"), name(net=network(seed=1)),
        name(net=network(dropout=0.2)), name(net=hidden), name(net=moved),
        name(data=learnable(21)), name(data=contrary()), name(validation=learnable()),
        name(data=learnable(), validation=contrary()),
    ]  # fmt: skip
    assert len({base, *others}) == len(others) + 1


@dataclass
class Part:
    values: object
    known: object = field(default=None, compare=False)


class Plain:
    def __init__(self, value):
        self.value = value


def test_values_are_told_apart():
    net, array = network(), np.arange(6, dtype=np.int32)
    matrix = csr_array(np.eye(3))
    tokens = TokenDocuments(array, np.array([0, 4, 6]), 0)
    values = [
        None, 0, 1, 1.5, True, "1", b"1", "", [], [[]], [1, 2], [[1], 2], {}, {"a": 1}, {"b": 1},
        array, array[::-1], array.astype(np.int64), array.reshape(2, 3), array.view(np.uint32),
        array[:0], torch.from_numpy(array), torch.ones(2), torch.ones(2).bfloat16(),
        torch.ones(1, 2), np.array(["a", None], object), np.array(["b", None], object),
        np.array(["a", "b"]), matrix, 2 * matrix, csr_array(np.eye(3)[::-1]), csr_array((3, 3)),
        csr_array((3, 4)), Part(1), Part(2), Plain(1), Plain(2), Part, Plain, "\ud800",
        tokens, replace(tokens, ids=array[::-1]), replace(tokens, pad=1),
        EmbeddedDocuments(np.ones((2, 3), np.float32)), SparseDocuments(matrix),
        Transformer(), Transformer(pooling="mean"), BiLstm(), TfidfMlp(),
        TfidfMlp(tfidf=Tfidf(sublinear=False)),
    ]  # fmt: skip
    names = [fingerprint(RECIPE, net, value) for value in values]
    assert len(set(names)) == len(values)
    assert names == [fingerprint(RECIPE, net, value) for value in values]


def test_arrays_in_files_and_out_of_order_are_read_as_they_look(tmp_path):
    array = np.random.default_rng(0).random((7, 5)).astype(np.float32)
    np.save(tmp_path / "vectors.npy", array)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    spread = np.asfortranarray(array)
    names = {fingerprint(RECIPE, network(), EmbeddedDocuments(a)) for a in (array, mapped, spread)}
    assert len(names) == 1
