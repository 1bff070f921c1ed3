import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tiny import tiny_folder, tiny_tokenizer, write_tiny  # noqa: E402

from labeltree.core.dataset import Inputs  # noqa: E402
from labeltree.core.errors import DataError, ParameterError  # noqa: E402
from labeltree.nn import readings  # noqa: E402
from labeltree.nn.encoders import BiGruCnn, FeatureMlp, TfidfMlp, Transformer  # noqa: E402

TEXTS = ["The old cat sings.", "A DOG runs, of the house", "", "bird " * 200]


def reading(**options):
    return Transformer(name=tiny_folder(), **options).prepare(TEXTS, 0)


def tokens(documents):
    return [
        documents.ids[a:b].tolist() for a, b in zip(documents.ptr, documents.ptr[1:], strict=False)
    ]


def test_tokens_are_the_tokenizers_own_of_the_raw_text():
    """Nothing is cleaned: function words, punctuation and case are the tokenizer's affair."""
    tokenizer = tiny_tokenizer()
    found = tokens(reading().read(TEXTS))
    assert found[:3] == [tokenizer(text)["input_ids"] for text in TEXTS[:3]]
    assert tokenizer.convert_tokens_to_ids("the") in found[0]
    assert tokenizer.convert_tokens_to_ids(".") in found[0]


def test_capital_letters_reach_a_tokenizer_that_knows_them(tmp_path):
    name = write_tiny(tmp_path, lowercase=False)
    cased = Transformer(name=name).prepare(TEXTS, 0)
    small, large = tokens(cased.read(["dog", "DOG"]))
    assert small != large
    assert len(large) == 5  # D ##O ##G


def test_long_texts_are_cut_as_the_tokenizer_cuts():
    found = tokens(reading(max_length=20).read(TEXTS))
    assert found[3] == tiny_tokenizer()(TEXTS[3], truncation=True, max_length=20)["input_ids"]
    assert len(found[3]) == 20
    assert found[3][-1] == 3
    assert reading(max_length=999).max_length == 64  # what the model has positions for


def test_of_long_texts_only_the_beginning_is_tokenised_unless_that_is_too_little(monkeypatch):
    texts = ["cat " * 500, " " * 3000 + "cat dog", "q" * 3000 + " bird", "cat"]
    expected = tokens(reading(max_length=16).read(texts))
    monkeypatch.setattr(readings, "CHARACTERS", 8)
    assert tokens(reading(max_length=16).read(texts)) == expected


def test_empty_texts_have_their_special_tokens_or_padding():
    assert tokens(reading().read(["", "   "])) == [[2, 3], [2, 3]]
    words = BiGruCnn(min_count=1).prepare(TEXTS, 0)
    assert tokens(words.read(["", "the", "?"])) == [[1], [1], [1]]


def test_many_texts_are_read_in_blocks(monkeypatch):
    texts = [f"cat {i}" for i in range(11)]
    whole = tokens(reading().read(texts))
    monkeypatch.setattr(readings, "BLOCK", 4)
    assert tokens(reading().read(texts)) == whole
    assert len(reading().read([])) == 0


def test_odd_characters_are_read():
    texts = ["cat \ud800 dog", "\x00", "😀 é ß", "\u202e"]
    assert len(tokens(reading().read(texts))) == 4
    assert len(tokens(BiGruCnn(min_count=1).prepare(TEXTS, 0).read(texts))) == 4


@pytest.mark.parametrize("encoder", [Transformer(name=tiny_folder()), BiGruCnn(), TfidfMlp()])
def test_what_is_no_text_is_refused(encoder):
    prepared = encoder.prepare(["cat dog cat dog", "dog"], 0)
    for wrong, why in [
        ("cat", "one text"), (np.zeros((2, 2)), "matrix"), (["cat", None], "Text 1 is no string"),
    ]:  # fmt: skip
        with pytest.raises(DataError, match=why):
            prepared.read(wrong)
    both = Inputs(["cat"], np.zeros((1, 2)))
    assert len(prepared.read(both)) == len(prepared.read(np.array(["cat"]))) == 1


def test_features_are_checked():
    prepared = FeatureMlp().prepare(np.eye(3), 0)
    with pytest.raises(DataError, match="trained on 3"):
        prepared.read(np.eye(4))
    with pytest.raises(DataError, match="NaN"):
        prepared.read(np.full((1, 3), np.nan))
    with pytest.raises(DataError, match="features"):
        prepared.read(["a text"])


def test_a_loaded_reading_has_no_weights_to_begin_with():
    from dataclasses import replace

    with pytest.raises(ParameterError, match="fit again"):
        replace(reading(), source="").module(True, 0)


def test_weights_follow_from_the_seed_and_torch_is_left_alone():
    for prepared in (reading(), BiGruCnn(min_count=1).prepare(TEXTS, 0)):
        torch.manual_seed(5)
        before = torch.random.get_rng_state()
        a, b, c = (prepared.module(False, seed).state_dict() for seed in (1, 1, 2))
        assert torch.equal(before, torch.random.get_rng_state())
        assert all(torch.equal(a[name], b[name]) for name in a)
        assert not all(torch.equal(a[name], c[name]) for name in a)


@pytest.mark.parametrize("encoder", [TfidfMlp(hidden=4), Transformer(name=tiny_folder())])
def test_weights_are_drawn_without_a_trace(encoder, monkeypatch):
    """Neither here nor on graphics cards, which torch.manual_seed would seed as well."""
    seeds = []
    monkeypatch.setattr("torch.cuda.manual_seed_all", seeds.append)
    made = encoder.prepare(TEXTS * 3, 0)
    before = torch.get_rng_state()
    one, again = (made.module(False, 3).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert torch.equal(torch.get_rng_state(), before)
    assert seeds == []
