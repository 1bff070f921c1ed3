"""Classify text into large label hierarchies: every label space is a tree, given or grown."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "Dataset": "core.dataset",
    "Hierarchy": "core.hierarchy",
    "Inputs": "core.dataset",
    "LabelTree": "core.tree",
    "Labels": "core.labels",
    "evaluate": "run.evaluate",
    "explain": "run.explain",
    "find": "models",
    "load": "models",
    "names": "models",
    "read": "readers",
    "top_k": "core.scores",
}

__all__ = ["__version__", *_HOME]  # noqa: PLE0604 - the names above, loaded when first used


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'labeltree' has no attribute {name!r}")
    return getattr(import_module(f"labeltree.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
