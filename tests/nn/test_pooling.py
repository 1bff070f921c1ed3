import json

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from tiny import tiny_folder, tiny_tokenizer, write_tiny  # noqa: E402

from labeltree.core.errors import ParameterError  # noqa: E402
from labeltree.nn.encoders import Transformer  # noqa: E402
from labeltree.nn.pooling import begins_with_cls  # noqa: E402
from labeltree.nn.pretrained import inspected  # noqa: E402

TOLD = [
    ({"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}, "mean"),
    ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
    ({"pooling_mode_max_tokens": True}, "max"),
    ({"pooling_mode_lasttoken": True, "pooling_mode_mean_tokens": False}, "lasttoken"),
    ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True}, "cls+mean"),
    ({"pooling_mode": "mean"}, "mean"),
    ({"pooling_mode": "cls"}, "cls"),
    ({"pooling_mode": "lasttoken"}, "lasttoken"),
    ({"pooling_mode": ["mean", "max"]}, "mean+max"),
    ({}, "mean"),
]


@pytest.fixture
def folder(tmp_path):
    write_tiny(tmp_path)
    return tmp_path


def write_pooling(folder, told):
    kind = "sentence_transformers.models"
    modules = [
        {"path": "", "type": f"{kind}.Transformer"},
        {"path": "0_Layers", "type": f"{kind}.WeightedLayerPooling"},
        {"path": "1_Pooling", "type": f"{kind}.Pooling"},
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(told))


@pytest.mark.parametrize(("told", "expected"), TOLD)
def test_sentence_encoders_say_how_they_pool(folder, told, expected):
    write_pooling(folder, told)
    assert inspected(str(folder)).pooling == expected
    if expected in ("mean", "cls"):
        assert Transformer(name=str(folder)).prepare([], 0).pooling == expected
    else:
        with pytest.raises(ParameterError) as caught:
            Transformer(name=str(folder)).prepare([], 0)
        assert f"trained with {expected} pooling, which is not offered" in str(caught.value)
    assert Transformer(name=str(folder), pooling="mean").prepare([], 0).pooling == "mean"


def without_cls(folder, *, behind=False):
    """Write a tokenizer that puts its token for the whole text behind the others, or nowhere."""
    from tokenizers import processors

    tokenizer = tiny_tokenizer()
    template = {"single": "$A [SEP]", "special_tokens": [("[SEP]", 3)]}
    if behind:
        template = {"single": "$A [CLS]", "special_tokens": [("[CLS]", 2)]}
    else:
        tokenizer.cls_token = None
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(**template)
    tokenizer.save_pretrained(folder)


@pytest.mark.parametrize("behind", [False, True])
def test_models_without_a_first_token_for_the_text(folder, behind):
    without_cls(folder, behind=behind)
    found = inspected(str(folder))
    assert (found.pooling, found.has_cls) == ("mean", False)
    assert Transformer(name=str(folder)).prepare([], 0).pooling == "mean"
    with pytest.raises(ParameterError, match="no token for the whole text first: use mean"):
        Transformer(name=str(folder), pooling="cls").prepare([], 0)


def test_a_sentence_encoder_may_be_trained_with_the_first_token_whatever_it_is(folder):
    without_cls(folder)
    write_pooling(folder, {"pooling_mode": "cls"})
    for pooling in ("auto", "cls"):
        assert Transformer(name=str(folder), pooling=pooling).prepare([], 0).pooling == "cls"


def test_other_models_pool_by_their_first_token():
    assert begins_with_cls(tiny_tokenizer())
    assert inspected(tiny_folder()).pooling == "cls"
    for pooling in ("auto", "mean", "cls", "pooler"):
        expected = "cls" if pooling == "auto" else pooling
        reading = Transformer(name=tiny_folder(), pooling=pooling).prepare([], 0)
        assert reading.pooling == expected
