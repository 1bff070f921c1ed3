"""A tiny random transformer with a tokenizer of its own, which tests of networks share."""

import atexit
import functools
import shutil
import string
import tempfile
from pathlib import Path

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [
    "the", "a", "of", "cat", "dog", "bird", "fish", "house", "tree", "red", "blue", "green", "old",
    "black", "white", "square", "board", "runs", "sits", "sings", "under", "over", "word", "text",
]  # fmt: skip
PIECES = [*string.ascii_lowercase, *string.digits, *string.ascii_uppercase, *string.punctuation]
VOCABULARY = [*SPECIAL, *WORDS, *PIECES, *(f"##{piece}" for piece in PIECES)]
"""Every word of ASCII characters can be written with it."""


def tiny_tokenizer(lowercase=True):
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    ids = {word: i for i, word in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = dict(zip(("pad", "unk", "cls", "sep", "mask"), SPECIAL, strict=True))
    special = {f"{name}_token": token for name, token in names.items()}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)


def tiny_model(width=16, layers=2, positions=64):
    import torch
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=len(VOCABULARY), hidden_size=width, num_hidden_layers=layers,
        num_attention_heads=2, intermediate_size=2 * width, max_position_embeddings=positions,
        initializer_range=0.2,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return BertModel(config).eval()


def write_tiny(folder, *, lowercase=True, **sizes):
    tiny_model(**sizes).save_pretrained(folder)
    tiny_tokenizer(lowercase).save_pretrained(folder)
    return str(folder)


@functools.cache
def tiny_folder(width=16, layers=2):
    """Return a folder that `Transformer(name=...)` takes; made once, gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="labeltree-tiny-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return write_tiny(folder, width=width, layers=layers)
