import json
import logging
import os
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tiny import VOCABULARY, tiny_folder, tiny_tokenizer, write_tiny  # noqa: E402

from labeltree.core.errors import ParameterError, StoreError  # noqa: E402
from labeltree.nn import pretrained  # noqa: E402
from labeltree.nn.encoders import Transformer  # noqa: E402
from labeltree.nn.pretrained import DEFAULT, PACKAGE, build, inspected, load, source_of  # noqa: E402


@pytest.fixture(autouse=True)
def _offline(monkeypatch):
    """No test asks the hub."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture
def folder(tmp_path):
    write_tiny(tmp_path)
    return tmp_path


def test_what_is_known_of_a_folder():
    found = inspected(tiny_folder())
    assert found.source == tiny_folder()
    assert (found.pad, found.longest, found.n_layers) == (0, 64, 2)
    assert (found.pooling, found.has_pooler, found.can_checkpoint) == ("cls", True, True)
    assert tiny_folder() not in found.config + found.tokenizer


def test_the_default_is_the_package_where_installed(monkeypatch, tmp_path):
    monkeypatch.setattr(pretrained, "find_spec", lambda name: None)
    assert source_of("") == DEFAULT
    (tmp_path / PACKAGE / "model").mkdir(parents=True)
    (tmp_path / PACKAGE / "__init__.py").write_text("raise ImportError('needs not be imported')")
    monkeypatch.setattr(pretrained, "find_spec", find_spec)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, PACKAGE, raising=False)  # another test may have imported it
    assert source_of("") == str(tmp_path / PACKAGE / "model")


def test_names_and_folders_are_told_apart(tmp_path, monkeypatch):
    assert source_of("bert-base-uncased") == "bert-base-uncased"
    assert source_of("owner/model") == "owner/model"
    assert source_of(str(tmp_path)) == str(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert source_of("~") == str(tmp_path)
    for name in ("/no/such/folder", "./here", "~/there", "a/b/c"):
        with pytest.raises(ParameterError, match="There is no folder"):
            source_of(name)


def test_a_name_that_cannot_be_had():
    with pytest.raises(ParameterError) as caught:
        inspected("nobody/has-this-model")
    message = str(caught.value)
    assert "nobody/has-this-model" in message
    assert "Check the name. Without a connection, give the folder" in message
    assert "\n" not in message


def test_a_hub_that_does_not_answer_is_asked_once(monkeypatch, caplog):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:1")
    with caplog.at_level(logging.WARNING), pytest.raises(ParameterError, match="Check the name"):
        inspected("nobody/has-this-model")
    assert not caplog.records
    assert not sys.modules["huggingface_hub"].constants.HF_HUB_OFFLINE


def test_a_folder_without_a_tokenizer(folder):
    for file in folder.glob("*token*"):
        file.unlink()
    with pytest.raises(ParameterError, match="has no tokenizer.*save_pretrained"):
        inspected(str(folder))


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(ParameterError, match=r"Check the folder.*config\.json"):
        inspected(str(tmp_path))


@pytest.mark.parametrize("damage", ["missing", "cut", "nonsense"])
def test_weights_that_cannot_be_read(folder, damage):
    file = folder / "model.safetensors"
    raw = file.read_bytes()
    file.write_bytes(raw[:200] if damage == "cut" else b"nonsense")
    if damage == "missing":
        file.unlink()
    with pytest.raises(ParameterError, match="cannot be loaded.*Check the folder"):
        load(str(folder), pooler=False)


def test_weights_that_are_missing_are_named(folder, caplog):
    from safetensors.torch import load_file, save_file

    file = folder / "model.safetensors"
    weights = load_file(file)
    short = {name: w for name, w in weights.items() if not name.startswith("pooler")}
    save_file(short, file, metadata={"format": "pt"})
    with caplog.at_level(logging.WARNING):
        load(str(folder), pooler=False)
        assert not caplog.records
        load(str(folder), pooler=True)
    assert "lacks 2 weights, which begin at random: pooler.dense.bias" in caplog.text


def test_loading_is_silent_and_leaves_settings_as_they_were(capfd):
    from transformers.utils import logging as reports

    before = reports.get_verbosity(), reports.is_progress_bar_enabled()
    load(tiny_folder(), pooler=False)
    assert capfd.readouterr() == ("", "")
    assert (reports.get_verbosity(), reports.is_progress_bar_enabled()) == before


def test_a_model_is_built_from_its_configuration_alone():
    loaded = load(tiny_folder(), pooler=True)
    built = build(inspected(tiny_folder()).config, pooler=True)
    shapes = [{n: p.shape for n, p in m.state_dict().items()} for m in (loaded, built)]
    assert shapes[0] == shapes[1]
    built.load_state_dict(loaded.state_dict())
    ids = torch.tensor([[2, 7, 8, 3]])
    with torch.no_grad():
        a, b = (m.eval()(input_ids=ids).last_hidden_state for m in (loaded, built))
    torch.testing.assert_close(a, b, atol=0, rtol=0)


def test_without_a_pooler_no_weight_is_idle():
    model = load(tiny_folder(), pooler=False)
    assert not [n for n, _ in model.named_parameters() if n.startswith("pooler")]
    model(input_ids=torch.tensor([[2, 7, 3]])).last_hidden_state.sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_a_limit_below_one_is_none(tmp_path):
    """XLNet says -1; its token for the whole text is the last one."""
    from transformers import XLNetConfig, XLNetModel

    config = XLNetConfig(vocab_size=len(VOCABULARY), d_model=8, n_layer=1, n_head=2, d_inner=8)
    XLNetModel(config).save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    assert config.max_position_embeddings < 1
    reading = Transformer(name=str(tmp_path), max_length=300).prepare([], 0)
    assert reading.max_length == 300
    documents = reading.read(["cat " * 99])
    assert documents.lengths.tolist() == [101]
    with torch.no_grad():
        text = reading.module(True, 0).eval()(documents.batch(np.array([0])))
    assert torch.isfinite(text.pooled).all()


def test_an_architecture_of_another_version():
    values = json.loads(inspected(tiny_folder()).config)
    for changed in ({"model_type": "not_yet"}, {"hidden_size": "wide"}):
        with pytest.raises(
            StoreError, match="cannot build the encoder of the saved model"
        ) as caught:
            build(json.dumps(values | changed), pooler=False)
        assert "fit again" in str(caught.value)
    with pytest.raises(StoreError, match=f"'not_yet' saved with {values['transformers_version']}"):
        build(json.dumps(values | {"model_type": "not_yet"}), pooler=False)


def test_positions_begin_behind_the_padding_in_some_models(tmp_path):
    from transformers import RobertaConfig, RobertaModel

    config = RobertaConfig(
        vocab_size=len(VOCABULARY), hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=8, max_position_embeddings=20, pad_token_id=1,
    )  # fmt: skip
    RobertaModel(config).save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    assert inspected(str(tmp_path)).longest == 18
    reading = Transformer(name=str(tmp_path)).prepare([], 0)
    documents = reading.read(["cat " * 99])
    assert documents.lengths.tolist() == [18]
    with torch.no_grad():
        text = reading.module(True, 0).eval()(documents.batch(np.array([0])))
    assert torch.isfinite(text.pooled).all()


def test_of_an_encoder_and_a_decoder_the_encoder_is_used(tmp_path):
    from transformers import T5Config, T5Model

    config = T5Config(
        vocab_size=len(VOCABULARY), d_model=8, d_kv=4, d_ff=8, num_layers=2, num_heads=2,
        decoder_start_token_id=0,
    )  # fmt: skip
    T5Model(config).save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    found = inspected(str(tmp_path))
    assert found.n_layers == 2
    assert not found.has_pooler
    reading = Transformer(name=str(tmp_path), pooling="mean", max_length=300).prepare([], 0)
    assert reading.max_length == 300  # positions are relative: no limit
    encoder, documents = reading.module(True, 0).eval(), reading.read(["cat dog", "bird"])
    rebuilt = reading.module(False, 0).eval()
    rebuilt.load_state_dict(encoder.state_dict())
    batch = documents.batch(np.arange(2))
    with torch.no_grad():
        text = encoder(batch)
        torch.testing.assert_close(rebuilt(batch).pooled, text.pooled)
    assert text.pooled.shape == (2, 8)
    assert not [n for n, _ in encoder.named_parameters() if "decoder" in n]


@pytest.mark.slow
def test_paraphrases_are_closer_than_strangers():
    """The real default encoder: what it is for is what it does."""
    if not Path(source_of("")).is_dir():
        pytest.skip(f"{PACKAGE} is not installed")
    texts = [
        "A man is playing the guitar on stage.",
        "A guitarist performs in front of an audience.",
        "Interest rates were raised by the central bank.",
        "The monetary authority increased the cost of borrowing.",
    ]
    reading = Transformer().prepare(texts, 0)
    assert (reading.pooling, reading.max_length) == ("mean", 128)
    assert os.sep not in reading.config
    encoder = reading.module(True, 0).eval()
    assert encoder.width == 384
    with torch.no_grad():
        pooled = encoder(reading.read(texts).batch(np.arange(4))).pooled
    unit = torch.nn.functional.normalize(pooled)
    cosine = unit @ unit.T
    assert min(cosine[0, 1], cosine[2, 3]) > 0.5
    assert cosine[:2, 2:].max() < 0.2
