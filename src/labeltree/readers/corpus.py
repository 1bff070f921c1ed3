"""The corpus that ships with the library."""

from __future__ import annotations

from pathlib import Path

from labeltree.readers.folder import Splits, read


def repair_cafe() -> Splits:
    """Return the project's own corpus: reports of a repair café, with a taxonomy of objects."""
    return read(Path(__file__).parent.parent / "corpus")
