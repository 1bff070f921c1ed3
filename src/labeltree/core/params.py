"""Parameters as dataclass fields: one declaration for Python, command line, docs and JSON.

`Params` gives models and parts `get_params`, `set_params` and JSON both ways, in the manner of
scikit-learn (nested names with `__`), without importing it.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import os
import re
import textwrap
from collections.abc import Callable, Sequence
from math import isfinite
from numbers import Integral, Real
from types import NoneType
from typing import Any, ClassVar, Self

from labeltree.core.errors import ParameterError

Check = Callable[[Any], str]
"""Returns what is wanted if the value is wrong, else an empty string."""


def _declared(default: Any, check: Check, search: str = "") -> Any:
    """Declare a field; `search` is what `labeltree search` tries by itself: "0.1..10:log"."""
    return dataclasses.field(default=default, metadata={"check": check, "search": search})


def positive(default: float, *, search: str = "") -> Any:
    """Declare a number above 0."""
    wanted = "a number above 0"
    return _declared(default, lambda v: "" if _is_number(v) and v > 0 else wanted, search)


def at_least(low: float, default: float, *, search: str = "") -> Any:
    """Declare a number of `low` or more."""
    wanted = f"a number of {low} or more"
    return _declared(default, lambda v: "" if _is_number(v) and v >= low else wanted, search)


def several(low: float, default: Sequence[float]) -> Any:
    """Declare as many numbers of `low` or more as the default has."""
    wanted = f"{len(default)} numbers of {low} or more"

    def right(value: Any) -> bool:
        return isinstance(value, Sequence) and len(value) == len(default) and all(
            _is_number(v) and v >= low for v in value
        )  # fmt: skip

    return _declared(default, lambda v: "" if right(v) else wanted)


def within(low: float, high: float, default: float) -> Any:
    """Declare a number from `low` to `high`, both included."""
    return _declared(
        default, lambda v: "" if _is_number(v) and low <= v <= high else f"from {low} to {high}"
    )


def whole(low: int, default: int, *, search: str = "") -> Any:
    """Declare a whole number of `low` or more."""
    wanted = f"a whole number of {low} or more"
    return _declared(default, lambda v: "" if is_whole(v) and v >= low else wanted, search)


def jobs() -> Any:
    """Declare a number of threads: -1 for all cores, else 1 or more."""
    return _declared(-1, lambda v: "" if is_whole(v) and (v == -1 or v >= 1) else "-1 or 1 or more")


def seeds() -> Any:
    """Declare a seed: what every source of random numbers takes, numpy's and torch's."""
    return _declared(
        0, lambda v: "" if is_whole(v) and 0 <= v < 2**63 else "a whole number from 0 to 2^63 - 1"
    )


def choice(default: str | int, options: Sequence[str] | Sequence[int]) -> Any:
    """Declare one of a few words or numbers."""
    wanted = "one of " + ", ".join(map(str, options))
    return _declared(default, lambda v: "" if v in options and v is not True else wanted)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and isfinite(value)


def is_whole(value: Any) -> bool:
    """Return whether a value is a whole number, Python's or numpy's."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def snake(name: str) -> str:
    """Return the command-line spelling of a class name: `KMeans` -> `k_means`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


class Params:
    """Mixin for dataclasses whose fields are parameters; learned state ends in `_`.

    Parts (parameters that are objects themselves) are `Params` too. A subclass is known by the
    snake-case form of its name, which is how saved files and the command line call it.
    """

    known: ClassVar[dict[str, type[Params]]] = {}
    named_by: ClassVar[str] = ""
    """The field that a word sets where a part is wanted and the word is the name of none: with
    "name", `--encoder some/folder` is the encoder of that name."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        Params.known[snake(cls.__name__)] = cls

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Compare each field with what was declared beside it.

        Raises
        ------
        ParameterError
            Naming the field, the value found and what is wanted.
        """
        for field in parameters(type(self)):
            value = getattr(self, field.name)
            check = _no_part if _is_part(field) else field.metadata.get("check")
            for part in value if isinstance(value, (list, tuple)) else [value]:
                if isinstance(part, Params):
                    part.check()
            wanted = check(value) if check else ""
            if wanted:
                raise ParameterError(
                    f"{type(self).__name__}: {field.name} must be {wanted}, found {value!r}."
                )

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters; with `deep` those of parts too, as `part__name`."""
        params = {f.name: getattr(self, f.name) for f in parameters(type(self))}
        if deep:
            for name, value in list(params.items()):
                if isinstance(value, Params):
                    params |= {f"{name}__{k}": v for k, v in value.get_params().items()}
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters, `part__name` for those of parts; returns self.

        Raises
        ------
        ParameterError
            If a name does not exist or a value is out of range; then own parameters are as before.
        """
        before = self.get_params(deep=False)
        own: dict[str, Any] = {}
        nested: dict[str, dict[str, Any]] = {}
        for key, value in params.items():
            name, _, rest = key.partition("__")
            if name not in before:
                raise _unknown(type(self), name)
            if rest:
                nested.setdefault(name, {})[rest] = value
            else:
                own[name] = value
        try:
            self._assign(own)
            self.check()
            for name, values in nested.items():
                part = getattr(self, name)
                if not isinstance(part, Params):
                    raise ParameterError(
                        f"{type(self).__name__}: {name} has no parameters of its own."
                    )
                part.set_params(**values)
            self.check()
        except ParameterError:
            self._assign(before)
            raise
        return self

    def _assign(self, values: dict[str, Any]) -> None:
        for name, value in values.items():
            setattr(self, name, value)

    def to_json(self) -> dict[str, Any]:
        """Return the parameters as JSON values; parts become objects with a `part` entry."""
        return {k: _to_json(v) for k, v in self.get_params(deep=False).items()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Build from what `to_json` returned.

        Raises
        ------
        ParameterError
            If it names a parameter or a part that does not exist, or a value is out of range.
        """
        own = {f.name for f in parameters(cls)}
        for name in values:
            if name not in own:
                raise _unknown(cls, name)
        return cls(**{k: _from_json(v) for k, v in values.items()})


