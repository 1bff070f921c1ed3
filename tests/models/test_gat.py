import pytest

from labeltree.cli.fields import configured
from labeltree.core.errors import ParameterError
from labeltree.models.gat import Gat
from labeltree.nn.encoders import TfidfMlp, Transformer
from labeltree.nn.graph_parts import Attention, Flatten, GraphAttention, Projection
from labeltree.nn.heads import GraphHead


def test_hiagm_with_attention():
    assert Gat().head() == GraphHead(Projection(), GraphAttention(), Flatten(), 300, 0.0)


def test_variants():
    attention = GraphAttention(heads=2, hops=2)
    head = Gat(variant="la", attention=attention, width=64, dropout=0.3).head()
    assert head.fusion == Attention(0.3)
    assert (head.structure.heads, head.structure.hops, head.width) == (2, 2, 64)


def test_labels_that_attend_to_words_need_words():
    with pytest.raises(ParameterError, match="Gat: --variant la .* --encoder tfidf_mlp"):
        configured(Gat(), [("variant", "la"), ("encoder", "tfidf_mlp")])
    assert Gat(encoder=TfidfMlp()).variant == "tp"


def test_labels_that_attend_to_words_learn(checkerboard):
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from tiny import tiny_folder

    model = Gat(
        variant="la", width=16, dropout=0.0, encoder=Transformer(name=tiny_folder(), dropout=0.0),
        epochs=20, batch_size=8, lr=0.003, head_lr=0.01, device="cpu",
    )  # fmt: skip
    model.fit(checkerboard.texts, checkerboard.Y, labels=checkerboard.labels)
    assert model.history_.loss[-1] < 0.5 * model.history_.loss[0]
