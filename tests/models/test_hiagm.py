import numpy as np
import pytest

import labeltree
from labeltree.cli.fields import configured
from labeltree.core.errors import ParameterError
from labeltree.models.hiagm import Hiagm
from labeltree.nn.encoders import BiLstm, FeatureMlp, TfidfMlp, Transformer
from labeltree.nn.graph_parts import (
    Attention,
    Convolution,
    Flatten,
    LabelWise,
    Projection,
    TreeLstm,
)
from labeltree.nn.heads import GraphHead


def test_the_papers_defaults():
    head = Hiagm().head()
    assert head == GraphHead(Projection(0.1), Convolution(0.05), Flatten(), 300, 1e-6)
    assert not head.closes


def test_four_variants():
    for variant, fusion in (("tp", Projection), ("la", Attention)):
        for structure in (Convolution(), TreeLstm()):
            head = Hiagm(variant=variant, structure=structure, dropout=0.3).head()
            assert head.fusion == fusion(dropout=0.3)
            assert head.structure is structure


def test_on_the_command_line():
    model = configured(Hiagm(), [("structure", "tree-lstm"), ("readout", "label-wise"),
                                 ("structure.dropout", "0.2"), ("width", "64"),
                                 ("logit_dropout", "0.5")])  # fmt: skip
    assert model.head() == GraphHead(
        Projection(), TreeLstm(0.2), LabelWise(), 64, logit_dropout=0.5
    )
    with pytest.raises(ParameterError, match="tree_lstm"):
        configured(Hiagm(), [("structure", "grown")])


@pytest.mark.parametrize("encoder", [TfidfMlp(), FeatureMlp(), Transformer(frozen=True)])
def test_labels_that_attend_to_words_need_words(encoder):
    with pytest.raises(ParameterError, match="Hiagm: --variant la .* --encoder .*bi_lstm"):
        Hiagm(variant="la", encoder=encoder)
    model = Hiagm(encoder=encoder)
    with pytest.raises(ParameterError, match="--variant tp"):
        model.set_params(variant="la")
    assert model.variant == "tp"


def test_an_encoder_that_says_nothing_of_words_is_told_when_training_begins(checkerboard):
    pytest.importorskip("torch")
    from toys import ToyFeatures

    model = Hiagm(variant="la", encoder=ToyFeatures(), width=8, device="cpu")
    with pytest.raises(ParameterError, match="Choose --encoder"):
        model.fit(checkerboard.X, checkerboard.Y, labels=checkerboard.labels)


def test_labels_that_attend_to_words_learn(checkerboard):
    pytest.importorskip("torch")
    encoder = BiLstm(width=16, hidden=16, min_count=1, word_dropout=0.0, dropout=0.0)
    model = Hiagm(
        variant="la", encoder=encoder, width=16, dropout=0.0, epochs=15, batch_size=8,
        head_lr=0.01, device="cpu",
    )  # fmt: skip
    model.fit(checkerboard.texts, checkerboard.Y, labels=checkerboard.labels)
    found, _ = labeltree.top_k(model.predict(checkerboard.texts, 2), 2)
    expected = np.sort(checkerboard.Y.indices.reshape(-1, 2), axis=1)
    np.testing.assert_array_equal(np.sort(found, axis=1), expected)