def _is_part(field: dataclasses.Field[Any]) -> bool:
    made = field.default_factory
    return isinstance(made, type) and issubclass(made, Params)


def _no_part(value: Any) -> str:
    is_word = isinstance(value, (str, int, float, NoneType))
    return "a part, an object with fields of its own" if is_word else ""


def _unknown(cls: type[Params], name: str) -> ParameterError:
    own = ", ".join(sorted(f.name for f in parameters(cls)))
    return ParameterError(f"{cls.__name__} has no parameter {name!r}. It has: {own or 'none'}.")


def _to_json(value: Any) -> Any:
    if isinstance(value, Params):
        return {"part": snake(type(value).__name__), **value.to_json()}
    if isinstance(value, (list, tuple)):
        return [_to_json(v) for v in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value.item() if hasattr(value, "item") else value


def _from_json(value: Any) -> Any:
    if isinstance(value, dict) and "part" in value:
        name = value["part"]
        if name not in Params.known:
            raise ParameterError(f"There is no part called {name!r} in this installation.")
        return Params.known[name].from_json({k: v for k, v in value.items() if k != "part"})
    return tuple(_from_json(v) for v in value) if isinstance(value, list) else value


def parameters(cls: type[Params]) -> list[dataclasses.Field[Any]]:
    """Return the fields of `cls` that are parameters."""
    return [f for f in dataclasses.fields(cls) if f.init]  # type: ignore[arg-type]


def descriptions(cls: type[Params]) -> dict[str, str]:
    """Return the docstring under each field: the help text of the command line and the docs."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if not (dataclasses.is_dataclass(base) and issubclass(base, Params)):
            continue
        try:
            body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
        except (OSError, TypeError, SyntaxError):  # made by exec or an interpreter: no source
            continue
        assert isinstance(body, ast.ClassDef)
        for field, text in zip(body.body, body.body[1:], strict=False):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
                and isinstance(text.value.value, str)
            ):
                found[field.target.id] = " ".join(text.value.value.split())
    return found
