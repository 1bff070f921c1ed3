import functools

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tiny import tiny_model  # noqa: E402
from torch.utils.checkpoint import checkpoint  # noqa: E402

from labeltree.nn.documents import EmbeddedDocuments, Run, TokenDocuments  # noqa: E402
from labeltree.nn.pretrained import recompute_activations  # noqa: E402
from labeltree.nn.transformer import TransformerEncoder, freeze, layers  # noqa: E402

CPU = Run(torch.device("cpu"), batch_size=2)


def documents(lengths=(5, 2, 9, 3, 7)):
    rng = np.random.default_rng(0)
    ids = rng.integers(5, 100, sum(lengths)).astype(np.int32)
    ptr = np.cumsum([0, *lengths]).astype(np.int64)
    ids[ptr[:-1]] = 2
    return TokenDocuments(ids, ptr, 0)


def encoder(pooling="mean", **options):
    return TransformerEncoder(tiny_model(), pooling, 0.1, **options).eval()


@pytest.mark.parametrize("pooling", ["mean", "cls", "pooler"])
def test_padding_changes_nothing(pooling):
    model, docs = encoder(pooling), documents()
    with torch.no_grad():
        together = model(docs.batch(np.arange(5)))
        for i in range(5):
            alone = model(docs.batch(np.array([i])))
            n = int(docs.lengths[i])
            torch.testing.assert_close(together.pooled[i], alone.pooled[0], atol=1e-5, rtol=0)
            torch.testing.assert_close(
                together.tokens[i, :n], alone.tokens[0, :n], atol=1e-5, rtol=0
            )


def test_pooling_is_what_it_is_called():
    docs = documents((4, 6))
    batch = docs.batch(np.arange(2))
    answer = tiny_model()(input_ids=batch.ids, attention_mask=batch.mask.long())
    hidden = answer.last_hidden_state
    pooled = {p: encoder(p)(batch).pooled for p in ("mean", "cls", "pooler")}
    torch.testing.assert_close(pooled["mean"][0], hidden[0, :4].mean(0))
    torch.testing.assert_close(pooled["cls"], hidden[:, 0])
    torch.testing.assert_close(pooled["pooler"], answer.pooler_output)


def test_frozen_and_unfrozen_answer_alike():
    docs = documents()
    live, frozen = encoder(), encoder(frozen=True)
    with torch.no_grad():
        expected = live(docs.batch(np.arange(5))).pooled
        torch.testing.assert_close(frozen(docs.batch(np.arange(5))).pooled, expected)
        ready = frozen.ready(docs, CPU)
        assert isinstance(ready, EmbeddedDocuments)
        found = frozen(ready.batch(np.arange(5)))
    torch.testing.assert_close(found.pooled, expected, atol=1e-5, rtol=0)
    assert found.tokens.shape == (5, 1, 16)
    assert live.ready(docs, CPU) is docs
    assert frozen.ready(ready, CPU) is ready


def test_vectors_in_half_precision_are_others_and_near():
    docs = documents()
    whole, half = (
        encoder(frozen=True, frozen_precision=p).ready(docs, CPU) for p in ("fp32", "bf16")
    )
    assert half.vectors.dtype == whole.vectors.dtype == np.float32
    assert not np.array_equal(half.vectors, whole.vectors)
    np.testing.assert_allclose(half.vectors, whole.vectors, atol=0.05)


def test_a_frozen_model_neither_learns_nor_drops():
    frozen = encoder(frozen=True).train()
    assert frozen.training
    assert not frozen.model.training
    assert frozen.base_parameters() == []
    assert not frozen(documents().batch(np.arange(2))).pooled.requires_grad
    frozen.dropout.p = 0.0
    batch = documents().batch(np.arange(2))
    torch.testing.assert_close(frozen(batch).pooled, frozen(batch).pooled, atol=0, rtol=0)


def test_all_weights_are_tuned_unless_frozen():
    model = encoder("pooler")
    assert len(model.base_parameters()) == len(list(model.parameters()))
    model.train()(documents().batch(np.arange(3))).pooled.sum().backward()
    assert all(p.grad is not None for p in model.base_parameters())


@pytest.mark.parametrize("n", [0, 1, 2])
def test_layers_are_frozen_from_below(n):
    model = tiny_model()
    freeze(model, n)
    moving = {name for name, p in model.named_parameters() if p.requires_grad}
    assert any(name.startswith("embeddings") for name in moving) == (n == 0)
    for layer in range(2):
        part = [name for name in dict(model.named_parameters()) if f"layer.{layer}." in name]
        assert len(moving.intersection(part)) == (0 if layer < n else len(part))
    assert "pooler.dense.weight" in moving
    tuned = TransformerEncoder(model, "pooler", 0.1)
    assert len(tuned.base_parameters()) == len(moving)


def test_layers_are_found():
    assert len(layers(tiny_model(layers=1))) == 1
    model = tiny_model()
    assert layers(model) is model.encoder.layer


@pytest.mark.parametrize("n_frozen", [0, 1])
def test_computing_activations_again_changes_no_gradient(n_frozen):
    grads = []
    for again in (False, True):
        model = tiny_model()
        freeze(model, n_frozen)
        if again:
            recompute_activations(model)
        text = TransformerEncoder(model, "mean", 0.0)
        torch.manual_seed(1)
        text.train()(documents().batch(np.arange(4))).pooled.square().sum().backward()
        grads.append({n: p.grad for n, p in model.named_parameters() if p.grad is not None})
        assert model.encoder.layer[1].gradient_checkpointing == again
    assert grads[0].keys() == grads[1].keys()
    for name, grad in grads[0].items():
        torch.testing.assert_close(grad, grads[1][name], msg=name)


def test_models_without_a_hook_on_inputs(monkeypatch):
    """As in transformers 4, which lets the re-entrant kind be used unless told otherwise."""
    model, met = tiny_model(), []
    enable = model._set_gradient_checkpointing

    def enabled(told=None):
        met.append(told)
        enable(gradient_checkpointing_func=functools.partial(checkpoint, **told))

    def disable():
        raise AttributeError("no attribute '_require_grads_hook'")

    monkeypatch.setattr(model, "activation_checkpointing_enable", enabled, raising=False)
    monkeypatch.setattr(model, "disable_input_require_grads", disable)
    freeze(model, 1)
    recompute_activations(model)
    assert met == [{"use_reentrant": False}]
    text = TransformerEncoder(model, "mean", 0.0).train()
    text(documents().batch(np.arange(4))).pooled.square().sum().backward()
    assert all(p.grad is not None for n, p in model.named_parameters() if "layer.1." in n)


def test_half_precision_gives_single_precision_vectors():
    with CPU._replace(precision="bf16").autocast():
        text = encoder()(documents().batch(np.arange(2)))
    assert text.pooled.dtype == text.tokens.dtype == torch.float32
