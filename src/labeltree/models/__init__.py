"""The table of contents: one file a published model. The folder is the registry."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from labeltree.core import store
from labeltree.core.errors import ParameterError
from labeltree.core.model import BaseModel

GROUP = "labeltree.models"
"""Entry points of this group add models of third parties: name = "package.module:Class"."""


def names() -> list[str]:
    """Return the names of all models, own ones and those of installed plug-ins."""
    own = [module.name for module in pkgutil.iter_modules(__path__)]
    return sorted({*own, *(point.name for point in entry_points(group=GROUP))})


def find(name: str) -> type[BaseModel]:
    """Return the model class of that name.

    Raises
    ------
    ParameterError
        If there is none; the message lists the names.
    """
    if name in {module.name for module in pkgutil.iter_modules(__path__)}:
        module = import_module(f"labeltree.models.{name}")
        found: type[BaseModel] = getattr(module, module.__all__[0])
        return found
    for point in entry_points(group=GROUP, name=name):
        plugged: type[BaseModel] = point.load()
        return plugged
    raise ParameterError(f"There is no model called {name!r}. There are: {', '.join(names())}.")


def load(path: str | Path, *, verify: bool = True) -> BaseModel:
    """Read a saved model.

    Parameters
    ----------
    verify
        Compare every file with its checksum; servers that did so before may skip it.

    Raises
    ------
    StoreError
        If the folder is damaged, incomplete, or of a newer format.
    """
    header, state = store.read_folder(path, verify=verify, prepare=_import_models)
    if "threshold" in state:  # folders of the first format kept one bare threshold
        from labeltree.metrics.decider import Decider

        state["decider"] = Decider(state.pop("threshold"))
    return find(header["model"]).from_state(header, state, find)


def _import_models(header: dict[str, Any]) -> None:
    """Import what a saved model is made of: its class, models inside it, decisions."""
    import_module("labeltree.metrics.decider")
    find(header["model"])
    for inner in header.get("models", {}).values():
        _import_models(inner)
    for value in header["params"].values():
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, dict) and part.get("part") in names():
                _import_models({"model": part["part"], "params": part})
