import numpy as np
import pytest

from labeltree.core.errors import MissingExtraError, ParameterError
from labeltree.nn import encoder as module
from labeltree.nn.encoder import check_tokens, require_torch
from labeltree.nn.encoders import BiGruCnn, BiLstm, FeatureMlp, TfidfMlp, Transformer


@pytest.mark.parametrize("encoder", [Transformer(), BiGruCnn(), BiLstm(), TfidfMlp(), FeatureMlp()])
@pytest.mark.parametrize("missing", ["torch", "transformers", "accelerate"])
def test_without_torch_the_remedy_is_told(monkeypatch, encoder, missing):
    monkeypatch.setattr(module, "find_spec", lambda name: None if name == missing else object())
    X = np.eye(4) if encoder.takes == "features" else ["the old cat"]
    with pytest.raises(MissingExtraError, match=r"pip install 'labeltree\[nn\]'"):
        encoder.prepare(X, 0)


def test_the_extra_is_there():
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    require_torch()


@pytest.mark.parametrize(
    ("encoder", "name"),
    [
        (TfidfMlp(), "tfidf_mlp"), (FeatureMlp(), "feature_mlp"),
        (Transformer(frozen=True), "transformer"),
    ],
)  # fmt: skip
def test_what_needs_words_is_told_where_there_are_none(encoder, name):
    with pytest.raises(ParameterError, match=f"^Gat: .* --encoder {name} .*bi_lstm"):
        check_tokens("Gat", encoder)


class Foreign:
    """An encoder from elsewhere, which says nothing of tokens."""

    takes = "text"


@pytest.mark.parametrize("encoder", [Transformer(), BiGruCnn(), BiLstm(), Foreign()])
def test_others_keep_words(encoder):
    check_tokens("Gat", encoder)


@pytest.mark.parametrize("kind", ["Gat", "Gcn"])
def test_without_torch_geometric_the_remedy_is_told(monkeypatch, kind):
    pytest.importorskip("torch")
    from graphs import graph

    from labeltree.nn import graph_nets

    find = module.find_spec
    monkeypatch.setattr(
        module, "find_spec", lambda name: None if name == "torch_geometric" else find(name)
    )
    require_torch()
    with pytest.raises(MissingExtraError, match=r"pip install 'labeltree\[nn\]'"):
        getattr(graph_nets, kind)(graph("flat"), 4)
