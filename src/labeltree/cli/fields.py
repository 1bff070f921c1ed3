"""From `--field value` to parameters: the one function that knows the fields of all models.

`--n-trees 3` sets a number, `--tree given` chooses a part by name, `--tree.max-leaf 50` sets a
field of a part (or of a part of that part, where only one has it). Several values are divided by
commas, `--models parabel,plt`, and counted from 0, `--models.1.search beam`. Where a part may be
called anything, `--encoder some/folder` is the one of that name.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Sequence
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from labeltree.core.errors import ParameterError
from labeltree.core.params import Params, descriptions, parameters, snake

P = TypeVar("P", bound=Params)


def pairs(tokens: Sequence[str]) -> list[tuple[str, str]]:
    """Return (field path, value) of `--a.b-c value` and `--a.b-c=value` tokens."""
    found, waiting = [], list(tokens)
    while waiting:
        token = waiting.pop(0)
        if not token.startswith("--"):
            raise ParameterError(f"unexpected argument {token!r}")
        name, given, value = token[2:].partition("=")
        if not given:
            if not waiting:
                raise ParameterError(f"{token} needs a value")
            value = waiting.pop(0)
        found.append((name.replace("-", "_"), value))
    return found


def configured(params: P, settings: Sequence[tuple[str, str]]) -> P:
    """Set fields of `params` from words; parts are chosen before their fields are set."""
    for path, word in sorted(settings, key=lambda s: s[0].count(".")):
        _set(params, path.split("."), word)
    params.check()
    return params


def _set(params: Params, path: list[str], word: str) -> None:
    name = path[0]
    if name not in _names(params):
        holder = _only_part_with(params, name)
        _set(holder, path, word)
        return
    if len(path) > 1:
        part = getattr(params, name)
        if isinstance(part, Sequence) and path[1].isdigit() and int(path[1]) < len(part):
            part, path = part[int(path[1])], path[1:]
        if not isinstance(part, Params) or len(path) < 2:
            raise ParameterError(f"{name} has no fields of its own, so no {'.'.join(path)}")
        _set(part, path[1:], word)
        return
    annotation = get_type_hints(type(params))[name]
    setattr(params, name, _value(annotation, word, name))


def word_at(params: Params, path: str) -> str:
    """Return the word that sets a field to the value it has; see `configured` for paths.

    Raises
    ------
    ParameterError
        If there is no such field.
    """
    name, _, rest = path.replace("-", "_").partition(".")
    if name not in _names(params):
        return word_at(_only_part_with(params, name), path)
    value = getattr(params, name)
    if rest and isinstance(value, Params):
        return word_at(value, rest)
    if rest:
        raise ParameterError(f"{name} has no fields of its own, so no {path}")
    return snake(type(value).__name__) if isinstance(value, Params) else str(value)


def _names(params: Params) -> list[str]:
    return [f.name for f in parameters(type(params))]


def _only_part_with(params: Params, name: str) -> Params:
    parts = [v for v in params.get_params(deep=False).values() if isinstance(v, Params)]
    holders = [part for part in parts if name in _names(part)]
    if len(holders) == 1 and not hasattr(params, "takes"):
        return holders[0]
    raise ParameterError(
        f"{snake(type(params).__name__)} has no field {name!r}. It has: {', '.join(_names(params))}"
    )


def _value(annotation: Any, word: str, name: str) -> Any:
    if get_origin(annotation) is Sequence:
        (item,) = get_args(annotation)
        return tuple(_value(item, w.strip(), name) for w in word.split(","))
    if annotation is bool:
        if word.lower() not in ("true", "false", "yes", "no", "1", "0"):
            raise ParameterError(f"{name}: true or false wanted, found {word!r}")
        return word.lower() in ("true", "yes", "1")
    if annotation in (int, float):
        try:
            return annotation(word)
        except ValueError as error:
            kind = "whole number" if annotation is int else "number"
            raise ParameterError(f"{name}: a {kind} wanted, found {word!r}") from error
    if annotation is str:
        return word
    return _part(part_names(annotation), word, name)


def _part(choices: dict[str, type[Params]], word: str, name: str) -> Params:
    """Return the part of that name; or the one that may be called anything, called so."""
    if word.replace("-", "_") in choices:
        return choices[word.replace("-", "_")]()
    named = [part for part in choices.values() if part.named_by]
    if len(named) != 1:
        raise ParameterError(f"{name}: one of {', '.join(choices)} wanted, found {word!r}")
    return named[0](**{named[0].named_by: word})


def part_names(annotation: Any) -> dict[str, type[Params]]:
    """Return the known parts that fit an annotation: a union, a class, or a protocol."""
    if get_origin(annotation) in (Union, types.UnionType):
        return {snake(c.__name__): c for c in get_args(annotation)}
    if annotation.__name__ == "BaseModel":
        from labeltree.models import find, names

        return {name: find(name) for name in names() if name != "pipeline"}
    if not getattr(annotation, "_is_protocol", False):
        return {snake(annotation.__name__): annotation}
    members = [m for m in vars(annotation) if not m.startswith("_")]
    return {
        name: part
        for name, part in sorted(Params.known.items())
        if all(_has(part, m, getattr(annotation, m)) for m in members)
    }


def _has(part: type[Params], member: str, wanted: Any) -> bool:
    """Whether a part has a member of a protocol; methods of that name must take the same."""
    found = getattr(part, member, None)
    if not callable(wanted):
        return hasattr(part, member)
    names = inspect.signature(wanted).parameters
    return callable(found) and set(names) <= set(inspect.signature(found).parameters)


def table(params: Params, prefix: str = "") -> list[tuple[str, str, str]]:
    """Return (flag, default, help) of every field, those of parts indented by their path."""
    rows = []
    about = descriptions(type(params))
    for field in parameters(type(params)):
        value = getattr(params, field.name)
        path = f"{prefix}{field.name}"
        flag = "--" + path.replace("_", "-")
        if isinstance(value, Params):
            rows.append((flag, snake(type(value).__name__), about.get(field.name, "")))
            rows += table(value, path + ".")
        elif isinstance(value, (list, tuple)):
            words = [snake(type(v).__name__) if isinstance(v, Params) else str(v) for v in value]
            rows.append((flag, ",".join(words), about.get(field.name, "")))
        else:
            rows.append((flag, str(value), about.get(field.name, "")))
    return rows
