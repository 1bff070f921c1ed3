import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest

from labeltree.cli.fields import configured, part_names
from labeltree.core.errors import DataError, ParameterError
from labeltree.core.store import read_folder, write_folder
from labeltree.nn.encoder import Encoder
from labeltree.nn.encoders import BiGruCnn, BiLstm, FeatureMlp, TfidfMlp, Transformer

TEXTS = ["the old cat sings", "a dog runs under the old tree", "", "cat and dog, dog and cat"]
ROWS = np.arange(4)


def test_declaring_encoders_needs_no_torch():
    code = (
        "import sys, labeltree.nn.encoders as e;"
        "print(e.Transformer(), e.BiGruCnn().to_json(), e.TfidfMlp().get_params());"
        "assert not {'torch', 'transformers', 'tokenizers', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_the_command_line_knows_them_by_name():
    names = {"transformer", "bi_gru_cnn", "bi_lstm", "tfidf_mlp", "feature_mlp"}
    own = {n for n, part in part_names(Encoder).items() if part.__module__.startswith("labeltree")}
    assert own == names
    gru = configured(BiGruCnn(), [("kernels", "3,5"), ("vectors", "trained")])
    assert (gru.kernels, gru.vectors) == ((3, 5), "trained")
    assert BiGruCnn.from_json(gru.to_json()).to_json() == gru.to_json()


@pytest.mark.parametrize(
    ("cls", "wrong"),
    [
        (Transformer, {"pooling": "sum"}), (Transformer, {"max_length": 2}),
        (BiGruCnn, {"kernels": ()}), (BiGruCnn, {"kernels": (0, 2)}), (BiGruCnn, {"kernels": 3}),
        (BiLstm, {"pooling": "cls"}), (TfidfMlp, {"dropout": 2}), (FeatureMlp, {"layers": 0}),
    ],
)  # fmt: skip
def test_parameters_are_checked(cls, wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        cls(**wrong)


torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tiny import tiny_folder, write_tiny  # noqa: E402

from labeltree.nn.fusion import LabelProjection  # noqa: E402
from labeltree.nn.structure import States  # noqa: E402

FEATURES = np.random.default_rng(0).normal(3, 2, (4, 6)).astype(np.float32)
ENCODERS = {
    "transformer": Transformer(name=tiny_folder()),
    "frozen": Transformer(name=tiny_folder(), frozen=True, pooling="mean"),
    "pooler": Transformer(name=tiny_folder(), pooling="pooler", freeze_layers=1),
    "bi_gru_cnn": BiGruCnn(width=12, hidden=5, filters=4, min_count=1, vectors="trained"),
    "bi_lstm": BiLstm(width=12, hidden=7, layers=2, min_count=1),
    "tfidf_mlp": TfidfMlp(hidden=9, layers=2),
    "feature_mlp": FeatureMlp(hidden=9),
    "bags": FeatureMlp(hidden=9, standardise=False),
}


def given(encoder):
    return FEATURES if encoder.takes == "features" else TEXTS


def answers(encoder, documents):
    with torch.no_grad():
        return encoder.eval()(documents.batch(ROWS))


@pytest.mark.parametrize("name", ENCODERS)
def test_saved_readings_rebuild_the_same_network(name, tmp_path):
    """Offline, and with the encoder's own folder gone."""
    encoder = ENCODERS[name]
    if isinstance(encoder, Transformer):
        source = write_tiny(tmp_path / "source")
        encoder = Transformer.from_json(encoder.to_json() | {"name": source})
    reading = encoder.prepare(given(encoder), 0)
    network = reading.module(True, 0)
    documents = reading.read(given(encoder))
    expected = answers(network, documents)
    write_folder(tmp_path / "model", {}, {"reading": reading})
    shutil.rmtree(tmp_path / "source", ignore_errors=True)
    loaded = read_folder(tmp_path / "model")[1]["reading"]
    rebuilt = loaded.module(False, 1)
    rebuilt.load_state_dict(network.state_dict())
    again = loaded.read(given(encoder))
    for ours, theirs in zip(again.batch(ROWS), documents.batch(ROWS), strict=True):
        assert torch.equal(ours, theirs)
    found = answers(rebuilt, again)
    for ours, theirs in zip(found, expected, strict=True):
        assert torch.equal(ours, theirs)
    for saved in (tmp_path / "model").iterdir():
        assert str(tmp_path).encode() not in saved.read_bytes()


@pytest.mark.parametrize("name", ENCODERS)
def test_readings_are_pickled_without_what_models_hold_anyway(name):
    encoder = ENCODERS[name]
    reading = encoder.prepare(given(encoder), 0)
    documents = reading.read(given(encoder))
    copy = pickle.loads(pickle.dumps(reading))
    for ours, theirs in zip(
        copy.read(given(encoder)).batch(ROWS), documents.batch(ROWS), strict=True
    ):
        assert torch.equal(ours, theirs)
    assert getattr(copy, "vectors", None) is None


@pytest.mark.parametrize("name", ENCODERS)
def test_any_head_fits_any_width(name):
    """Width swap: what is built on an encoder asks it for its width, and nothing else."""
    encoder = ENCODERS[name]
    reading = encoder.prepare(given(encoder), 0)
    network = reading.module(True, 0)
    text = answers(network, reading.read(given(encoder)))
    assert text.pooled.shape == (4, network.width)
    assert text.tokens.shape[::2] == (4, network.width)
    assert text.mask.shape == text.tokens.shape[:2]
    assert text.mask.any(1).all()
    assert LabelProjection(network.width, 3, 5)(text, States.of_nodes).nodes.shape == (4, 3, 5)


@pytest.mark.parametrize("width", [16, 24])
def test_the_width_of_a_transformer_is_its_own(width):
    encoder = Transformer(name=tiny_folder(width=width), dropout=0.0)
    assert encoder.prepare(TEXTS, 0).module(True, 0).width == width


@pytest.mark.parametrize("name", ENCODERS)
def test_every_weight_that_may_learn_does(name):
    encoder = ENCODERS[name]
    reading = encoder.prepare(given(encoder), 0)
    network = reading.module(True, 0).train()
    base = network.base_parameters()
    assert bool(base) == (name in ("transformer", "pooler"))
    moving = [p for p in network.parameters() if p.requires_grad]
    assert bool(moving) == (name != "frozen")
    assert {id(p) for p in base} <= {id(p) for p in moving}
    if moving:
        network(reading.read(given(encoder)).batch(ROWS)).pooled.square().sum().backward()
        assert all(p.grad is not None for p in moving)


def test_frozen_layers_stay(tmp_path):
    reading = ENCODERS["pooler"].prepare(TEXTS, 0)
    model = reading.module(True, 0).model
    assert not any(p.requires_grad for p in model.encoder.layer[0].parameters())
    assert all(p.requires_grad for p in model.encoder.layer[1].parameters())


def test_what_a_model_does_not_have_is_refused():
    for wrong, why in [
        ({"freeze_layers": 3}, "2 layers"), ({"name": "./nowhere"}, "no folder"),
    ]:  # fmt: skip
        with pytest.raises(ParameterError, match=why):
            Transformer(**({"name": tiny_folder()} | wrong)).prepare(TEXTS, 0)


def test_gradient_checkpointing_is_switched_on():
    reading = Transformer(name=tiny_folder(), gradient_checkpointing=True).prepare(TEXTS, 0)
    assert reading.module(True, 0).model.encoder.layer[0].gradient_checkpointing


def test_words_are_cleaned_where_that_is_asked_for():
    raw = BiGruCnn(min_count=1, stop_words=False, lowercase=False).prepare(
        ["The cat and The dog"], 0
    )
    assert raw.words.words == ("The", "and", "cat", "dog")
    clean = BiGruCnn(min_count=1).prepare(["The cat and The dog"], 0)
    assert clean.words.words == ("cat", "dog")


def test_vectors_begin_as_told(tmp_path):
    file = tmp_path / "glove.txt"
    file.write_text("cat 1 2 3 4\ndog 5 6 7 8\n")
    reading = BiLstm(min_count=1, vectors=str(file), width=300).prepare(TEXTS, 0)
    table = reading.module(True, 0).states.words.weight.detach()
    assert table.shape == (reading.words.n_ids, 4)
    ids = dict(zip(reading.words.words, range(2, 99), strict=False))
    assert table[ids["dog"]].tolist() == [5, 6, 7, 8]
    blank = reading.module(False, 0).states.words.weight.detach()
    assert blank.shape == table.shape
    assert blank[ids["dog"]].tolist() != [5, 6, 7, 8]
    for vectors in ("random", "trained"):
        reading = BiLstm(min_count=1, vectors=vectors, width=6).prepare(TEXTS, 0)
        assert (reading.vectors is None) == (vectors == "random")
        assert reading.module(True, 0).states.words.weight.shape[1] == 6
    with pytest.raises(ParameterError, match="random, trained, or a file"):
        BiLstm(vectors="trianed").prepare(TEXTS, 0)


def test_features_are_standardised_by_the_training_documents():
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    X = FEATURES * (np.random.default_rng(1).random(FEATURES.shape) < 0.6)
    X[:, 2] = 7
    X[:, 3] = 0
    reading = FeatureMlp().prepare(X, 0)
    scaler = preprocessing.StandardScaler().fit(X)
    np.testing.assert_allclose(reading.mean, scaler.mean_, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(1 / reading.scale, scaler.scale_, rtol=1e-5)


def test_features_far_from_zero_keep_their_variance():
    X = 1000 + np.random.default_rng(0).random((500, 2)).astype(np.float32)
    reading = FeatureMlp().prepare(X, 0)
    np.testing.assert_allclose(1 / reading.scale, X.astype(float).std(axis=0), rtol=1e-4)


def test_rows_have_a_length():
    reading = FeatureMlp(standardise=False).prepare(FEATURES, 0)
    assert reading.length == pytest.approx(np.sqrt(np.square(FEATURES).sum(axis=1).mean()))
    assert FeatureMlp(standardise=False).prepare(np.zeros((2, 3)), 0).length == 1


def test_nothing_to_learn_from():
    with pytest.raises(DataError, match="No word"):
        BiGruCnn().prepare(["", "one"], 0)
    with pytest.raises(DataError, match="No term"):
        TfidfMlp().prepare([""], 0)
