"""Which fields are searched, and over what: "0.1..10:log", "5..50", "50,100,200"."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from labeltree.core.errors import ParameterError
from labeltree.core.params import Params, parameters

DIGITS = 3
"""Significant digits of a number that is tried: the command line repeats it exactly."""
_WANTED = "LOW..HIGH, LOW..HIGH:log, or words divided by commas, wanted"


@dataclass(frozen=True)
class Dimension:
    """One field and the values it may take.

    Examples
    --------
    >>> Dimension.parse("solver.C=0.1..10:log")
    Dimension(path='solver.C', choices=(), low=0.1, high=10.0, log=True, whole=False)
    >>> Dimension.parse("tree.max-leaf=50,100").choices
    ('50', '100')
    """

    path: str
    """The field as on the command line: "tree.max-leaf"."""
    choices: tuple[str, ...] = ()
    """Words to choose from; empty for a range."""
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    """Whether a range is searched on a logarithmic scale."""
    whole: bool = False
    """Whether a range holds whole numbers: both ends were written as such."""

    @classmethod
    def parse(cls, text: str) -> Dimension:
        """Read "field=range".

        Raises
        ------
        ParameterError
            If there is no field or no range, or the range is empty.
        """
        path, _, values = text.partition("=")
        path = path.removeprefix("--").replace("_", "-")
        if not path or not values:
            raise ParameterError(f"search: FIELD={_WANTED}, found {text!r}")
        if ".." not in values:
            choices = tuple(word.strip() for word in values.split(","))
            if "" in choices or len(set(choices)) < len(choices):
                raise ParameterError(f"search {path}: a word is empty or repeats in {values!r}")
            return cls(path, choices)
        ends, _, scale = values.partition(":")
        low, _, high = ends.partition("..")
        with suppress(ValueError):
            found = cls(path, (), float(low), float(high), scale == "log", _whole(low, high))
            if found.low < found.high < float("inf") and scale in ("", "log"):
                if found.log and found.low <= 0:
                    raise ParameterError(f"search {path}: a logarithmic range begins above 0")
                return found
        raise ParameterError(f"search {path}: {_WANTED}, found {values!r}")

    @property
    def spelled(self) -> str:
        """The text it was read from, in one spelling."""
        if self.choices:
            return f"{self.path}={','.join(self.choices)}"
        scale = ":log" if self.log else ""
        return f"{self.path}={self._word(self.low)}..{self._word(self.high)}{scale}"

    @property
    def example(self) -> str:
        """One of the values."""
        return self.choices[0] if self.choices else self._word(self.low)

    def suggest(self, trial: Any) -> str:
        """Ask an optuna trial for a value; return it as a word."""
        if self.choices:
            return str(trial.suggest_categorical(self.path, self.choices))
        if self.whole:
            low, high = int(self.low), int(self.high)
            return str(trial.suggest_int(self.path, low, high, log=self.log))
        return self._word(trial.suggest_float(self.path, self.low, self.high, log=self.log))

    def stored(self, word: str | None) -> Any:
        """Return a word as optuna stores it, or None if it is not among the values."""
        if word is None or self.choices:
            return word if word in self.choices else None
        with suppress(ValueError):
            value = int(word) if self.whole else float(word)
            return value if self.low <= value <= self.high else None
        return None

    def _word(self, value: float) -> str:
        return str(int(value)) if self.whole else f"{value:.{DIGITS}g}"


def default_space(params: Params, prefix: str = "") -> list[str]:
    """Return "field=range" of all fields that declare what is worth trying, those of parts too."""
    found = []
    for field in parameters(type(params)):
        value = getattr(params, field.name)
        path = prefix + field.name.replace("_", "-")
        if isinstance(value, Params):
            found += default_space(value, path + ".")
        elif field.metadata.get("search"):
            found.append(f"{path}={field.metadata['search']}")
    return found


def _whole(*words: str) -> bool:
    return all(word.strip().lstrip("-").isdigit() for word in words)
