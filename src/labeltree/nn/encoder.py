"""What a text encoder is: it learns how documents are read, and a reading builds the network.

The encoders to choose from are in `encoders`. Needs no torch.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from labeltree.core.errors import MissingExtraError, ParameterError
from labeltree.core.model import Takes
from labeltree.core.params import snake

if TYPE_CHECKING:
    from labeltree.nn.documents import Documents
    from labeltree.nn.text_encoder import TextEncoder

NEEDED = ("torch", "transformers", "accelerate")


class Reading(Protocol):
    """How documents become what an encoder reads; stored with the model."""

    def read(self, X: Any) -> Documents:
        """Return documents as the encoder reads them."""

    def module(self, pretrained: bool, seed: int) -> TextEncoder:
        """Return the network.

        Parameters
        ----------
        pretrained
            With the weights it begins training with; else random ones, which those of a saved
            model replace, and nothing is read from the disk or the network.
        """


class Encoder(Protocol):
    """Turns documents into vectors.

    One that gives a text's vector alone, and none of its words, has `keeps_tokens` = False. Of one
    that does not say, `keeps_tokens` is True.
    """

    takes: ClassVar[Takes]
    """What it reads: `text` or `features`."""

    def prepare(self, X: Any, seed: int) -> Reading:
        """Learn from training documents how they are read: vocabulary, weights of words."""


WITH_TOKENS = "Choose --encoder bi_lstm, bi_gru_cnn, or a transformer that is not frozen"
"""What to do where words are looked at."""


def check_tokens(model: str, encoder: Encoder) -> None:
    """Raise `ParameterError` if an encoder has no vectors of words, for a model of variant la."""
    if not getattr(encoder, "keeps_tokens", True):
        name = snake(type(encoder).__name__)
        raise ParameterError(
            f"{model}: --variant la looks at the words of a text, of which --encoder {name} keeps"
            f" no vectors as it is set. {WITH_TOKENS}; or --variant tp."
        )


def require_torch(*others: str) -> None:
    """Raise `MissingExtraError` if packages of the extra `nn` are not installed.

    Parameters
    ----------
    others
        Packages beside those that every network needs.
    """
    if any(find_spec(name) is None for name in (*NEEDED, *others)):
        raise MissingExtraError("This model", "nn")
